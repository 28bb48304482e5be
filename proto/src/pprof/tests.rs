//! Small profiles written with the generated types: what is refused, and how it is named.

use bytes::Bytes;
use prost::Message;

use super::{LabelValue, decode, wire};
use crate::{Error, Limits};

/// A goroutine profile of one sample: `leaf` inlined into `caller`, below it an address nobody knows.
fn small() -> wire::Profile {
    wire::Profile {
        sample_type: vec![wire::ValueType { r#type: 1, unit: 2 }],
        sample: vec![wire::Sample {
            location_id: vec![1, 2],
            value: vec![7],
            label: vec![
                wire::Label { key: 5, str: 6, ..Default::default() },
                wire::Label { key: 5, num: 48, num_unit: 7, ..Default::default() },
                wire::Label { key: 5, ..Default::default() },
            ],
        }],
        mapping: vec![wire::Mapping { id: 1, memory_start: 0x1000, filename: 8, ..Default::default() }],
        location: vec![
            wire::Location {
                id: 1,
                mapping_id: 1,
                address: 0x1234,
                line: vec![
                    wire::Line { function_id: 1, line: 12, column: 0 },
                    wire::Line { function_id: 2, line: 30, column: 0 },
                ],
                is_folded: false,
            },
            wire::Location { id: 2, address: 0x99, ..Default::default() },
        ],
        function: vec![
            wire::Function { id: 1, name: 3, system_name: 3, filename: 8, start_line: 10 },
            wire::Function { id: 2, name: 4, system_name: 4, filename: 8, start_line: 20 },
        ],
        string_table: ["", "goroutine", "count", "leaf", "caller", "key", "text", "bytes", "main.go"]
            .map(|s| Bytes::from_static(s.as_bytes()))
            .to_vec(),
        period: 1,
        period_type: Some(wire::ValueType { r#type: 1, unit: 2 }),
        comment: vec![6],
        default_sample_type: 1,
        ..Default::default()
    }
}

#[test]
fn a_profile_reads_as_it_was_written() {
    let profile = decode(&small().encode_to_vec(), &Limits::default()).unwrap();
    assert_eq!(profile.value_types().collect::<Vec<_>>(), [("goroutine", "count")]);
    assert_eq!(profile.value_index("goroutine"), Some(0));
    assert_eq!(profile.value_index("space"), None);
    assert_eq!(profile.default_type(), Some("goroutine"));
    assert_eq!(profile.period(), ("goroutine", "count", 1));
    assert_eq!(profile.comments().collect::<Vec<_>>(), ["text"]);
    assert_eq!(profile.mappings().map(|m| (m.start, m.file)).collect::<Vec<_>>(), [(0x1000, "main.go")]);
    assert_eq!(profile.total(0), 7);
    let sample = profile.samples().next().unwrap();
    assert_eq!((sample.values(), sample.value(0), sample.value(1)), ([7].as_slice(), 7, 0));
    let frames: Vec<_> =
        sample.frames().map(|f| (f.function, f.file, f.line, f.start_line, f.address, f.inlined)).collect();
    assert_eq!(
        frames,
        [
            ("leaf", "main.go", 12, 10, 0x1234, true),
            ("caller", "main.go", 30, 20, 0x1234, false),
            ("", "", 0, 0, 0x99, false),
        ]
    );
    let labels: Vec<_> = sample.labels().map(|l| (l.key, l.value)).collect();
    assert_eq!(
        labels,
        [
            ("key", LabelValue::Text("text")),
            ("key", LabelValue::Number(48, "bytes")),
            ("key", LabelValue::Text("")),
        ]
    );
}

#[track_caller]
fn check(change: impl FnOnce(&mut wire::Profile), expected: &str) {
    let mut profile = small();
    change(&mut profile);
    let outcome = decode(&profile.encode_to_vec(), &Limits::default());
    assert_eq!(outcome.expect_err("refused").to_string(), expected);
}

#[test]
fn every_reference_is_checked_and_named() {
    check(|p| p.sample[0].location_id[1] = 3, "sample 0 refers to location 3, which is not in the profile");
    check(|p| p.sample[0].location_id[0] = 0, "sample 0 refers to location 0, which is not in the profile");
    check(
        |p| p.sample[0].location_id[0] = u64::MAX,
        "sample 0 refers to location 18446744073709551615, which is not in the profile",
    );
    check(
        |p| p.location[0].line[1].function_id = 9,
        "location 0 refers to function 9, which is not in the profile",
    );
    check(|p| p.location[1].mapping_id = 2, "location 1 refers to mapping 2, which is not in the profile");
    check(|p| p.function[1].name = 9, "function 1 refers to string 9, which is not in the profile");
    check(|p| p.function[0].filename = -1, "function 0 refers to string -1, which is not in the profile");
    check(|p| p.sample[0].label[2].key = 99, "label 2 refers to string 99, which is not in the profile");
    check(|p| p.sample_type[0].unit = 99, "sample type 0 refers to string 99, which is not in the profile");
    check(|p| p.comment = vec![1, 99], "comment 1 refers to string 99, which is not in the profile");
    check(|p| p.mapping[0].build_id = 99, "mapping 0 refers to string 99, which is not in the profile");
    check(|p| p.doc_url = 99, "documentation URL 0 refers to string 99, which is not in the profile");
}

#[test]
fn ids_must_be_unique_and_not_zero() {
    check(|p| p.location[1].id = 1, "location 1 has the id 1, which is zero or taken");
    check(|p| p.function[0].id = 0, "function 0 has the id 0, which is zero or taken");
}

#[test]
fn shapes_that_would_make_false_totals_are_refused() {
    check(|p| p.sample[0].value.clear(), "sample 0 has 0 values where the profile has 1 sample types");
    check(|p| p.sample[0].value.push(1), "sample 0 has 2 values where the profile has 1 sample types");
    check(|p| p.sample_type.clear(), "the profile names no sample type");
    check(
        |p| p.string_table[0] = Bytes::from_static(b"x"),
        "the string table does not start with the empty string",
    );
    check(|p| p.string_table.clear(), "the string table does not start with the empty string");
}

#[test]
fn ids_need_not_be_positions() {
    let mut profile = small();
    profile.location[0].id = 0xffff_ffff_ffff;
    profile.sample[0].location_id[0] = 0xffff_ffff_ffff;
    profile.function[0].id = 40;
    profile.location[0].line[0].function_id = 40;
    let limits = Limits::default();
    let renumbered = decode(&profile.encode_to_vec(), &limits).unwrap();
    assert_eq!(renumbered, decode(&small().encode_to_vec(), &limits).unwrap());
}

#[test]
fn the_order_of_fields_does_not_matter() {
    // Go's runtime writes the string table last and locations before the samples that use them.
    let profile = small();
    let strings = wire::Profile { string_table: profile.string_table.clone(), ..Default::default() };
    let rest = wire::Profile { string_table: Vec::new(), ..profile.clone() };
    let strings_first = [strings.encode_to_vec(), rest.encode_to_vec()].concat();
    let limits = Limits::default();
    assert_eq!(decode(&strings_first, &limits), decode(&profile.encode_to_vec(), &limits));
}

#[test]
fn a_label_that_is_no_utf8_hides_nothing_else() {
    let mut profile = small();
    profile.string_table[6] = Bytes::from_static(b"te\xffxt");
    let profile = decode(&profile.encode_to_vec(), &Limits::default()).unwrap();
    let label = profile.samples().next().unwrap().labels().next().unwrap();
    assert_eq!(label.value, LabelValue::Text("te\u{fffd}xt"));
}

#[test]
fn an_entry_that_is_no_message_is_named_with_its_place() {
    let raw = [small().encode_to_vec(), vec![0x12, 2, 0x0a, 9]].concat();
    let error = decode(&raw, &Limits::default()).unwrap_err();
    let at = raw.len() - 4;
    assert!(
        matches!(error, Error::Entry { entry: "sample", index: 1, offset, .. } if offset == at),
        "{error}"
    );
}

#[test]
fn strangers_are_recognised_early() {
    let check = |body: &[u8], expected: &str| {
        assert_eq!(decode(body, &Limits::default()).expect_err("refused").to_string(), expected);
    };
    check(b"", "not a pprof profile but empty: \"\"");
    check(b"<html>login</html>", "not a pprof profile but an HTML page: \"<html>login</html>\"");
    check(b"{\"debug\":1}", "not a pprof profile but JSON: \"{\\\"debug\\\":1}\"");
    check(
        b"heap profile: 0: 0 [0: 1] @ heap/1048576\n",
        "not a pprof profile but a heap profile as text (debug=1): \
         \"heap profile: 0: 0 [0: 1] @ heap/1048576\"",
    );
    check(
        b"Could not enable CPU profiling: cpu profiling already in use\n",
        "not a pprof profile but text: \"Could not enable CPU profiling: cpu profiling already in use\"",
    );
}

#[test]
fn limits_hold_for_what_small_bodies_become() {
    #[track_caller]
    fn check(raw: &[u8], limits: Limits, expected: &str) {
        let error = decode(raw, &limits).expect_err("refused");
        assert!(matches!(error, Error::TooLarge { limit, .. } if limit == expected), "{error}");
    }
    let limits = Limits { decoded_bytes_max: 1 << 20, entry_bytes_max: 1 << 10, ..Limits::default() };
    // Labels of two bytes, which take 32 in memory, in entries small enough to pass.
    let labels = [0x1a, 0].repeat(500);
    let sample = [[0x12, 0xe8, 0x07].as_slice(), &labels].concat();
    check(&sample.repeat(100), limits, "decoded_bytes_max");
    check(&[0x12, 0].repeat(100_000), limits, "decoded_bytes_max");
    check(&[0x0a, 0].repeat(100_000), limits, "decoded_bytes_max");
    check(&[0x32, 0].repeat(200_000), limits, "decoded_bytes_max");
    check(&[0x22, 0].repeat(100_000), limits, "decoded_bytes_max");
    let packed = [[0x6a, 0x80, 0x80, 0x04].as_slice(), &[1; 1 << 16]].concat();
    check(&packed.repeat(4), limits, "decoded_bytes_max");
    let long = [[0x12, 0x80, 0x10].as_slice(), &[0; 2048]].concat();
    check(&long, limits, "entry_bytes_max");
    check(&[0; 100], Limits { body_bytes_max: 10, ..Limits::default() }, "body_bytes_max");
    check(&[0; 100], Limits { decompressed_bytes_max: 10, ..Limits::default() }, "decompressed_bytes_max");
}
