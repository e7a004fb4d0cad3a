//! The only place where an error becomes a `tonic::Status`. A status means that no decision was
//! made; a denial is a successful RPC.

use super::gate::UNKNOWN_REQUEST_BYTES_MAX;
use std::time::Duration;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

/// Says to a client after how many milliseconds to try again (gRPC retry design, A6).
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Why no decision was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Too much at once; names the limit.
    #[error("too many {what} at once: the limit is {limit}; try again")]
    Overloaded {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The caller is not known, and the RPC is not a decision.
    #[error("the caller is not known")]
    Unauthenticated,
    /// The caller may not do that.
    #[error("the caller may not do that")]
    PermissionDenied,
    /// The request makes no sense as a whole.
    #[error("{0}")]
    Invalid(String),
    /// The log does not take events now.
    #[error("the audit log cannot be written: {0}")]
    AuditUnavailable(String),
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
    /// Served by a later version.
    #[error("`{0}` is not served by this version")]
    Unimplemented(&'static str),
}

/// How long an overloaded caller should wait.
const OVERLOAD_RETRY: Duration = Duration::from_millis(50);

impl From<RpcError> for Status {
    fn from(error: RpcError) -> Self {
        let code = match &error {
            RpcError::Overloaded { .. } => Code::ResourceExhausted,
            RpcError::Unauthenticated | RpcError::UnknownSendsMuch => Code::Unauthenticated,
            RpcError::TimedOut { .. } => Code::DeadlineExceeded,
            RpcError::PermissionDenied => Code::PermissionDenied,
            RpcError::Invalid(_) => Code::InvalidArgument,
            RpcError::AuditUnavailable(_) => Code::Unavailable,
            RpcError::Unimplemented(_) => Code::Unimplemented,
        };
        let mut status = Self::new(code, error.to_string());
        if code == Code::ResourceExhausted {
            let millis = OVERLOAD_RETRY.as_millis().to_string();
            if let Ok(value) = MetadataValue::try_from(millis) {
                status.metadata_mut().insert(RETRY_PUSHBACK, value);
            }
        }
        status
    }
}
