//! gRPC services. Each takes what the transport proved and what was asked, and calls the modules
//! that know; only `app` imports this.

mod asked;
mod audit;
mod decider;
mod decision;
mod directory;
mod evidence;
mod health;
mod metrics;
mod owed;
mod peer;
mod plain;
mod policy;
mod reported;
mod revision;
mod status;
mod stream;

pub use audit::{AuditServer, Publisher};
pub use decider::{Decider, DecisionLimits};
pub use decision::DecisionServer;
pub use evidence::{Evidence, OnFailure, WriteMode};
pub use health::watch as watch_health;
pub use metrics::Metrics;
pub use owed::OwedCalls;
pub use peer::Connection;
pub use plain::serve as plain_http;
pub use policy::PolicyServer;
pub use revision::HEARTBEAT_INTERVAL;
pub use status::RpcError;
pub use stream::STREAM_WINDOW_MAX;
