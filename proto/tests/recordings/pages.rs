//! The index page.

use linger_proto::index_page;

use super::{minor, read, versions};

#[test]
fn index_pages_list_what_a_version_has() {
    for folder in versions() {
        let page = index_page::parse(&read(&folder, "index.html")).unwrap();
        for profile in
            ["allocs", "block", "cmdline", "goroutine", "heap", "mutex", "profile", "threadcreate", "trace"]
        {
            assert!(page.lists(profile), "{}: {profile}", folder.display());
        }
        assert!(page.count("goroutine").unwrap() > 50);
        assert_eq!(page.lists("goroutineleak"), minor(&folder) >= 27);
        assert_eq!(page.count("nothing"), None);
    }
}

#[test]
fn the_count_of_leaks_is_that_of_the_last_run() {
    let mut seen = 0;
    for folder in versions().iter().filter(|folder| folder.join("index_leaked.html").exists()) {
        let count = |file| index_page::parse(&read(folder, file)).unwrap().count("goroutineleak").unwrap();
        assert_eq!(count("index.html"), 0, "nobody has asked yet");
        assert!(count("index_leaked.html") > 0);
        seen += 1;
    }
    assert!(seen > 0);
}
