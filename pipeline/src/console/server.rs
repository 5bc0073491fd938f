//! The HTTP server: a fixed set of read-only pages, each bounded in time and size.
//!
//! The idea: one thread of its own runs the server, so that a slow reader costs the worker nothing. The invariant:
//! at most [`CONNECTIONS`] connections, each closed after [`LIFETIME`]; headers come within [`HEADER_TIME`] and in
//! [`HEADER_BYTES`] or not at all; bodies are never read.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;

use super::health::Health;
use crate::metrics::{self, Metrics};

/// How many connections are served at a time; the others wait in the accept queue.
pub const CONNECTIONS: usize = 64;
/// How long a client may take for its headers.
pub const HEADER_TIME: Duration = Duration::from_secs(5);
/// How many bytes of headers it may send.
pub const HEADER_BYTES: usize = 16 * 1024;
/// How many headers.
pub const HEADERS: usize = 64;
/// How long a connection may last; a scraper that keeps one open opens another.
pub const LIFETIME: Duration = Duration::from_mins(1);
/// The largest body a request may have.
pub const BODY_BYTES: usize = 64 * 1024;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Console {
    address: SocketAddr,
    runtime: Option<tokio::runtime::Runtime>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// It would be reachable from other machines, without TLS and without tokens.
    #[error("listen on {0}: only loopback addresses are allowed, such as 127.0.0.1:9900")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No thread for it.
    #[error("start the HTTP server: {0}")]
    Start(#[source] std::io::Error),
}

#[derive(Clone)]
struct Pages {
    metrics: Arc<Metrics>,
    health: Health,
}

// === impl Console ===

impl Console {
    /// Binds and serves; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub fn start(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        health: Health,
    ) -> Result<Console, ConsoleError> {
        if !address.ip().is_loopback() {
            return Err(ConsoleError::NotLoopback(address));
        }
        let bind = |source| ConsoleError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("console")
            .enable_all()
            .build()
            .map_err(ConsoleError::Start)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(bind)?
        };
        runtime.spawn(accept(listener, router(Pages { metrics, health })));
        Ok(Console {
            address,
            runtime: Some(runtime),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(pages)
}

async fn accept(listener: tokio::net::TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, mostly: waiting keeps this loop from spinning until some are free again.
                tracing::warn!(%error, "http: accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let router = router.clone();
        tokio::spawn(async move {
            serve(stream, router).await;
            drop(place);
        });
    }
}

async fn serve(stream: tokio::net::TcpStream, router: Router) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES);
    let service = TowerToHyperService::new(router);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    // How a client ended its connection, or that it was cut off, is no news.
    let _ended = tokio::time::timeout(LIFETIME, connection).await;
}

async fn metrics_page(Shared(pages): Shared<Pages>) -> Response {
    match pages.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn healthz(Shared(pages): Shared<Pages>) -> Response {
    let alive = pages.health.alive();
    let body = Json(serde_json::json!({ "alive": alive }));
    (status(alive), body).into_response()
}

async fn readyz(Shared(pages): Shared<Pages>) -> Response {
    let (ready, state) = (pages.health.ready(), pages.health.state());
    let body =
        serde_json::json!({ "ready": ready, "state": state.name(), "reason": state.reason() });
    (status(ready), Json(body)).into_response()
}

fn status(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

#[cfg(test)]
mod tests;
