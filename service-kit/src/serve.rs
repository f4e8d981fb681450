//! Binding a port, serving on it and stopping in order.

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::{Router, serve::ListenerExt};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// How long requests that are under way may take once a stop was asked for.
pub const DRAIN: Duration = Duration::from_secs(20);

/// Binds `address`; the error says in words for whom (`variable` sets it) and
/// why not.
pub async fn bind(address: SocketAddr, variable: &str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|cause| BindError {
        address,
        variable: variable.to_owned(),
        cause,
    })
}

/// An address that can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {}; set {variable} to another address", why(.cause))]
pub struct BindError {
    address: SocketAddr,
    variable: String,
    // Not its source: the message says in words what this says.
    cause: std::io::Error,
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "the port is taken by another process".to_owned(),
        std::io::ErrorKind::PermissionDenied => "the port needs privileges".to_owned(),
        _ => error.to_string(),
    }
}

/// Serves `router` on `listener` until `stop`, then lets requests that are
/// under way end, for [`DRAIN`] at most.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    // Else a small piece of an answer waits until the one before it has arrived.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection collects small pieces");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    within_drain(stop, served).await.unwrap_or(Ok(()))
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
pub fn stop_on_signal() -> std::io::Result<CancellationToken> {
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
