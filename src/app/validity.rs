//! From when until when a certificate is valid.

#[cfg(test)]
mod tests;

use crate::model::time::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, Error, KeyUsage};

/// The years in which a certificate may be used, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    not_before: u64,
    pub(super) not_after: u64,
}

/// Why a certificate cannot be used now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValidityError {
    /// Before names could be in it.
    #[error("it is X.509 version 1: make it with a subjectAltName")]
    Version1,
    /// Nothing that is known.
    #[error("it cannot be read: {0}")]
    Unreadable(Error),
    /// Its time is over.
    #[error("it has expired, notAfter is {}: renew it", rfc3339(*.not_after))]
    Expired { not_after: u64 },
    /// Its time has not come.
    #[error(
        "it is not valid yet, notBefore is {}: is this machine's clock right?",
        rfc3339(*.not_before)
    )]
    NotYet { not_before: u64 },
}

impl Validity {
    /// Reads it.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, ValidityError> {
        let parsed = EndEntityCert::try_from(certificate).map_err(|error| match error {
            Error::UnsupportedCertVersion => ValidityError::Version1,
            error => ValidityError::Unreadable(error),
        })?;
        // A verifier tells the bounds only to who asks beyond them; it looks at them before it
        // looks for an issuer, and there is none here.
        let ask = |seconds| {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            let usage = KeyUsage::server_auth();
            let asked = parsed.verify_for_usage(&[], &[], &[], time, usage, None, None);
            asked.err()
        };
        let not_before = match ask(0) {
            Some(Error::CertNotValidYet { not_before, .. }) => not_before.as_secs(),
            Some(error @ (Error::InvalidCertValidity | Error::BadDer | Error::BadDerTime)) => {
                return Err(ValidityError::Unreadable(error));
            }
            // Valid since 1970 at least.
            _ => 0,
        };
        match ask(u64::MAX) {
            Some(Error::CertExpired { not_after, .. }) => Ok(Self {
                not_before,
                not_after: not_after.as_secs(),
            }),
            other => Err(ValidityError::Unreadable(other.unwrap_or(Error::BadDer))),
        }
    }

    /// The same, where it can be used at this time.
    pub(super) fn at(self, now: Timestamp) -> Result<Self, ValidityError> {
        let now = u64::try_from(now.as_nanos()).unwrap_or(0) / 1_000_000_000;
        let (not_before, not_after) = (self.not_before, self.not_after);
        if now < not_before {
            return Err(ValidityError::NotYet { not_before });
        }
        if now > not_after {
            return Err(ValidityError::Expired { not_after });
        }
        Ok(self)
    }
}

fn rfc3339(seconds: u64) -> String {
    let nanos = i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000_000);
    Timestamp::from_nanos(nanos).rfc3339()
}
