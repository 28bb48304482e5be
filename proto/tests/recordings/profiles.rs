//! `debug=0` profiles of every kind.

use linger_proto::pprof::{Frame, Label, LabelValue, Profile, Sample, decode};
use linger_proto::{Limits, index_page};

use super::{minor, planted, read, truth, versions};

fn profile(folder: &std::path::Path, file: &str) -> Profile {
    decode(&read(folder, file), &Limits::default())
        .unwrap_or_else(|e| panic!("{}/{file}: {e}", folder.display()))
}

/// The first frame of the recorded service itself; `take` and `waits` are helpers of its functions.
fn owner(sample: Sample<'_>) -> Option<Frame<'_>> {
    sample.frames().find(|f| f.function.starts_with("main.") && f.function != "main.take")
}

#[test]
fn goroutines_are_counted_where_they_were_planted() {
    for folder in versions() {
        let profile = profile(&folder, "goroutine.pb.gz");
        assert_eq!(profile.value_types().collect::<Vec<_>>(), [("goroutine", "count")]);
        assert!(profile.time_ns() > 0);
        for planted in planted(&folder) {
            let at = |f: Frame<'_>| f.function == planted.function && f.line == planted.line;
            let samples = profile.samples().filter(|s| owner(*s).is_some_and(at));
            let count: i64 = samples.map(|s| s.value(0)).sum();
            assert_eq!(count, planted.count, "{}: {planted:?}", folder.display());
        }
        let page = index_page::parse(&read(&folder, "index.html")).unwrap();
        let on_page = i128::from(page.count("goroutine").unwrap());
        assert!((profile.total(0) - on_page).abs() <= 2, "{}: {on_page}", folder.display());
    }
}

#[test]
fn inlined_calls_are_expanded_and_functions_know_their_start() {
    for folder in versions() {
        let profile = profile(&folder, "goroutine.pb.gz");
        let frames = profile.samples().find_map(|sample| {
            let frames: Vec<Frame<'_>> = sample.frames().collect();
            frames.iter().any(|f| f.function == "main.take").then_some(frames)
        });
        let frames = frames.unwrap();
        let take = frames.iter().position(|f| f.function == "main.take").unwrap();
        let (inlined, caller) = (frames[take], frames[take + 1]);
        assert_eq!((caller.function, caller.address), ("main.receiveInlined", inlined.address));
        assert!(inlined.inlined && !caller.inlined);
        assert!(caller.start_line > 0 && caller.start_line < caller.line);
        assert_eq!(caller.file, "example.org/recorded/waits.go");
    }
}

#[test]
fn labels_of_goroutines_are_kept() {
    for folder in versions() {
        let profile = profile(&folder, "goroutine.pb.gz");
        let labelled: Vec<_> = profile
            .samples()
            .filter(|sample| sample.labels().len() > 0)
            .map(|sample| (sample.value(0), sample.labels().map(|l| (l.key, l.value)).collect::<Vec<_>>()))
            .collect();
        let [(count, labels)] = &*labelled else { panic!("{labelled:?}") };
        let mut labels = labels.clone();
        labels.sort_by_key(|(key, _)| *key);
        assert_eq!(*count, 2);
        assert_eq!(
            labels,
            [
                ("empty", LabelValue::Text("")),
                ("path", LabelValue::Text("/a b\"{c}")),
                ("tenant", LabelValue::Text("blue")),
            ]
        );
    }
}

#[test]
fn heap_profiles_scale_and_label_their_sizes() {
    for folder in versions() {
        let profile = profile(&folder, "heap.pb.gz");
        let types: Vec<_> = profile.value_types().collect();
        assert_eq!(
            types,
            [
                ("alloc_objects", "count"),
                ("alloc_space", "bytes"),
                ("inuse_objects", "count"),
                ("inuse_space", "bytes")
            ]
        );
        assert_eq!(profile.period(), ("space", "bytes", 512 << 10));
        let record_bytes = if minor(&folder) == 21 { 80 } else { 48 };
        // Go writes no unit: the key is the unit.
        let size = Label { key: "bytes", value: LabelValue::Number(record_bytes, "") };
        let in_use = profile.value_index("inuse_objects").unwrap();
        for pile in truth(&folder)["defers"].as_array().unwrap() {
            let estimate: i64 = profile
                .samples()
                .filter(|s| s.frames().next().is_some_and(|f| f.function == pile["function"]))
                .filter(|s| s.labels().any(|l| l == size))
                .map(|s| s.value(in_use))
                .sum();
            // An estimate from a few dozen samples: right within a factor of three.
            let planted = pile["count"].as_i64().unwrap();
            assert!(
                planted / 3 < estimate && estimate < planted * 3,
                "{}: {estimate} {pile}",
                folder.display()
            );
        }
    }
}

#[test]
fn cpu_profiles_show_the_work_and_its_length() {
    for folder in versions() {
        let profile = profile(&folder, "cpu.pb.gz");
        assert_eq!(profile.value_types().collect::<Vec<_>>(), [("samples", "count"), ("cpu", "nanoseconds")]);
        assert_eq!(profile.period(), ("cpu", "nanoseconds", 10_000_000));
        assert!((1_900_000_000..4_000_000_000).contains(&profile.duration_ns()), "{}", profile.duration_ns());
        let ns_within = |function: &str| -> i64 {
            profile.samples().filter(|s| s.frames().any(|f| f.function == function)).map(|s| s.value(1)).sum()
        };
        assert!(ns_within("main.heapDefers") > 0);
        assert!(ns_within("runtime.deferproc") > 0, "{}", folder.display());
        assert_eq!(profile.total(1), profile.total(0) * 10_000_000);
        assert!(profile.mappings().len() > 0);
    }
}

#[test]
fn contention_profiles_name_who_waited() {
    for folder in versions() {
        for file in ["mutex.pb.gz", "block.pb.gz"] {
            let profile = profile(&folder, file);
            let types: Vec<_> = profile.value_types().collect();
            assert_eq!(types, [("contentions", "count"), ("delay", "nanoseconds")]);
            let ns: i64 = profile
                .samples()
                .filter(|s| s.frames().any(|f| f.function.starts_with("main.contend")))
                .map(|s| s.value(1))
                .sum();
            assert!(ns > 10_000_000, "{}/{file}: {ns}", folder.display());
        }
    }
}

#[test]
fn proven_leaks_are_a_profile_of_their_own() {
    let mut seen = 0;
    for folder in versions().iter().filter(|folder| folder.join("goroutineleak.pb.gz").exists()) {
        let profile = profile(folder, "goroutineleak.pb.gz");
        assert_eq!(profile.value_types().collect::<Vec<_>>(), [("goroutineleak", "count")]);
        for planted in planted(folder) {
            let samples =
                profile.samples().filter(|s| owner(*s).is_some_and(|f| f.function == planted.function));
            let count: i64 = samples.map(|s| s.value(0)).sum();
            assert_eq!(count, if planted.leaked { planted.count } else { 0 }, "{planted:?}");
        }
        seen += 1;
    }
    assert!(seen > 0);
}
