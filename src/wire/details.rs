//! The details of an error that any gRPC client can read: `google.rpc.Status` with `RetryInfo` and
//! `ErrorInfo`, as in googleapis' `google/rpc/status.proto` and `error_details.proto`.

use prost::Message;
use prost_types::Any;
use std::collections::BTreeMap;
use std::time::Duration;

/// Who defines the reasons.
const DOMAIN: &str = "toolgate";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct RpcStatus {
    /// The gRPC code.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// The message.
    #[prost(string, tag = "2")]
    pub message: String,
    /// The details.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// `google.rpc.RetryInfo`: when to come back.
#[derive(Clone, PartialEq, Message)]
pub struct RetryInfo {
    /// How long to wait at least.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<prost_types::Duration>,
}

/// `google.rpc.ErrorInfo`: why, for programs.
#[derive(Clone, PartialEq, Message)]
pub struct ErrorInfo {
    /// The reason, `UPPER_SNAKE_CASE`.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// Who defines the reason.
    #[prost(string, tag = "2")]
    pub domain: String,
    /// More, by name.
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: BTreeMap<String, String>,
}

/// The details of an error that is over after this delay: the bytes of `grpc-status-details-bin`.
#[must_use]
pub fn overload_details(
    code: i32,
    message: &str,
    retry_after: Duration,
    reason: &str,
    metadata: &[(&str, String)],
) -> Vec<u8> {
    let retry = RetryInfo {
        retry_delay: prost_types::Duration::try_from(retry_after).ok(),
    };
    let info = ErrorInfo {
        reason: reason.to_owned(),
        domain: DOMAIN.to_owned(),
        metadata: metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    };
    let status = RpcStatus {
        code,
        message: message.to_owned(),
        details: vec![
            any("google.rpc.RetryInfo", &retry),
            any("google.rpc.ErrorInfo", &info),
        ],
    };
    status.encode_to_vec()
}

fn any(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{name}"),
        value: message.encode_to_vec(),
    }
}
