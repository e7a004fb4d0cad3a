//! The generated types of `proto/` and their conversions. Proto types stop here.

/// Generated from `proto/toolgate/v1`; documented there.
#[expect(
    clippy::allow_attributes,
    unused_qualifications,
    clippy::allow_attributes_without_reason,
    reason = "generated code; documented in the proto"
)]
pub mod v1 {
    tonic::include_proto!("toolgate.v1");
}

/// Every file of `proto/` as a `FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// In the metadata of an RPC that is no decision: for which of its tenants a caller asks.
pub const TENANT_METADATA: &str = "toolgate-tenant";

/// In the metadata of `Publish`'s response: the log that takes the events.
pub const ORIGIN_METADATA: &str = "toolgate-audit-origin";

mod details;
mod endpoint;
mod reply;
mod request;

pub use details::{ErrorInfo, RetryInfo, RpcStatus, overload_details};
pub use endpoint::{EndpointError, Tls, endpoint, unreachable};
pub use reply::{active_policy, package_explanation, reply, timestamp};
pub use request::{ID_BYTES_MAX, Malformed, Question, digest, phase};
