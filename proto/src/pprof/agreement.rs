//! The flat reader against the plain one: whatever bytes are given, what it makes of them is what the generated types
//! hold.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use prost::Message;

use super::{LabelValue, Profile, decode, wire};
use crate::Limits;

/// A profile as nested lists, so that both readers can be compared.
#[derive(Debug, PartialEq)]
struct Plain {
    types: Vec<(String, String)>,
    samples: Vec<PlainSample>,
    comments: Vec<String>,
    period: (String, String, i64),
    times: (i64, i64),
}

#[derive(Debug, PartialEq)]
struct PlainSample {
    values: Vec<i64>,
    /// Function, file, line, start line, address, inlined.
    frames: Vec<(String, String, i64, i64, u64, bool)>,
    /// Key, text, number, unit.
    labels: Vec<(String, String, i64, String)>,
}

fn from_flat(profile: &Profile) -> Plain {
    let owned = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
    let (kind, unit, period) = profile.period();
    Plain {
        types: profile.value_types().map(owned).collect(),
        samples: profile
            .samples()
            .map(|sample| PlainSample {
                values: sample.values().to_vec(),
                frames: sample
                    .frames()
                    .map(|f| (f.function.into(), f.file.into(), f.line, f.start_line, f.address, f.inlined))
                    .collect(),
                labels: sample
                    .labels()
                    .map(|label| match label.value {
                        LabelValue::Text(text) => (label.key.into(), text.into(), 0, String::new()),
                        LabelValue::Number(n, unit) => (label.key.into(), String::new(), n, unit.into()),
                    })
                    .collect(),
            })
            .collect(),
        comments: profile.comments().map(str::to_owned).collect(),
        period: (kind.to_owned(), unit.to_owned(), period),
        times: (profile.time_ns(), profile.duration_ns()),
    }
}

/// Reads the generated types with lookups by id, one at a time. Panics on what `decode` should have refused.
fn from_wire(profile: &wire::Profile) -> Plain {
    let string = |i: i64| {
        let bytes = &profile.string_table[usize::try_from(i).unwrap()];
        String::from_utf8_lossy(bytes).into_owned()
    };
    let frames = |id: &u64| {
        let location = profile.location.iter().find(|l| l.id == *id).unwrap();
        let last = location.line.len().saturating_sub(1);
        let frames = location.line.iter().enumerate().map(move |(i, line)| {
            let function = profile.function.iter().find(|f| f.id == line.function_id && f.id != 0);
            let (name, file, start) = function
                .map_or_else(Default::default, |f| (string(f.name), string(f.filename), f.start_line));
            (name, file, line.line, start, location.address, i < last)
        });
        let bare = (String::new(), String::new(), 0, 0, location.address, false);
        frames.chain(location.line.is_empty().then_some(bare)).collect::<Vec<_>>()
    };
    let period_type = profile.period_type.unwrap_or_default();
    Plain {
        types: profile.sample_type.iter().map(|t| (string(t.r#type), string(t.unit))).collect(),
        samples: profile
            .sample
            .iter()
            .map(|sample| PlainSample {
                values: sample.value.clone(),
                frames: sample.location_id.iter().flat_map(frames).collect(),
                labels: sample
                    .label
                    .iter()
                    .map(|l| match l.str {
                        0 => (string(l.key), String::new(), l.num, string(l.num_unit)),
                        text => (string(l.key), string(text), 0, String::new()),
                    })
                    .collect(),
            })
            .collect(),
        comments: profile.comment.iter().map(|c| string(*c)).collect(),
        period: (string(period_type.r#type), string(period_type.unit), profile.period),
        times: (profile.time_nanos, profile.duration_nanos),
    }
}

/// Few ids, so that most references hit and some miss.
fn ids(most: u64) -> impl Strategy<Value = u64> {
    prop_oneof![20 => 1..=most, 1 => Just(0), 1 => any::<u64>()]
}

fn strings() -> impl Strategy<Value = i64> {
    prop_oneof![40 => 0..5_i64, 1 => any::<i64>()]
}

fn profiles() -> impl Strategy<Value = wire::Profile> {
    let value_type = || (strings(), strings()).prop_map(|(r#type, unit)| wire::ValueType { r#type, unit });
    let label = (strings(), strings(), any::<i64>(), strings())
        .prop_map(|(key, str, num, num_unit)| wire::Label { key, str, num, num_unit });
    let sample = (vec(ids(4), 0..6), vec(any::<i64>(), 1..=1), vec(label, 0..3))
        .prop_map(|(location_id, value, label)| wire::Sample { location_id, value, label });
    let line = (ids(3), any::<i64>(), any::<i64>()).prop_map(|(function_id, line, column)| wire::Line {
        function_id,
        line,
        column,
    });
    let location = (any::<u64>(), vec(line, 0..4), any::<bool>()).prop_map(|(address, line, is_folded)| {
        wire::Location { address, line, is_folded, ..Default::default() }
    });
    let function = (strings(), strings(), any::<i64>()).prop_map(|(name, filename, start_line)| {
        wire::Function { name, filename, start_line, ..Default::default() }
    });
    let string = vec(prop_oneof![30 => 0x20..0x7f_u8, 1 => any::<u8>()], 0..12);
    let small =
        (any::<i64>(), any::<i64>(), any::<i64>(), vec(strings(), 0..3), proptest::option::of(value_type()));
    let tables = (vec(sample, 0..6), vec(location, 4), vec(function, 3), vec(string, 4));
    // Ids count up as Go's do, or leave gaps.
    (value_type(), tables, small, 1..3_usize).prop_map(|(sample_type, tables, small, gap)| {
        let (sample, mut location, mut function, strings) = tables;
        (1..).step_by(gap).zip(&mut location).for_each(|(id, l)| l.id = id);
        (1..).zip(&mut function).for_each(|(id, f)| f.id = id);
        let (time_nanos, duration_nanos, period, comment, period_type) = small;
        wire::Profile {
            sample_type: vec![sample_type],
            sample,
            location,
            function,
            string_table: [Bytes::new()].into_iter().chain(strings.into_iter().map(Bytes::from)).collect(),
            time_nanos,
            duration_nanos,
            period,
            comment,
            period_type,
            ..Default::default()
        }
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(profile in profiles()) {
        if let Ok(flat) = decode(&profile.encode_to_vec(), &Limits::default()) {
            assert_eq!(from_flat(&flat), from_wire(&profile));
        }
    }

    #[test]
    fn what_is_accepted_of_damaged_bytes_is_what_the_generated_types_hold(
        profile in profiles(),
        position in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut body = profile.encode_to_vec();
        let position = position.index(body.len());
        body[position] = byte;
        if let Ok(flat) = decode(&body, &Limits::default()) {
            let plain = wire::Profile::decode(&*body).expect("the generated types accept what we accept");
            assert_eq!(from_flat(&flat), from_wire(&plain));
        }
    }

    #[test]
    fn any_bytes_are_survived(body in vec(any::<u8>(), 0..300)) {
        if let Ok(flat) = decode(&body, &Limits::default()) {
            let plain = wire::Profile::decode(&*body).expect("the generated types accept what we accept");
            assert_eq!(from_flat(&flat), from_wire(&plain));
        }
    }
}

#[test]
fn most_generated_profiles_are_accepted() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let accepted = (0..200)
        .filter(|_| {
            let profile = profiles().new_tree(&mut runner).unwrap().current();
            decode(&profile.encode_to_vec(), &Limits::default()).is_ok()
        })
        .count();
    assert!((20..200).contains(&accepted), "{accepted}: the properties above need both sides");
}
