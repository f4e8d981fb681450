//! Binding a port, serving on it and stopping in order.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulConnection, GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long requests that are under way may take once a stop was asked for.
pub const DRAIN: Duration = Duration::from_secs(20);

/// How long a connection may stay without the head of a request: a little longer
/// than any proxy keeps one that it may still use (Google's load balancers: 600 s).
const SILENT: Duration = Duration::from_mins(11);

/// How many connections may wait to be taken, where the system allows as many
/// (Linux does: `net.core.somaxconn`). Whoever comes beyond them is told nothing,
/// and comes again a second later.
const BACKLOG: u32 = 4_096;

/// Listens on `address`; the error says in words for whom (`variable` sets it) and
/// why not. To be called in a runtime.
pub fn bind(address: SocketAddr, variable: &str) -> Result<TcpListener, BindError> {
    listen(address).map_err(|cause| BindError {
        address,
        variable: variable.to_owned(),
        cause,
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Else a restart would wait for the last connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// An address that can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {}; set {variable} to another address", why(.cause))]
pub struct BindError {
    address: SocketAddr,
    variable: String,
    // Not its source: the message says in words what this says.
    cause: io::Error,
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken by another process".to_owned(),
        io::ErrorKind::PermissionDenied => "the port needs privileges".to_owned(),
        _ => error.to_string(),
    }
}

/// Serves `router` on `listener` until `stop`, then lets requests that are
/// under way end, for [`DRAIN`] at most.
///
/// It speaks HTTP/1.1 alone, as proxies do to what is behind them. To look whether
/// a caller speaks HTTP/2 would cost each connection another 8 KiB as long as it
/// lasts, and an answer may last for minutes.
pub async fn serve(mut listener: TcpListener, router: Router, stop: CancellationToken) {
    let (connections, graceful) = (TaskTracker::new(), GracefulShutdown::new());
    loop {
        let (connection, from) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = stop.cancelled() => break,
        };
        // Else a small piece of an answer waits until the one before it has arrived.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection collects small pieces");
        }
        let connection = graceful.watch(served(connection, from, router.clone()));
        connections.spawn(async move {
            // Whoever asks may hang up at any time.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(listener);
    connections.close();
    let ended = async {
        graceful.shutdown().await;
        connections.wait().await;
    };
    within_drain(stop, ended).await;
}

/// A connection whose requests go to `router`.
fn served(
    connection: TcpStream,
    from: SocketAddr,
    router: Router,
) -> impl GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(from));
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENT)
        .serve_connection(TokioIo::new(connection), service)
}

/// Runs `work` to its end, or until [`DRAIN`] after `stop`: then `None`.
pub async fn within_drain<F: Future>(stop: CancellationToken, work: F) -> Option<F::Output> {
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        done = work => Some(done),
        () = drained => {
            tracing::warn!("requests were still under way after the drain time");
            None
        }
    }
}

/// A token that is cancelled at the first SIGINT or SIGTERM.
pub fn stop_on_signal() -> io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with the process, holds nothing"
    )]
    tokio::task::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        stopper.cancel();
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_burst_of_connections_waits_to_be_taken() {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into(), "ADDR").unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = vec![];
        for _ in 0..500 {
            let connected = TcpStream::connect(address);
            let connected = tokio::time::timeout(Duration::from_secs(30), connected).await;
            waiting.push(connected.unwrap().unwrap());
        }
    }
}
