//! The only place where an error becomes a `tonic::Status`. A status means that no decision was
//! made; a denial is a successful RPC.

use super::gate::UNKNOWN_REQUEST_BYTES_MAX;
use super::overload::Overload;
use crate::bundle::held::SteerError;
use crate::identity::Permission;
use crate::model::secret;
use crate::wire::TENANT_METADATA;
use std::time::Duration;
use tonic::{Code, Status};

/// Why no decision was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Too much at once.
    #[error("{0}")]
    Overloaded(#[from] Overload),
    /// The caller is not known, and the RPC is not a decision.
    #[error("the caller is not known")]
    Unauthenticated,
    /// Of several tenants, nothing says which one it is about.
    #[error(
        "the caller is of several tenants: name one with `--tenant`, or in the metadata `{TENANT_METADATA}`"
    )]
    TenantUnknown,
    /// The caller is not of that tenant.
    #[error("the caller's entry in the configuration does not have the tenant that it names")]
    OtherTenant,
    /// The caller may not do that.
    #[error("the caller's entry in the configuration does not let it `{}`", .0.as_str())]
    NotPermitted(Permission),
    /// The request makes no sense as a whole.
    #[error("{0}")]
    Invalid(String),
    /// The log does not take events now.
    #[error("the audit log cannot be written: {0}")]
    AuditUnavailable(String),
    /// The log's index.
    #[error("{0}")]
    IndexNotReady(String),
    /// Records cannot be given until something is done.
    #[error("{0}")]
    NotReadable(String),
    /// A stream's reader is slower than the log.
    #[error("records were not read within {} s: go on with `from_index` {next_seq}", .time_max.as_secs())]
    TooSlow {
        /// How long one might have waited.
        time_max: Duration,
        /// The first that was not sent.
        next_seq: u64,
    },
    /// The request took too long.
    #[error("the request took longer than {} ms", .time_max.as_millis())]
    TimedOut {
        /// How long it might have taken.
        time_max: Duration,
    },
    /// A large request of nobody who is known.
    #[error(
        "a caller that is not known may send {UNKNOWN_REQUEST_BYTES_MAX} bytes: show a client \
         certificate, or send the token as the metadata `authorization` too"
    )]
    UnknownSendsMuch,
    /// The loader of policies did not do it.
    #[error(transparent)]
    NotSteered(#[from] SteerError),
    /// Nothing is kept.
    #[error("no content is kept here: `audit.content.enabled` is off")]
    NoContentStore,
    /// A second person has not approved it.
    #[error("{0}")]
    NotApproved(String),
    /// It was erased on purpose.
    #[error("erased: the content, and all of its tenant and month, was erased")]
    ContentErased,
    /// Never kept, or lost.
    #[error("there is no such content")]
    NoContent,
    /// The disk, or the keys.
    #[error("the content cannot be read: {0}")]
    ContentUnreadable(String),
    /// Served by a later version.
    #[error("`{0}` is not served by this version")]
    Unimplemented(&'static str),
}

impl From<RpcError> for Status {
    fn from(error: RpcError) -> Self {
        let code = match &error {
            RpcError::Overloaded(overload) => return overload.status(),
            RpcError::Unauthenticated | RpcError::UnknownSendsMuch => Code::Unauthenticated,
            RpcError::TimedOut { .. } => Code::DeadlineExceeded,
            RpcError::NotPermitted(_) | RpcError::OtherTenant | RpcError::NotApproved(_) => {
                Code::PermissionDenied
            }
            RpcError::NoContentStore | RpcError::ContentErased => Code::FailedPrecondition,
            RpcError::NoContent => Code::NotFound,
            RpcError::ContentUnreadable(_) => Code::DataLoss,
            RpcError::NotSteered(error) => match error {
                SteerError::Unknown(_) => Code::NotFound,
                SteerError::Refused(_) => Code::FailedPrecondition,
                SteerError::Panicked => Code::Internal,
                SteerError::Busy | SteerError::Stopped | SteerError::Unrecorded(_) => {
                    Code::Unavailable
                }
            },
            RpcError::Invalid(_) | RpcError::TenantUnknown => Code::InvalidArgument,
            RpcError::AuditUnavailable(_) | RpcError::IndexNotReady(_) => Code::Unavailable,
            RpcError::NotReadable(_) => Code::FailedPrecondition,
            RpcError::TooSlow { .. } => Code::ResourceExhausted,
            RpcError::Unimplemented(_) => Code::Unimplemented,
        };
        // What a caller sent may be in it.
        Self::new(code, secret::redacted(&error.to_string()))
    }
}

impl From<Overload> for Status {
    fn from(overload: Overload) -> Self {
        overload.status()
    }
}
