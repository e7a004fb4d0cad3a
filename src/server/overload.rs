//! Too much at once, told so that a client knows which limit it met and when to come back.

use super::strangers::STRANGERS_INTERVAL;
use crate::wire;
use std::sync::Arc;
use std::time::Duration;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Says to a client after how many milliseconds to try again (gRPC retry design, A6).
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";
/// How long to wait for a place among what is under way.
const PLACE_RETRY: Duration = Duration::from_millis(50);

/// What is limited in number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Decisions and explanations; each call of a batch is one.
    Decisions,
    /// The same of one tenant's callers.
    TenantDecisions,
    /// RPCs of every kind, but for health.
    Rpcs,
    /// Bytes of requests that are being received.
    RequestBytes,
}

impl Limited {
    const fn noun(self) -> &'static str {
        match self {
            Self::Decisions | Self::TenantDecisions => "decisions",
            Self::Rpcs => "RPCs",
            Self::RequestBytes => "bytes of requests",
        }
    }

    const fn setting(self) -> &'static str {
        match self {
            Self::Decisions => "limits.in_flight_decisions_max",
            Self::TenantDecisions => "tenants[].in_flight_decisions_max",
            Self::Rpcs => "limits.in_flight_rpcs_max",
            Self::RequestBytes => "limits.request_bytes_in_flight_max",
        }
    }
}

/// Which limit is reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// There are as many as there may be.
    #[error("too many {} at once: the limit is {limit}; try again", .what.noun())]
    All {
        /// Of what.
        what: Limited,
        /// How many there may be.
        limit: usize,
    },
    /// The caller has its share.
    #[error(
        "too many {} at once by this caller: the limit is {limit}, and others get their share; \
         try again", .what.noun()
    )]
    Caller {
        /// Of what.
        what: Limited,
        /// How many all callers together may have.
        limit: usize,
    },
    /// The tenant has as many as it may have, or its share of all.
    #[error(
        "too many {} at once by the tenant `{tenant}`: the limit is {limit}, and others get their \
         share; try again", .what.noun()
    )]
    Tenant {
        /// Its name.
        tenant: Arc<str>,
        /// Of what.
        what: Limited,
        /// How many it, or all together, may have.
        limit: usize,
    },
    /// Callers that are not known ask more than is recorded one by one.
    #[error("too many calls of callers that are not known: try again later")]
    Strangers,
}

impl Overload {
    /// Every reason.
    pub const REASONS: [&str; 4] = [
        "LIMIT_REACHED",
        "CALLER_SHARE_REACHED",
        "TENANT_SHARE_REACHED",
        "UNKNOWN_CALLERS",
    ];

    /// As a tenant's own limit: all that it may have is what all its callers have.
    #[must_use]
    pub(super) fn of_room(self, tenant: &Arc<str>) -> Self {
        match self {
            Self::All { what, limit } => Self::Tenant {
                tenant: Arc::clone(tenant),
                what,
                limit,
            },
            other => other,
        }
    }

    /// As the limit that tenants share.
    #[must_use]
    pub(super) fn of_share(self, tenant: &Arc<str>) -> Self {
        match self {
            Self::Caller { what, limit } => Self::Tenant {
                tenant: Arc::clone(tenant),
                what,
                limit,
            },
            other => other,
        }
    }

    /// The reason in `google.rpc.ErrorInfo` and in metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::All { .. } => "LIMIT_REACHED",
            Self::Caller { .. } => "CALLER_SHARE_REACHED",
            Self::Tenant { .. } => "TENANT_SHARE_REACHED",
            Self::Strangers => "UNKNOWN_CALLERS",
        }
    }

    /// `RESOURCE_EXHAUSTED`, with `RetryInfo` and `ErrorInfo`.
    pub(super) fn status(&self) -> Status {
        let of_place = |what: &Limited, limit: &usize| {
            let setting = ("setting", what.setting().to_owned());
            vec![setting, ("limit", limit.to_string())]
        };
        let (retry_after, metadata) = match self {
            Self::All { what, limit } | Self::Caller { what, limit } => {
                (PLACE_RETRY, of_place(what, limit))
            }
            Self::Tenant {
                tenant,
                what,
                limit,
            } => {
                let mut metadata = of_place(what, limit);
                metadata.push(("tenant", tenant.to_string()));
                (PLACE_RETRY, metadata)
            }
            Self::Strangers => (STRANGERS_INTERVAL, Vec::new()),
        };
        let (code, message) = (Code::ResourceExhausted, self.to_string());
        let details =
            wire::overload_details(code.into(), &message, retry_after, self.reason(), &metadata);
        let mut headers = MetadataMap::new();
        if let Ok(value) = MetadataValue::try_from(retry_after.as_millis().to_string()) {
            headers.insert(RETRY_PUSHBACK, value);
        }
        Status::with_details_and_metadata(code, message, details.into(), headers)
    }
}
