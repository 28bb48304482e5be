//! Claims about searches, over trees as `/proc` has them and over the machine's own.

use super::Finder;
use crate::find::{Absent, Address};
use crate::pid::Pid;
use crate::proc::Proc;
use crate::program::Program;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use tempfile::TempDir;

const HEADING: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/// A machine of which everything is written down.
struct Tree {
    folder: TempDir,
    tcp: String,
    tcp6: String,
    unix: String,
}

impl Tree {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            tcp: HEADING.into(),
            tcp6: HEADING.into(),
            unix: String::new(),
        }
    }

    /// A row of `net/tcp` as this machine's kernel would write it.
    fn tcp(mut self, address: [u8; 4], port: u16, state: &str, uid: u32, inode: u64) -> Self {
        let address = u32::from_ne_bytes(address);
        self.tcp += &format!(
            "   0: {address:08X}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {uid:5} 0 {inode} 1 0 100 0 0 10 0\n"
        );
        self
    }

    /// The row a Go program's `net.Listen("tcp", ":PORT")` makes.
    fn tcp6_any(mut self, port: u16, uid: u32, inode: u64) -> Self {
        self.tcp6 += &format!(
            "   0: {:032X}:{port:04X} {:032X}:0000 0A 00000000:00000000 00:00000000 00000000 {uid:5} 0 {inode} 1 0 100 0 0 10 0\n",
            0, 0
        );
        self
    }

    fn unix(mut self, path: &str, inode: u64) -> Self {
        self.unix += &format!("0000000000000000: 00000002 00000000 00010000 0001 01 {inode} {path}\n");
        self
    }

    fn process(self, pid: u32, started: u64, fds: &[(u32, &str)]) -> Self {
        let home = self.folder.path().join(pid.to_string());
        fs::create_dir_all(home.join("fd")).expect("created");
        let stat = format!("{pid} (a b) S 1 1 1 0 -1 0 1 0 0 0 25 5 0 0 20 0 3 0 {started} 1 2 3\n");
        fs::write(home.join("stat"), stat).expect("written");
        for (fd, link) in fds {
            symlink(link, home.join("fd").join(fd.to_string())).expect("linked");
        }
        self
    }

    /// Makes a process run this program, an ELF file that Rust made.
    fn program(self, pid: u32, program: &Path) -> Self {
        symlink(program, self.folder.path().join(pid.to_string()).join("exe")).expect("linked");
        self
    }

    fn finder(&self) -> Finder {
        let root = self.folder.path();
        fs::create_dir_all(root.join("net")).expect("created");
        for (name, text) in [("net/tcp", &self.tcp), ("net/tcp6", &self.tcp6), ("net/unix", &self.unix)] {
            fs::write(root.join(name), text).expect("written");
        }
        fs::write(root.join("uptime"), "1000.00 2000.00\n").expect("written");
        Finder::of(Proc::at(root), |ip| ip.is_loopback() || ip == std::net::IpAddr::from([10, 0, 0, 7]))
    }

    fn owner(&self) -> u32 {
        fs::metadata(self.folder.path()).expect("it is there").uid()
    }

    #[track_caller]
    fn check(&self, host: &str, port: u16, expected: Result<u32, &str>) {
        let address = Address::Tcp { host: host.to_owned(), port };
        let found = self.finder().find(&address);
        let found = found.as_ref().map(|p| p.pid.0).map_err(Absent::as_str);
        assert_eq!(found, expected);
    }
}

fn owner() -> u32 {
    Tree::new().owner()
}

#[test]
fn the_listener_of_the_address_is_found_and_its_neighbours_are_not() {
    let tree = Tree::new()
        .tcp([127, 0, 0, 1], 6060, "0A", owner(), 11)
        .tcp([127, 0, 0, 1], 6061, "0A", owner(), 12)
        .process(5, 500, &[(0, "/dev/null"), (3, "socket:[11]")])
        .process(6, 600, &[(3, "socket:[12]"), (4, "anon_inode:[eventpoll]")]);
    tree.check("127.0.0.1", 6060, Ok(5));
    tree.check("127.0.0.1", 6061, Ok(6));
    tree.check("::ffff:127.0.0.1", 6061, Ok(6));
    tree.check("127.0.0.1", 6062, Err("no listener"));
    tree.check("127.0.0.2", 6060, Err("no listener"));
    tree.check("192.0.2.1", 6060, Err("not local"));
    let found = tree.finder().find(&Address::Tcp { host: "127.0.0.1".into(), port: 6060 }).expect("found");
    assert_eq!(found.age, Some(std::time::Duration::from_secs(995)));
    assert_eq!((found.others, found.program), (0, Program::Unknown));
}

#[test]
fn a_wildcard_takes_what_no_closer_socket_does() {
    let tree = Tree::new()
        .tcp([10, 0, 0, 7], 6060, "0A", owner(), 11)
        .tcp6_any(6060, owner(), 12)
        .process(5, 500, &[(3, "socket:[11]")])
        .process(6, 600, &[(3, "socket:[12]")]);
    tree.check("10.0.0.7", 6060, Ok(5));
    tree.check("127.0.0.1", 6060, Ok(6));
    tree.check("[::1]", 6060, Ok(6));
    // A wildcard here says nothing of another machine's address.
    tree.check("192.0.2.1", 6060, Err("not local"));
}

#[test]
fn connections_are_no_listeners_and_end_the_reading() {
    let tree = Tree::new()
        .tcp([127, 0, 0, 1], 6060, "01", owner(), 11)
        .tcp([127, 0, 0, 1], 6060, "0A", owner(), 12)
        .process(5, 500, &[(3, "socket:[11]"), (4, "socket:[12]")]);
    tree.check("127.0.0.1", 6060, Err("no listener"));
}

#[test]
fn a_socket_without_a_process_is_not_visible() {
    let tree = Tree::new().tcp([127, 0, 0, 1], 6060, "0A", 4_242, 11).process(5, 500, &[(3, "socket:[12]")]);
    tree.check("127.0.0.1", 6060, Err("not visible"));
    let absent = tree.finder().find(&Address::Tcp { host: "127.0.0.1".into(), port: 6060 });
    assert_eq!(absent, Err(Absent::NotVisible { uid: Some(4_242) }));
}

#[test]
fn who_gave_up_root_after_listening_is_found_among_the_others() {
    let tree = Tree::new().tcp([127, 0, 0, 1], 6060, "0A", 4_242, 11).process(5, 500, &[(3, "socket:[11]")]);
    tree.check("127.0.0.1", 6060, Ok(5));
}

#[test]
fn of_several_the_oldest_is_taken_and_the_others_are_counted() {
    let tree = Tree::new()
        .tcp([127, 0, 0, 1], 6060, "0A", owner(), 11)
        .tcp([127, 0, 0, 1], 6060, "0A", owner(), 12)
        .process(5, 700, &[(3, "socket:[11]")])
        .process(6, 600, &[(3, "socket:[12]")])
        .process(7, 650, &[(9, "socket:[11]"), (10, "socket:[12]")]);
    tree.check("127.0.0.1", 6060, Ok(6));
    let found = tree.finder().find(&Address::Tcp { host: "127.0.0.1".into(), port: 6060 }).expect("found");
    assert_eq!(found.others, 2);
}

#[test]
fn what_is_no_go_program_is_said_to_be() {
    let own = std::env::current_exe().expect("we run");
    let tree = Tree::new()
        .tcp([127, 0, 0, 1], 6060, "0A", owner(), 11)
        .process(5, 700, &[(3, "socket:[11]")])
        .program(5, &own);
    let found = tree.finder().find(&Address::Tcp { host: "127.0.0.1".into(), port: 6060 }).expect("found");
    assert_eq!(found.program, Program::Other);
}

#[test]
fn a_unix_socket_is_found_by_its_path() {
    let tree = Tree::new().unix("/run/my api.sock", 11).process(5, 500, &[(3, "socket:[11]")]);
    let find =
        |path: &str| tree.finder().find(&Address::Unix(path.into())).map(|p| p.pid).map_err(|a| a.as_str());
    assert_eq!(find("/run/my api.sock"), Ok(Pid(5)));
    assert_eq!(find("/run/my"), Err("no listener"));
}

#[test]
fn a_reused_pid_and_a_closed_socket_are_told() {
    let tree =
        Tree::new().tcp([127, 0, 0, 1], 6060, "0A", owner(), 11).process(5, 500, &[(3, "socket:[11]")]);
    let finder = tree.finder();
    let found = finder.find(&Address::Tcp { host: "127.0.0.1".into(), port: 6060 }).expect("found");
    assert!(finder.still_listens(&found));
    let tree = tree.process(5, 501, &[]);
    assert!(!finder.still_listens(&found));
    let tree = tree.process(5, 500, &[]);
    assert!(finder.still_listens(&found));
    fs::remove_file(tree.folder.path().join("5/fd/3")).expect("removed");
    assert!(!finder.still_listens(&found));
}

#[test]
fn a_tree_without_tables_is_said_to_be() {
    let tree = Tree::new();
    let finder = tree.finder();
    fs::remove_dir_all(tree.folder.path().join("net")).expect("removed");
    let absent = finder.find(&Address::Tcp { host: "127.0.0.1".into(), port: 6060 });
    assert_eq!(absent.map_err(|a| a.as_str()), Err("no table"));
}

#[test]
fn we_find_ourselves_over_both_kinds_of_socket() {
    let tcp = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = tcp.local_addr().expect("it is bound").port();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("api.sock");
    let _unix = UnixListener::bind(&path).expect("a free name");
    let finder = Finder::here();
    for address in [Address::Tcp { host: "127.0.0.1".into(), port }, Address::Unix(path)] {
        let found = finder.find(&address).expect("we listen there");
        assert_eq!((found.pid, found.program), (Pid::own(), Program::Other));
        assert!(finder.still_listens(&found));
    }
    drop(tcp);
}

#[test]
fn reasons_say_whose_files_are_closed() {
    let closed = |theirs| Absent::Closed { processes: 3, ours: 1000, theirs }.to_string();
    assert!(closed(Some(0)).starts_with("the socket is user 0's"));
    assert!(closed(None).starts_with("the socket's process is one of 3"));
}
