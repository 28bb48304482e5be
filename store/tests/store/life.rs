//! A store's life: scrapes come in, blocks are sealed, the store is opened again, days go.

use crate::common::{append, fill, filled, open, points, points_of, read_only, register, select_all};

#[test]
fn what_was_acknowledged_is_there_before_and_after_a_seal_and_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 70);
    for to in [3, 479, 480, 481, 1000] {
        let from = select_all(&store).first().map_or(0, |series| series.points.len() as i64);
        fill(&store, &ids, from..to);
        for series in [0, 1, 2, 3, 63, 64, 69] {
            assert_eq!(points_of(&store, series), filled(series, 0..to), "series {series} of {to} scrapes");
        }
    }
    let stats = store.stats();
    assert_eq!(
        (stats.samples_acknowledged, stats.samples_sealed, stats.head_samples),
        (70_000, 67_200, 2_800)
    );
    store.close().unwrap();

    let store = open(dir.path());
    assert_eq!(points_of(&store, 69), filled(69, 0..1000));
    assert_eq!(register(&store, 70), ids);
    fill(&store, &ids, 1000..1500);
    assert_eq!(points_of(&store, 69), filled(69, 0..1500));
    store.close().unwrap();

    let store = read_only(dir.path()).unwrap();
    let all = select_all(&store);
    assert_eq!(all.len(), 70);
    assert_eq!(points(&all[0]).len(), 1500);
    assert!(append(&store, 0, vec![]).is_err());
}
