//! Asking a service that runs on this machine whether it can serve: what a
//! container's health check does, whose image has no other program for it.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long connecting, and each read, may take.
const PATIENCE: Duration = Duration::from_secs(3);

const REQUEST: &[u8] = b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";

/// What answered otherwise than a service that can serve.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Nothing answers at the address.
    #[error("{0} does not answer")]
    Silent(SocketAddr, #[source] io::Error),
    /// It answers that it can't serve.
    #[error("{0} answers `{1}`")]
    Refusing(SocketAddr, String),
}

/// Asks `/readyz` of the service that listens on `address`; one that listens
/// everywhere is asked on the loopback interface.
pub fn ask(address: SocketAddr) -> Result<(), Unready> {
    let address = reachable(address);
    let status = status_line(address).map_err(|error| Unready::Silent(address, error))?;
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(Unready::Refusing(address, status))
}

fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(host, address.port())
}

fn status_line(address: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.write_all(REQUEST)?;
    let mut answer = Vec::new();
    connection.take(128).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn it_can_serve_where_it_says_so_and_nowhere_else() {
        for (answer, told) in [
            ("HTTP/1.0 200 OK\r\n\r\n{}", None),
            (
                "HTTP/1.0 503 Service Unavailable\r\n\r\n",
                Some("HTTP/1.0 503 Service Unavailable"),
            ),
            ("SSH-2.0-OpenSSH\r\n", Some("SSH-2.0-OpenSSH")),
            ("", Some("")),
        ] {
            let listener = TcpListener::bind("0.0.0.0:0").unwrap();
            let address = listener.local_addr().unwrap();
            let served = thread::spawn(move || {
                let (mut connection, _) = listener.accept().unwrap();
                // What is left unread would break the connection off.
                let mut asked = vec![0; REQUEST.len()];
                connection.read_exact(&mut asked).unwrap();
                assert_eq!(asked, REQUEST);
                connection.write_all(answer.as_bytes()).unwrap();
            });
            let said = ask(address).err().map(|error| error.to_string());
            let asked = format!("127.0.0.1:{}", address.port());
            assert_eq!(
                said,
                told.map(|status| format!("{asked} answers `{status}`"))
            );
            served.join().unwrap();
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let said = ask(address).unwrap_err().to_string();
        assert_eq!(said, format!("{address} does not answer"));
    }
}
