//! Who may speak to the proxy at all: a page that a browser shows must not reach a server on this
//! machine by a name that it made point here (DNS rebinding).

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use std::net::SocketAddr;

#[cfg(test)]
mod tests;

/// Names under which the proxy may be addressed, and pages that may address it.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Values of `Host`, lower case, with their port unless it is the scheme's own.
    hosts: Vec<String>,
    /// Values of `Origin`, lower case.
    origins: Vec<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// It is addressed to somebody else, or to nobody.
    #[error("Forbidden: `Host` is none of this proxy's names")]
    Host,
    /// A page of somebody else's sends it.
    #[error("Forbidden: requests of pages of this `Origin` are not taken")]
    Origin,
}

impl Guard {
    /// For a listener at this address, which is also known under these names.
    #[must_use]
    pub fn new(listen: SocketAddr, hosts: &[String], origins: &[String]) -> Self {
        let mut own = vec![listen.to_string()];
        if listen.ip().is_loopback() {
            own.push(format!("localhost:{}", listen.port()));
        }
        let lower = |texts: &[String]| texts.iter().map(|it| it.to_ascii_lowercase()).collect();
        own.extend::<Vec<_>>(lower(hosts));
        Self {
            hosts: own,
            origins: lower(origins),
        }
    }

    /// Looks at a request. `target` is the authority of an absolute request target, if it had one.
    ///
    /// # Errors
    /// It is not to be answered.
    pub fn check(&self, headers: &HeaderMap, target: Option<&str>) -> Result<(), Foreign> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let host = host
            .filter(|_| hosts.next().is_none())
            .ok_or(Foreign::Host)?;
        for name in [Some(host), target].into_iter().flatten() {
            if !self.hosts.contains(&name.to_ascii_lowercase()) {
                return Err(Foreign::Host);
            }
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let is_known = |origin: &http::HeaderValue| {
            let origin = origin.to_str().ok().map(str::to_ascii_lowercase);
            origin.is_some_and(|origin| self.origins.contains(&origin))
        };
        match origins.all(is_known) {
            true => Ok(()),
            false => Err(Foreign::Origin),
        }
    }
}
