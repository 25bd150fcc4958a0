use std::time::Duration;

use super::*;

fn settings(directory: Option<PathBuf>) -> StoreSettings {
    StoreSettings { directory, bytes_max: 100, age_max: Duration::from_secs(60) }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn photo(session: &str, second: i64, fill: u8, length: usize) -> NewEntry {
    NewEntry {
        session: session.into(),
        at: at(second),
        application: "derain".into(),
        name: "../../etc/passwd".into(),
        before: (Bytes::from(vec![fill; length]), "image/png"),
        after: None,
        result: None,
        times: StageTimes::default(),
    }
}

fn each(check: impl Fn(Store)) {
    check(Store::open(&settings(None)).expect("in memory"));
    let directory = tempfile::tempdir().expect("a directory");
    check(Store::open(&settings(Some(directory.path().to_owned()))).expect("in a directory"));
}

#[test]
fn a_result_is_for_its_session_only_and_only_so_long() {
    each(|store| {
        let entry = store.insert(photo("ann", 0, 1, 10)).expect("kept");
        let content = store.content(&entry.before).expect("read").expect("there");
        assert_eq!(&content[..], &[1; 10]);
        assert!(store.get(&entry.id, "ann", at(60)).is_some());
        assert!(store.get(&entry.id, "bob", at(1)).is_none(), "not his");
        assert!(store.get("../results", "ann", at(1)).is_none());
        assert_eq!(store.list("ann", "derain", at(1), 9).len(), 1);
        assert!(store.list("bob", "derain", at(1), 9).is_empty());
        assert!(store.get(&entry.id, "ann", at(61)).is_none(), "too old, though not yet swept");
        store.sweep(at(61)).expect("swept");
        assert_eq!((store.bytes(), store.content(&entry.before).expect("read")), (0, None));
    });
}

#[test]
fn the_oldest_make_room_and_the_same_photo_is_kept_once() {
    each(|store| {
        let first = store.insert(photo("ann", 0, 1, 40)).expect("kept");
        let again = store.insert(photo("bob", 1, 1, 40)).expect("kept");
        assert_eq!(store.bytes(), 40, "one content, two results");
        store.insert(photo("ann", 2, 2, 50)).expect("kept");
        assert_eq!(store.bytes(), 90);
        // The first goes, and its photo stays for the second; that is not room enough.
        store.insert(photo("ann", 3, 3, 50)).expect("kept");
        assert!(store.get(&first.id, "ann", at(3)).is_none());
        assert!(store.get(&again.id, "bob", at(3)).is_none());
        assert_eq!((store.bytes(), store.list("ann", "derain", at(3), 9).len()), (100, 2));
        let refused = store.insert(photo("ann", 4, 4, 101)).expect_err("never fits");
        assert!(matches!(refused, StoreError::TooLarge { bytes: 101, most: 100 }));
    });
}

#[test]
fn a_session_deletes_its_own_results_only() {
    each(|store| {
        let entry = store.insert(photo("ann", 0, 1, 10)).expect("kept");
        assert!(!store.delete(&entry.id, "bob", at(1)).expect("no file is touched"));
        assert!(store.delete(&entry.id, "ann", at(1)).expect("removed"));
        assert_eq!((store.bytes(), store.get(&entry.id, "ann", at(1)).is_none()), (0, true));
    });
}

#[test]
fn a_directory_is_taken_up_again_without_what_is_damaged() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(Some(directory.path().to_owned()));
    let store = Store::open(&settings).expect("opened");
    let [whole, cut, lost] =
        [1, 2, 3].map(|fill| store.insert(photo("ann", 0, fill, 10)).expect("kept"));
    drop(store);
    let result = |id: &str| directory.path().join("results").join(format!("{id}.json"));
    std::fs::write(result(&cut.id), "{\"id\":").expect("written");
    std::fs::remove_file(directory.path().join("content").join(&lost.before.sha256))
        .expect("removed");
    std::fs::write(directory.path().join("content/left.part"), "half").expect("written");
    let store = Store::open(&settings).expect("opened again");
    let ids: Vec<String> =
        store.list("ann", "derain", at(1), 9).iter().map(|entry| entry.id.clone()).collect();
    assert_eq!((ids, store.bytes()), (vec![whole.id.clone()], 10));
    let left = std::fs::read_dir(directory.path().join("content")).expect("read").count();
    assert_eq!(left, 1, "what no result shows is removed");
}
