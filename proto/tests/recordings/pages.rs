//! The index page and the header of a trace.

use linger_proto::index_page;
use linger_proto::trace_header::{TraceFamily, recognise};

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

#[test]
fn traces_name_the_version_of_their_format() {
    for folder in versions() {
        let version = recognise(&read(&folder, "trace.head")).unwrap();
        // Not every Go has its own: linger-gotrace's table.
        let expected = match minor(&folder) {
            24 => 23,
            27 => 26,
            minor => minor,
        };
        assert_eq!(u32::from(version.minor), expected);
        assert_eq!(version.family == TraceFamily::V1, minor(&folder) < 22);
    }
}
