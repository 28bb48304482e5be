//! Claims about when the process is looked for and what is not measured, on searches of this test's own process.

use super::{Found, Search, Watched};
use linger_probe::{Absent, Address};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

const S: fn(u64) -> Duration = Duration::from_secs;

fn nowhere() -> Watched {
    Watched::new(Address::Tcp { host: "127.0.0.1".into(), port: 1 })
}

fn absent(absent: Absent, took: Duration) -> Found {
    Found { process: Err(absent), clock: None, took }
}

/// A finding of ourselves, who are no Go program.
fn ourselves() -> (TcpListener, Found) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let address = Address::Tcp { host: "127.0.0.1".into(), port };
    let found = Search { address, known: None, looked_up: None }.run();
    assert!(found.process.is_ok(), "{:?}", found.process);
    (listener, found)
}

#[test]
fn one_search_at_a_time_and_the_next_by_what_it_found_and_cost() {
    #[track_caller]
    fn check(found: Absent, took_ms: u64, next_s: u64) {
        let mut watched = nowhere();
        assert!(watched.search_due(S(0)).is_some());
        assert!(watched.search_due(S(1)).is_none(), "one is under way");
        assert!(!watched.searched(absent(found, Duration::from_millis(took_ms)), S(1)));
        assert!(watched.search_due(S(next_s)).is_none());
        assert!(watched.search_due(S(next_s + 1)).is_some());
    }
    check(Absent::NoListener, 1, 30);
    check(Absent::NotVisible { uid: None }, 70, 70);
    check(Absent::TooMany, 5_000, 600);
    check(Absent::NotLocal, 1, 600);
    check(Absent::Platform, 0, 600);
}

#[test]
fn a_search_that_never_comes_back_is_not_waited_for_for_ever() {
    let mut watched = nowhere();
    assert!(watched.search_due(S(0)).is_some());
    assert!(watched.search_due(S(599)).is_none());
    assert!(watched.search_due(S(600)).is_some());
}

#[cfg(target_os = "linux")]
#[test]
fn a_known_process_is_asked_again_and_stays_the_same() {
    let (_listener, found) = ourselves();
    let mut watched = nowhere();
    let known = found.process.clone().expect("found");
    assert!(watched.searched(found, S(0)), "it is new");
    assert!(watched.search_due(S(29)).is_none());
    let again = watched.search_due(S(30)).expect("due").run();
    assert_eq!(again.process, Ok(known));
    assert!(!watched.searched(again, S(30)), "it is the same");
    assert!(watched.searched(absent(Absent::NoListener, S(0)), S(60)), "it is gone");
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_not_be_the_one_that_answers_is_not_measured() {
    let (_listener, found) = ourselves();
    let mut watched = nowhere();
    watched.searched(found, S(0));
    assert!(watched.unmeasured_because().is_some_and(|why| why.contains("no Go program")));
    assert_eq!(watched.cpu(S(1)), None);
    let go = |watched: &mut Watched, others| {
        if let Some(Ok(process)) = &mut watched.process {
            (process.program, process.others) = (linger_probe::Program::Go, others);
        }
    };
    go(&mut watched, 0);
    assert!(watched.cpu(S(1)).is_some());
    let exe = std::env::current_exe().expect("we run");
    let same_name = Path::new("/elsewhere").join(exe.file_name().expect("a file"));
    assert!(!watched.answers(same_name.to_str().expect("UTF-8")));
    assert!(watched.cpu(S(1)).is_some());
    assert!(watched.answers("/app/server"));
    assert_eq!(watched.cpu(S(1)), None);
    assert!(watched.answers(&format!("{} (deleted)", exe.display())));
    go(&mut watched, 1);
    assert!(watched.unmeasured_because().is_some_and(|why| why.contains("several")));
}

#[test]
fn a_name_is_looked_up_before_the_search_and_by_nobody_else() {
    let (listener, _) = ourselves();
    let port = listener.local_addr().expect("it is bound").port();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let search = |host: &str| Search {
        address: Address::Tcp { host: host.into(), port },
        known: None,
        looked_up: None,
    };
    let looked_up = |host: &str| runtime.block_on(search(host).looked_up()).run().process;
    assert_eq!(looked_up("api.localhost").expect("this process").pid, linger_probe::Pid::own());
    assert!(
        matches!(looked_up("no-such-host.invalid"), Err(Absent::Unresolved(why)) if why.contains("no-such-host"))
    );
    assert!(matches!(search("api.localhost").run().process, Err(Absent::Unresolved(_))));
}
