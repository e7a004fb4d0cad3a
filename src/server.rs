//! gRPC services. Each takes what the transport proved and what was asked, and calls the modules
//! that know; only `app` imports this.

mod admission;
mod asked;
mod audit;
mod connection;
mod deadline;
mod decider;
mod decision;
mod directory;
mod evidence;
mod fair;
mod gate;
mod health;
mod metrics;
mod overload;
mod owed;
mod peer;
mod plain;
mod policy;
mod repeats;
mod reported;
mod revision;
mod status;
mod strangers;
mod stream;

pub use admission::Admission;
pub use audit::{AuditServer, Publisher};
pub use connection::{Connection, ConnectionPermit, ConnectionRefused, Connections, PeerAddress};
pub use deadline::{Deadline, Late};
pub use decider::{Decider, DecisionLimits};
pub use decision::DecisionServer;
pub use evidence::{Evidence, OnFailure, WriteMode};
pub use gate::{Gate, UNKNOWN_REQUEST_BYTES_MAX};
pub use health::watch as watch_health;
pub use metrics::Metrics;
pub use overload::{Limited, Overload};
pub use owed::OwedCalls;
pub use peer::Remote;
pub use plain::{Plain, serve as plain_http};
pub use policy::PolicyServer;
pub use repeats::Repeats;
pub use revision::HEARTBEAT_INTERVAL;
pub use status::RpcError;
pub use strangers::STRANGERS_INTERVAL;
pub use stream::STREAM_WINDOW_MAX;
