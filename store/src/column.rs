//! The codec of one column: the values of one series in one block, bit for bit.
//!
//! Values that are decimals with few digits (goroutine counts, bytes, milliseconds) become integers and take one of
//! four shapes; all others stay floats, split into byte planes so that zstd sees the bytes that change apart from
//! those that do not. -0.0, NaN with any payload and infinities are no integers here: whether a value takes the
//! integer path is decided by decoding it and comparing bits.
//!
//! A column writes into three streams that the block concatenates over its columns, like with like: `heads` (shape
//! and first value), `ints` (varints) and `planes` (bytes of floats).

use crate::bytes::{Cursor, Malformed, put_zigzag, zigzag};

/// All values are the same bits.
const CONST: u8 = 0;
/// Integers in equal steps.
const LINEAR: u8 = 1;
/// Integers, each as its difference to the one before.
const DELTA: u8 = 2;
/// Integers, each as the change of that difference.
const DELTA_DELTA: u8 = 3;
/// Floats, each as the exclusive or with the one before.
const XOR: u8 = 4;
/// Floats, each as the difference of its place in the order of floats to that of the one before.
const ORDERED: u8 = 5;

/// In place of a decimal exponent: the constant's bits follow as they are.
const RAW: u8 = 255;

/// Powers of ten a value may be scaled by: nine digits after the point.
const SCALES: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Scaled magnitudes stay below this, so that every integer below is a float of its own (2^53 is 9.007e15).
const INTEGER_MAX: f64 = 9e15;

/// The three streams of a block.
#[derive(Debug, Default)]
pub(crate) struct Streams<T> {
    /// Shapes and first values.
    pub(crate) heads: T,
    /// Varints.
    pub(crate) ints: T,
    /// Byte planes of floats.
    pub(crate) planes: T,
}

/// Appends one column. A column without a value appends nothing.
pub(crate) fn encode(values: &[f64], out: &mut Streams<Vec<u8>>) {
    let Some((&first, rest)) = values.split_first() else { return };
    if rest.iter().all(|v| v.to_bits() == first.to_bits()) {
        out.heads.push(CONST);
        match as_integers(&[first]).as_ref().map(|(exponent, integers)| (*exponent, integers.as_slice())) {
            Some((exponent, &[integer])) => {
                out.heads.push(exponent);
                put_zigzag(&mut out.heads, integer);
            }
            _ => {
                out.heads.push(RAW);
                out.heads.extend_from_slice(&first.to_bits().to_le_bytes());
            }
        }
        return;
    }
    match as_integers(values) {
        Some((exponent, integers)) => encode_integers(exponent, &integers, out),
        None => encode_floats(values, out),
    }
}

/// Scales all values by the smallest power of ten that makes each an integer which decodes to the same bits.
fn as_integers(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut integers = Vec::with_capacity(values.len());
    for (exponent, &scale) in (0..).zip(&SCALES) {
        integers.clear();
        integers.extend(values.iter().map_while(|&value| exact_integer(value, scale)));
        if integers.len() == values.len() {
            return Some((exponent, integers));
        }
    }
    None
}

#[inline]
fn exact_integer(value: f64, scale: f64) -> Option<i64> {
    let scaled = (value * scale).round();
    // Not a number compares false, so it is refused here as well.
    if scaled.abs() < INTEGER_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "an integral float below 9e15 fits")]
        let integer = scaled as i64;
        (from_integer(integer, scale).to_bits() == value.to_bits()).then_some(integer)
    } else {
        None
    }
}

/// What the decoder computes; the encoder checks against the same expression.
#[inline]
fn from_integer(integer: i64, scale: f64) -> f64 {
    integer as f64 / scale
}

fn encode_integers(exponent: u8, integers: &[i64], out: &mut Streams<Vec<u8>>) {
    let steps = differences(integers);
    let bends = differences(&steps);
    let (Some(&first), Some(&step)) = (integers.first(), steps.first()) else { return };
    let shape = if bends.iter().all(|&bend| bend == 0) {
        LINEAR
    } else if bits(&bends) * 100 < bits(&steps) * 95 {
        DELTA_DELTA
    } else {
        DELTA
    };
    out.heads.push(shape);
    out.heads.push(exponent);
    put_zigzag(&mut out.heads, first);
    if shape != DELTA {
        put_zigzag(&mut out.heads, step);
    }
    let stored = match shape {
        LINEAR => &[][..],
        DELTA_DELTA => &bends,
        _ => &steps,
    };
    for &value in stored {
        put_zigzag(&mut out.ints, value);
    }
}

fn differences(values: &[i64]) -> Vec<i64> {
    values.iter().zip(values.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a)).collect()
}

/// Significant bits in all values, a proxy for what zstd will make of their varints.
fn bits(values: &[i64]) -> u64 {
    values.iter().map(|&value| u64::from(u64::BITS - zigzag(value).leading_zeros()) + 1).sum()
}

fn encode_floats(values: &[f64], out: &mut Streams<Vec<u8>>) {
    let pairs = || values.iter().zip(values.iter().skip(1));
    let xors: Vec<u64> = pairs().map(|(a, b)| a.to_bits() ^ b.to_bits()).collect();
    let moves: Vec<u64> = pairs().map(|(a, b)| zigzag(place(*b).wrapping_sub(place(*a)))).collect();
    let width = |words: &[u64]| words.iter().map(|w| u64::from(u64::BITS - w.leading_zeros())).sum::<u64>();
    let (shape, words) = if width(&moves) < width(&xors) { (ORDERED, moves) } else { (XOR, xors) };
    out.heads.push(shape);
    out.heads.extend(values.iter().take(1).flat_map(|first| first.to_bits().to_le_bytes()));
    for shift in [56, 48, 40, 32, 24, 16, 8, 0] {
        out.planes.extend(words.iter().map(|word| (word >> shift & 0xff) as u8));
    }
}

/// Maps a float to an integer so that the order of floats is the order of integers, -0.0 just below 0.0.
fn place(value: f64) -> i64 {
    flip(value.to_bits().cast_signed())
}

/// Turns the order of negative floats around; its own inverse.
fn flip(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// Reads a column of `count` values, at most a block's; 0 values read nothing.
pub(crate) fn decode(
    count: usize,
    from: &mut Streams<Cursor<'_>>,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    out.clear();
    if count == 0 {
        return Ok(());
    }
    let shape = from.heads.u8()?;
    match shape {
        CONST => {
            let value = match from.heads.u8()? {
                RAW => f64::from_bits(from.heads.u64()?),
                exponent => from_integer(from.heads.zigzag()?, scale(exponent, &from.heads)?),
            };
            out.resize(count, value);
        }
        LINEAR | DELTA | DELTA_DELTA => decode_integers(shape, count, from, out)?,
        XOR | ORDERED => decode_floats(shape, count, from, out)?,
        _ => return from.heads.fail("unknown shape of a column"),
    }
    Ok(())
}

fn scale(exponent: u8, at: &Cursor<'_>) -> Result<f64, Malformed> {
    match SCALES.get(usize::from(exponent)) {
        Some(&scale) => Ok(scale),
        None => at.fail("decimal exponent above 9"),
    }
}

fn decode_integers(
    shape: u8,
    count: usize,
    from: &mut Streams<Cursor<'_>>,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    let exponent = from.heads.u8()?;
    let scale = scale(exponent, &from.heads)?;
    let mut value = from.heads.zigzag()?;
    let mut step = if shape == DELTA { 0 } else { from.heads.zigzag()? };
    out.push(from_integer(value, scale));
    for i in 1..count {
        match shape {
            DELTA => step = from.ints.zigzag()?,
            DELTA_DELTA if i > 1 => step = step.wrapping_add(from.ints.zigzag()?),
            _ => {}
        }
        value = value.wrapping_add(step);
        out.push(from_integer(value, scale));
    }
    Ok(())
}

fn decode_floats(
    shape: u8,
    count: usize,
    from: &mut Streams<Cursor<'_>>,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    let mut bits = from.heads.u64()?;
    let mut words = vec![0_u64; count - 1];
    let planes = from.planes.take(8 * words.len())?;
    for plane in planes.chunks_exact(words.len().max(1)) {
        for (word, &byte) in words.iter_mut().zip(plane) {
            *word = *word << 8 | u64::from(byte);
        }
    }
    out.push(f64::from_bits(bits));
    for word in words {
        bits = match shape {
            XOR => bits ^ word,
            _ => flip(flip(bits.cast_signed()).wrapping_add(crate::bytes::unzigzag(word))).cast_unsigned(),
        };
        out.push(f64::from_bits(bits));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Streams, decode, encode};
    use crate::bytes::Cursor;
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

    /// Values that other stores get wrong, beside ordinary ones.
    pub(crate) fn odd_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            Just(0.0),
            Just(-0.0),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MIN_POSITIVE / 4.0),
            Just(f64::MAX),
            Just(9_007_199_254_740_993.0),
            any::<u64>().prop_map(f64::from_bits),
            any::<u64>().prop_map(|payload| f64::from_bits(payload | 0x7ff0_0000_0000_0001)),
            any::<i32>().prop_map(f64::from),
            any::<i32>().prop_map(|v| f64::from(v) / 100.0),
            any::<i64>().prop_map(|v| v as f64),
            any::<f64>(),
        ]
    }

    /// Columns as series make them, and columns of odd values only.
    pub(crate) fn column(max: usize) -> impl Strategy<Value = Vec<f64>> {
        let lengths = 1..=max;
        prop_oneof![
            prop::collection::vec(odd_value(), lengths.clone()),
            (odd_value(), lengths.clone()).prop_map(|(v, n)| vec![v; n]),
            (any::<i32>(), -1000..1000_i32, 0..4_i32, lengths.clone()).prop_map(
                |(first, step, digits, n)| {
                    (0..n)
                        .map(|i| (f64::from(first) + i as f64 * f64::from(step)) / 10_f64.powi(digits))
                        .collect()
                }
            ),
            prop::collection::vec(0..50_i32, lengths.clone())
                .prop_map(|v| v.into_iter().map(f64::from).collect()),
            (any::<f64>(), prop::collection::vec(-1.0..1.0_f64, lengths)).prop_map(|(first, moves)| {
                moves
                    .into_iter()
                    .scan(first, |at, by| {
                        *at += by;
                        Some(*at)
                    })
                    .collect()
            }),
        ]
    }

    #[track_caller]
    fn check(values: &[f64]) -> usize {
        let mut out = Streams::default();
        encode(values, &mut out);
        let mut from = Streams {
            heads: Cursor::new(&out.heads),
            ints: Cursor::new(&out.ints),
            planes: Cursor::new(&out.planes),
        };
        let mut back = Vec::new();
        decode(values.len(), &mut from, &mut back).unwrap();
        let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(values), "{values:?}");
        assert!(from.heads.end().is_ok() && from.ints.end().is_ok() && from.planes.end().is_ok());
        out.heads.len() + out.ints.len() + out.planes.len()
    }

    proptest! {
        #[test]
        fn every_column_comes_back_bit_for_bit(values in column(480)) {
            check(&values);
        }
    }

    #[test]
    fn floats_that_look_like_integers_keep_their_bits() {
        check(&[-0.0]);
        check(&[-0.0, 0.0, -0.0]);
        check(&[0.0, -0.0, 1.0]);
        check(&[f64::NAN, -f64::NAN, f64::from_bits(0x7ff8_0000_dead_beef)]);
        check(&[f64::INFINITY, 1.0, f64::NEG_INFINITY]);
        check(&[8.999_999_999_999_999e15, 9.0e15, 9.1e15]);
        check(&[0.1, 0.2, 0.3, 0.1 + 0.2]);
    }

    #[test]
    fn common_series_take_few_bytes() {
        assert!(check(&[7.0; 480]) <= 3);
        assert!(check(&(0..480).map(|i| f64::from(i) * 15.0).collect::<Vec<_>>()) <= 6);
        assert!(check(&(0..480).map(|i| f64::from(i % 7) / 100.0).collect::<Vec<_>>()) <= 490);
    }

    #[test]
    fn an_exponent_or_shape_that_does_not_exist_is_refused() {
        for heads in [&[9, 0, 0][..], &[2, 10, 0], &[0, 11, 0], &[], &[4, 0, 0]] {
            let mut from =
                Streams { heads: Cursor::new(heads), ints: Cursor::new(&[]), planes: Cursor::new(&[]) };
            assert!(decode(3, &mut from, &mut Vec::new()).is_err(), "{heads:?}");
        }
    }
}
