//! A plain HTTP listener for probes and metrics, and for nothing else.

use super::decider::Decider;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;
use tokio::net::TcpListener;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/livez`, `/readyz` and `/metrics` until `stopped`.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    decider: Arc<Decider>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(decider);
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
}

async fn ready(State(decider): State<Arc<Decider>>) -> impl IntoResponse {
    match decider.policies.status().active {
        Some(active) => (
            StatusCode::OK,
            format!("policy {}\n", active.revision.revision),
        ),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no policy set is active\n".to_owned(),
        ),
    }
}

async fn metrics(State(decider): State<Arc<Decider>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, OPENMETRICS)],
        decider.metrics.text(),
    )
}
