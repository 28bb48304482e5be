//! Asking name servers, one after the other: UDP, then TCP where an answer is cut.

use super::ADDRESSES_MAX;
use super::message::{self, Kind, Said};
use super::settings::Settings;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// Largest answer by UDP: no larger size is announced (RFC 1035, 4.2.1), servers' padding allowed for.
const UDP_BYTES_MAX: usize = 4096;
/// Answers of others ignored while one waits for the right one.
const STRANGERS_MAX: usize = 64;

/// The addresses of `host`: of the first of its full names that has any.
pub(super) async fn look_up(settings: &Settings, host: &str) -> Result<Vec<IpAddr>, String> {
    let mut exists = false;
    for name in settings.candidates(host) {
        for kind in [Kind::A, Kind::Aaaa] {
            match ask(settings, &name, kind).await? {
                Said::Addresses(mut found) if !found.is_empty() => {
                    found.truncate(ADDRESSES_MAX);
                    return Ok(found);
                }
                Said::NoSuchName => break,
                _ => exists = true,
            }
        }
    }
    Err(if exists { format!("{host} has no address") } else { format!("no such name: {host}") })
}

/// What the first server that can tell says of `name`.
async fn ask(settings: &Settings, name: &str, kind: Kind) -> Result<Said, String> {
    let Some(question) = message::question(random_id(), name, kind) else { return Ok(Said::NoSuchName) };
    let mut why = "no name server".to_owned();
    for _ in 0..settings.rounds {
        for server in &settings.servers {
            let asked = tokio::time::timeout(settings.try_time, exchange(*server, &question, kind)).await;
            why = match asked {
                Ok(Ok(Said::Failed(code))) => format!("name server {server} answers code {code}"),
                Ok(Ok(said)) => return Ok(said),
                Ok(Err(e)) => format!("name server {server}: {e}"),
                Err(_) => format!("name server {server} does not answer"),
            };
        }
    }
    Err(format!("{name}: {why}"))
}

async fn exchange(server: SocketAddr, question: &[u8], kind: Kind) -> io::Result<Said> {
    match by_udp(server, question, kind).await? {
        Said::Cut => by_tcp(server, question, kind).await,
        said => Ok(said),
    }
}

/// The kernel picks a random port and passes on only what this server sends.
async fn by_udp(server: SocketAddr, question: &[u8], kind: Kind) -> io::Result<Said> {
    let own: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((own, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = [0; UDP_BYTES_MAX];
    for _ in 0..STRANGERS_MAX {
        let length = socket.recv(&mut buffer).await?;
        let came = buffer.get(..length).unwrap_or_default();
        if let Some(said) = message::answer(question, came, kind) {
            return Ok(said);
        }
    }
    Err(io::Error::other("answers to other questions only"))
}

/// The same with two bytes of length before each message (RFC 1035, 4.2.2).
async fn by_tcp(server: SocketAddr, question: &[u8], kind: Kind) -> io::Result<Said> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    message::answer(question, &answer, kind).ok_or_else(|| io::Error::other("no answer to the question"))
}

/// Hard to guess: the standard library keys each hasher from the system's randomness.
fn random_id() -> u16 {
    let bytes = RandomState::new().build_hasher().finish().to_ne_bytes();
    u16::from_ne_bytes([bytes[0], bytes[1]])
}

#[cfg(test)]
mod tests {
    use super::look_up;
    use crate::scrape::client::resolve::settings::Settings;
    use std::io::{Read, Write};
    use std::net::{TcpListener, UdpSocket};
    use std::time::Duration;

    /// A name server on UDP and TCP of one port that knows `a.test` (10.1.2.3, by TCP only) and `six.test` (::5).
    fn server(questions: usize) -> std::net::SocketAddr {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        let tcp = TcpListener::bind(address).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            for _ in 0..questions {
                let (n, from) = udp.recv_from(&mut buffer).unwrap();
                let (mut answer, cut) = reply(&buffer[..n]);
                answer[2] |= if cut { 2 } else { 0 };
                // A stranger's answer comes first.
                udp.send_to(b"\0\0nonsense", from).unwrap();
                udp.send_to(&answer, from).unwrap();
                if cut {
                    let (mut peer, _) = tcp.accept().unwrap();
                    let n = peer.read(&mut buffer).unwrap();
                    let (answer, _) = reply(&buffer[2..n]);
                    peer.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
                    peer.write_all(&answer).unwrap();
                }
            }
        });
        address
    }

    fn reply(question: &[u8]) -> (Vec<u8>, bool) {
        let mut answer = question.to_vec();
        answer[2] = 0x81;
        let is_a = question.ends_with(b"\0\x01\0\x01");
        let name = &question[12..];
        let (record, cut): (&[u8], bool) = if name.starts_with(b"\x01a\x04test\0") && is_a {
            (b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x01\x02\x03", true)
        } else if name.starts_with(b"\x03six\x04test\0") {
            if is_a {
                (b"", false)
            } else {
                (b"\xc0\x0c\0\x1c\0\x01\0\0\0\x3c\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05", false)
            }
        } else {
            answer[3] = 3;
            (b"", false)
        };
        answer[7] = u8::from(!record.is_empty());
        answer.extend(record);
        (answer, cut)
    }

    #[track_caller]
    fn check(host: &str, questions: usize, expected: Result<&str, &str>) {
        let settings = Settings {
            servers: vec!["127.0.0.1:1".parse().unwrap(), server(questions)],
            search: vec!["test".into()],
            ndots: 1,
            try_time: Duration::from_secs(2),
            rounds: 1,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let got = runtime.block_on(look_up(&settings, host)).map(|found| found[0].to_string());
        assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{host}");
    }

    #[test]
    fn names_are_found_through_search_list_second_server_tcp_and_ipv6() {
        check("a", 1, Ok("10.1.2.3"));
        check("a.test", 1, Ok("10.1.2.3"));
        check("six.test.", 2, Ok("::5"));
        check("nobody", 2, Err("no such name: nobody"));
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let settings = Settings {
            servers: vec!["127.0.0.1:1".parse().unwrap()],
            search: vec![],
            ndots: 1,
            try_time: Duration::from_secs(2),
            rounds: 1,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let why = runtime.block_on(look_up(&settings, "api.test")).unwrap_err();
        assert!(why.starts_with("api.test: name server 127.0.0.1:1: "), "{why}");
    }
}
