//! A DNS question and the addresses in its answer: RFC 1035, 4. Everything in an answer is outside data: each offset
//! is checked, names are skipped and never followed, so no pointer can loop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of the fixed header.
const HEADER_BYTES: usize = 12;
/// Longest name and label (RFC 1035, 2.3.4), without the root.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
/// The Internet class.
const CLASS_IN: u16 = 1;
/// Most records of an answer looked at: a chain of aliases, then addresses.
const RECORDS_MAX: u16 = 128;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// IPv4.
    A,
    /// IPv6: RFC 3596.
    Aaaa,
}

impl Kind {
    fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The name exists, with these addresses of the kind asked for; perhaps none.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// The answer did not fit: ask again by TCP.
    Cut,
    /// The server cannot tell: its response code.
    Failed(u8),
}

/// The question for `name`, or none where it is no name.
pub(super) fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut message = Vec::with_capacity(HEADER_BYTES + name.len() + 6);
    message.extend(id.to_be_bytes());
    // Recursion desired; one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length =
            u8::try_from(label.len()).ok().filter(|n| (1..=LABEL_BYTES_MAX).contains(&usize::from(*n)))?;
        message.push(length);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(kind.code().to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    Some(message)
}

/// Reads the answer to `question`; none where it is no answer to it, as a forged or late one.
pub(super) fn answer(question: &[u8], message: &[u8], kind: Kind) -> Option<Said> {
    let (asked_id, asked) = (question.get(..2)?, question.get(HEADER_BYTES..)?);
    let (flags, code) = (*message.get(2)?, *message.get(3)? & 0x0f);
    let echoed = message.get(HEADER_BYTES..HEADER_BYTES + asked.len())?;
    let is_answer = flags & 0x80 != 0 && u16_at(message, 4)? == 1;
    if message.get(..2)? != asked_id || !is_answer || !echoed.eq_ignore_ascii_case(asked) {
        return None;
    }
    if flags & 0x02 != 0 {
        return Some(Said::Cut);
    }
    Some(match code {
        0 => Said::Addresses(records(message, HEADER_BYTES + asked.len(), kind)),
        3 => Said::NoSuchName,
        code => Said::Failed(code),
    })
}

/// The addresses in the answer section, whoever owns them: the server has followed the aliases. Ends at the first
/// record that does not read.
fn records(message: &[u8], mut at: usize, kind: Kind) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for _ in 0..u16_at(message, 6).unwrap_or(0).min(RECORDS_MAX) {
        let Some((address, next)) = record(message, at, kind) else { break };
        found.extend(address);
        at = next;
    }
    found
}

fn record(message: &[u8], at: usize, kind: Kind) -> Option<(Option<IpAddr>, usize)> {
    let at = after_name(message, at)?;
    let (code, class) = (u16_at(message, at)?, u16_at(message, at + 2)?);
    // Between class and length stand four bytes of time to live.
    let length = usize::from(u16_at(message, at + 8)?);
    let data = message.get(at + 10..at + 10 + length)?;
    let ours = (code, class) == (kind.code(), CLASS_IN);
    let address = match (kind, ours) {
        (Kind::A, true) => <[u8; 4]>::try_from(data).ok().map(|b| IpAddr::V4(Ipv4Addr::from(b))),
        (Kind::Aaaa, true) => <[u8; 16]>::try_from(data).ok().map(|b| IpAddr::V6(Ipv6Addr::from(b))),
        (_, false) => None,
    };
    Some((address, at + 10 + length))
}

/// The offset behind a name: labels up to the root or up to a pointer (RFC 1035, 4.1.4).
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer >= 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]))
}

#[cfg(test)]
mod tests {
    use super::{Kind, Said, answer, question};
    use proptest::prelude::{any, proptest};

    /// An answer with these flag bytes and records, after the question as asked.
    fn reply(question: &[u8], flags: [u8; 2], records: &[&[u8]]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2..4].copy_from_slice(&flags);
        message[7] = u8::try_from(records.len()).unwrap();
        message.extend(records.concat());
        message
    }

    const ALIAS: &[u8] = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01b\xc0\x0e";
    const V4: &[u8] = b"\x01b\xc0\x0e\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03";

    #[test]
    fn addresses_behind_an_alias_are_found() {
        let asked = question(7, "a.test", Kind::A).unwrap();
        assert_eq!(&asked[12..], b"\x01a\x04test\0\0\x01\0\x01");
        let got = |message: &[u8]| answer(&asked, message, Kind::A);
        let ten = Said::Addresses(vec!["10.1.2.3".parse().unwrap()]);
        assert_eq!(got(&reply(&asked, [0x81, 0x80], &[ALIAS, V4])), Some(ten));
        assert_eq!(got(&reply(&asked, [0x81, 0x83], &[])), Some(Said::NoSuchName));
        assert_eq!(got(&reply(&asked, [0x83, 0x80], &[V4])), Some(Said::Cut));
        assert_eq!(got(&reply(&asked, [0x81, 0x82], &[])), Some(Said::Failed(2)));
        assert_eq!(got(&reply(&asked, [0x81, 0x80], &[&V4[..9]])), Some(Said::Addresses(vec![])));
    }

    #[test]
    fn answers_to_others_are_none() {
        let asked = question(7, "a.test", Kind::A).unwrap();
        let other_id = reply(&question(8, "a.test", Kind::A).unwrap(), [0x81, 0x80], &[V4]);
        let other_name = reply(&question(7, "b.test", Kind::A).unwrap(), [0x81, 0x80], &[V4]);
        for message in [&other_id, &other_name, &asked, &Vec::new()] {
            assert_eq!(answer(&asked, message, Kind::A), None);
        }
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        let long = "a".repeat(64);
        for name in ["", "a..b", ".", &long, &"a.".repeat(127)] {
            assert_eq!(question(1, name, Kind::A), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_beyond_reading(tail in proptest::collection::vec(any::<u8>(), 0..200), count in any::<u8>()) {
            let asked = question(7, "a.test", Kind::Aaaa).unwrap();
            let mut message = reply(&asked, [0x81, 0x80], &[&tail]);
            message[7] = count;
            let _ = answer(&asked, &message, Kind::Aaaa);
        }
    }
}
