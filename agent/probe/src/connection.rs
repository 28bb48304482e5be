//! A TCP connection of our own, found by its two addresses, for the settings of a socket that an HTTP client keeps to
//! itself. It refuses to touch any other file: what does not have both addresses is left alone.

use std::net::SocketAddr;

/// Has the kernel keep at most about twice `bytes` of what came from `remote` and was not read yet (socket(7),
/// SO_RCVBUF); otherwise it takes up to the third value of tcp_rmem, 6 MiB and more, which count as ours where memory is
/// limited. Returns whether the connection was found.
///
/// It has to be open while this is called, so that its descriptor is its own.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a descriptor known by its number alone has to be borrowed")]
pub fn receive_at_most(local: SocketAddr, remote: SocketAddr, bytes: usize) -> bool {
    use socket2::SockRef;
    use std::os::fd::BorrowedFd;
    let Ok(files) = std::fs::read_dir("/proc/self/fd") else { return false };
    let numbers = files.flatten().filter_map(|file| file.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number >= 0) {
        // SAFETY: the number is not negative, and is used for these calls only, none of which closes it or reads memory
        // through it. One that was closed meanwhile is answered with EBADF; one with both addresses is the caller's
        // connection, which is open, since no two have the same ones.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        let socket = SockRef::from(&file);
        let is = |address: std::io::Result<socket2::SockAddr>, wanted: SocketAddr| {
            address.is_ok_and(|a| a.as_socket() == Some(wanted))
        };
        if is(socket.local_addr(), local) && is(socket.peer_addr(), remote) {
            return socket.set_recv_buffer_size(bytes).is_ok();
        }
    }
    false
}

/// Nothing is known of our files here.
#[cfg(not(target_os = "linux"))]
pub fn receive_at_most(_: SocketAddr, _: SocketAddr, _: usize) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::receive_at_most;
    use socket2::SockRef;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn one_end_of_a_connection_is_found_and_its_other_end_left_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let ours = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let (theirs, _) = listener.accept().expect("accepted");
        let (local, remote) = (ours.local_addr().expect("connected"), ours.peer_addr().expect("connected"));
        let buffers = || [&ours, &theirs].map(|s| SockRef::from(s).recv_buffer_size().expect("a socket"));
        let before = buffers();
        assert!(receive_at_most(local, remote, 32 * 1024));
        // The kernel doubles it for its own bookkeeping: socket(7).
        assert_eq!(buffers(), [64 * 1024, before[1]]);
        drop(ours);
        assert!(!receive_at_most(local, remote, 32 * 1024));
    }
}
