//! Tenants: each decides by policies, records in a log and has room of its own. Without tenants the
//! process itself is the only one, whatever name a caller's entry or a token gives.

use super::decider::Decider;
use super::disk::{Disk, Room};
use super::evidence::Evidence;
use super::fair::FairLimit;
use super::large::LargeTurns;
use super::metrics::Metrics;
use super::owed::OwedCalls;
use super::peer::Remote;
use super::repeats::Repeats;
use super::status::RpcError;
use crate::audit::index::Index;
use crate::bundle::swap::{Active, PolicyStore};
use crate::bundle::watch::Steering;
use crate::engine::PolicySet;
use crate::identity::{Peer, Permission};
use crate::model::subject::Token;
use crate::wire::v1::decide_request::Subject;
use crate::wire::{TENANT_METADATA, v1};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tonic::Request;

/// What one tenant has of its own.
pub struct Tenant {
    /// Its name; `None`: the process.
    pub name: Option<Arc<str>>,
    /// The policy sets.
    pub policies: Arc<PolicyStore<PolicySet>>,
    /// How to have them loaded; `None`: there are none.
    pub steering: Option<Steering>,
    /// Where decisions are recorded.
    pub evidence: Arc<Evidence>,
    /// The file system of the log.
    pub disk: Disk,
    /// Finds records; `None`: nothing does.
    pub index: Option<Index>,
    /// What results owe.
    pub owed: OwedCalls,
    /// Answers that may be asked for again.
    pub repeats: Repeats,
    /// Its turns of large questions, before those of all.
    pub large: LargeTurns,
    /// Its decisions under way, shared by its callers; `None`: as many as there may be.
    pub room: Option<Arc<FairLimit>>,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.name).finish()
    }
}

impl Tenant {
    /// What its decisions are made by, if they can be made and recorded.
    ///
    /// # Errors
    /// What is in the way, for operators.
    pub(super) fn readiness(&self) -> Result<Active, String> {
        let active = self.policies.status().active;
        let active = active.ok_or("no policy set is active")?;
        if let Some(failure) = self.evidence.log().failure() {
            return Err(failure.to_string());
        }
        match self.disk.room() {
            Room::Enough => Ok(active),
            room => Err(room.to_string()),
        }
    }
}

/// All of a process.
pub struct Tenants {
    process: Arc<Tenant>,
    by_name: HashMap<Arc<str>, Arc<Tenant>>,
    /// Those that have policies, in the order of the configuration.
    listed: Vec<Arc<Tenant>>,
}

impl Tenants {
    /// These, each with a name; where there are none, the process decides for all.
    #[must_use]
    pub fn new(process: Tenant, tenants: Vec<Tenant>) -> Self {
        let process = Arc::new(process);
        let mut listed: Vec<_> = tenants.into_iter().map(Arc::new).collect();
        let named = |tenant: &Arc<Tenant>| Some((tenant.name.clone()?, Arc::clone(tenant)));
        let by_name = listed.iter().filter_map(named).collect();
        if listed.is_empty() {
            listed.push(Arc::clone(&process));
        }
        Self {
            process,
            by_name,
            listed,
        }
    }

    /// The process: its log has what belongs to no tenant that is known.
    #[must_use]
    pub fn process(&self) -> &Arc<Tenant> {
        &self.process
    }

    /// Whether there are tenants to be kept apart.
    #[must_use]
    pub fn are_apart(&self) -> bool {
        !self.by_name.is_empty()
    }

    /// Each that has policies.
    #[must_use]
    pub fn listed(&self) -> &[Arc<Tenant>] {
        &self.listed
    }

    /// Each that has a log.
    pub fn logging(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        std::iter::once(&self.process).chain(self.by_name.values())
    }

    /// The tenant of this name; `None`: there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Tenant>> {
        match self.are_apart() {
            true => self.by_name.get(name),
            false => Some(&self.process),
        }
    }
}

/// What a question is decided by: its tenant, and the tenant's policy set, taken once.
pub struct Under<'a> {
    /// The tenant; the process where none is known.
    pub tenant: &'a Arc<Tenant>,
    /// The set in force.
    pub set: Option<Arc<PolicySet>>,
}

impl<'a> Under<'a> {
    /// What is in force now.
    #[must_use]
    pub fn now(tenant: &'a Arc<Tenant>) -> Self {
        Self {
            set: tenant.policies.current(),
            tenant,
        }
    }

    /// The set in force.
    #[must_use]
    pub fn set(&self) -> Option<&PolicySet> {
        self.set.as_deref()
    }
}

impl Decider {
    /// Whose policies a question is to be decided by, as far as its connection and its token tell;
    /// `identity` has the last word. The process where no tenant is told: nothing is granted then.
    pub(super) fn tenant_of<'a>(
        &'a self,
        peer: &'a Remote,
        question: Option<&v1::DecideRequest>,
    ) -> &'a Arc<Tenant> {
        if !self.tenants.are_apart() {
            return self.tenants.process();
        }
        if let Some(tenant) = &peer.tenant {
            return tenant;
        }
        let token = match question.and_then(|question| question.subject.as_ref()) {
            Some(Subject::BearerToken(token)) => Some(Token::new(token.as_str())),
            Some(Subject::Asserted(_)) | None => None,
        };
        let told = self
            .identity
            .tenant(&peer.peer, token.as_ref(), (self.clock)());
        let told = told.ok().and_then(|name| self.tenants.get(&name));
        told.unwrap_or(self.tenants.process())
    }

    /// The tenant that a peer's entry and token tell; `None`: no one, or tenants are not apart.
    pub(super) fn tenant_of_peer(&self, peer: &Peer) -> Option<Arc<Tenant>> {
        if !self.tenants.are_apart() {
            return None;
        }
        let told = self.identity.tenant(peer, None, (self.clock)()).ok()?;
        self.tenants.get(&told).cloned()
    }

    /// The tenant that somebody speaks for who asks for no decision: the one that it names, or the
    /// only one that it has.
    ///
    /// # Errors
    /// Nobody is known, or it is not one tenant of the caller's.
    pub fn speaks_for<'a>(
        &'a self,
        peer: &'a Remote,
        named: Option<&str>,
    ) -> Result<&'a Arc<Tenant>, RpcError> {
        if !self.tenants.are_apart() {
            return Ok(self.tenants.process());
        }
        if let (Some(tenant), None) = (&peer.tenant, named) {
            return Ok(tenant);
        }
        let now = (self.clock)();
        let told = self.identity.tenant_named(&peer.peer, named, now);
        let name = told.map_err(|denied| match (&denied.caller, named) {
            (None, _) => RpcError::Unauthenticated,
            (Some(_), None) => RpcError::TenantUnknown,
            (Some(_), Some(_)) => RpcError::OtherTenant,
        })?;
        self.tenants.get(&name).ok_or(RpcError::OtherTenant)
    }

    /// The caller that asks, if it may do this, and the tenant that it does it to.
    pub(super) fn permits_for<T>(
        &self,
        request: &Request<T>,
        peer: &Remote,
        to: Permission,
    ) -> Result<(String, Arc<Tenant>), RpcError> {
        let caller = self.permitted(&peer.peer, to)?;
        let named = request.metadata().get(TENANT_METADATA);
        let named = named.map(|named| named.to_str().unwrap_or_default());
        Ok((caller, Arc::clone(self.speaks_for(peer, named)?)))
    }
}
