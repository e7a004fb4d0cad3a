//! `PolicyService`: what is active, what was refused, why a decision came out as it did, and what
//! administrators do about it.

use super::admission::Admission;
use super::audit::bounded;
use super::decider::Decider;
use super::peer::peer;
use super::status::RpcError;
use super::tenants::Tenant;
use crate::audit::record::{PolicyReload, Record};
use crate::bundle::held::{HOLD_SECONDS_MAX, Held, Pinned, Rollback, SteerError};
use crate::bundle::swap::{Active, Refusal, Status as StoreStatus};
use crate::bundle::watch::Steering;
use crate::decide::Explained;
use crate::engine::{Package, PolicySet};
use crate::identity::Permission;
use crate::model::revision::EngineKind;
use crate::wire::v1::policy_service_server::PolicyService;
use crate::wire::{self, v1};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};

/// The gRPC service.
pub struct PolicyServer {
    decider: Arc<Decider>,
    admission: Arc<Admission>,
}

impl PolicyServer {
    /// Serves what this decider decides by, as far as there is room, and steers its policies.
    #[must_use]
    pub fn new(decider: Arc<Decider>, admission: Arc<Admission>) -> Self {
        Self { decider, admission }
    }

    fn permits<T>(
        &self,
        request: &Request<T>,
        to: Permission,
    ) -> Result<(String, Arc<Tenant>), RpcError> {
        self.decider.permits_for(request, &peer(request), to)
    }
}

fn status(tenant: &Tenant) -> v1::GetStatusResponse {
    let set = tenant.policies.current();
    let StoreStatus {
        active,
        refused,
        held,
        pinned,
        ..
    } = tenant.policies.status();
    v1::GetStatusResponse {
        active: active.map(|active| self::active(&active, set.as_deref())),
        refused: refused.map(|refusal| self::refused(&refusal)),
        held: held.iter().map(held_set).collect(),
        pin: pinned.map(pin),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Nothing steers what has no policies.
fn steering(tenant: &Tenant) -> Result<&Steering, RpcError> {
    let steering = tenant.steering.as_ref();
    steering.ok_or(RpcError::NotSteered(SteerError::Stopped))
}

fn held_set(held: &Held) -> v1::HeldSet {
    v1::HeldSet {
        revision: held.revision.clone(),
        digest: held.digest.clone(),
        since: Some(wire::timestamp(held.since)),
    }
}

fn pin(pinned: Pinned) -> v1::Pin {
    v1::Pin {
        digest: pinned.digest,
        reason: pinned.reason,
        by: pinned.by,
        until: Some(wire::timestamp(pinned.until)),
    }
}

fn active(active: &Active, set: Option<&PolicySet>) -> v1::ActiveSet {
    let packages = set.map(PolicySet::packages).unwrap_or_default();
    let interpreted = packages
        .iter()
        .any(|package| package.engine == EngineKind::Interpreter);
    let engine = if interpreted {
        EngineKind::Interpreter
    } else {
        EngineKind::Rvm
    };
    let findings = active.findings.iter().map(ToString::to_string);
    v1::ActiveSet {
        policy: Some(wire::active_policy(&active.revision, Some(engine))),
        since: Some(wire::timestamp(active.since)),
        packages: packages.iter().map(package).collect(),
        warnings: active.warnings.iter().cloned().chain(findings).collect(),
    }
}

fn package(package: &Package) -> v1::PackageStatus {
    v1::PackageStatus {
        name: package.name.clone(),
        engine: v1::Engine::from(package.engine).into(),
        servers: package.servers.clone().unwrap_or_default(),
        shadow: package.shadow,
        defines: package
            .defines
            .iter()
            .map(|set| set.as_str().to_owned())
            .collect(),
    }
}

fn refused(refusal: &Refusal) -> v1::RefusedSet {
    let findings: Vec<_> = refusal.findings.iter().map(ToString::to_string).collect();
    v1::RefusedSet {
        findings: if findings.is_empty() {
            vec![refusal.reason.clone()]
        } else {
            findings
        },
        since: Some(wire::timestamp(refusal.since)),
        digest: refusal.digest.clone().unwrap_or_default(),
    }
}

#[tonic::async_trait]
impl PolicyService for PolicyServer {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let (_, tenant) = self.permits(&request, Permission::Decide)?;
        Ok(Response::new(status(&tenant)))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        let asker = peer(&request);
        self.decider.permitted(&asker.peer, Permission::Decide)?;
        let questions = request.get_ref().request.as_slice();
        let (peer, _permit) = self.admission.decide(&self.decider, &request, questions)?;
        let Some(question) = request.into_inner().request else {
            return Err(RpcError::Invalid("`request` is required".to_owned()).into());
        };
        Ok(Response::new(self.decider.explain(&peer, question).await))
    }

    async fn reload(
        &self,
        request: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        let (by, tenant) = self.permits(&request, Permission::Administer)?;
        let asked = Record::PolicyReload(PolicyReload { by });
        self.decider.record_durably(&tenant, asked).await?;
        let reloaded = steering(&tenant)?.reload().await;
        reloaded.map_err(RpcError::from)?;
        Ok(Response::new(v1::ReloadResponse {
            status: Some(status(&tenant)),
        }))
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackRequest>,
    ) -> Result<Response<v1::RollbackResponse>, Status> {
        let (by, tenant) = self.permits(&request, Permission::Administer)?;
        let rollback = rollback(request.into_inner(), by)?;
        let rolled_back = steering(&tenant)?.rollback(rollback).await;
        rolled_back.map_err(RpcError::from)?;
        Ok(Response::new(v1::RollbackResponse {
            status: Some(status(&tenant)),
        }))
    }
}

/// What is asked for, as far as it makes sense.
fn rollback(asked: v1::RollbackRequest, by: String) -> Result<Rollback, RpcError> {
    let reason = bounded("reason", asked.reason)?;
    let invalid = |problem: String| Err(RpcError::Invalid(problem));
    if reason.trim().is_empty() {
        return invalid("`reason` is required: it is recorded".to_owned());
    }
    if !(1..=HOLD_SECONDS_MAX).contains(&asked.hold_seconds) {
        return invalid(format!(
            "`hold_seconds` must be 1 to {HOLD_SECONDS_MAX}, not `{}`",
            asked.hold_seconds
        ));
    }
    Ok(Rollback {
        digest: bounded("digest", asked.digest)?,
        reason,
        by,
        hold: Duration::from_secs(asked.hold_seconds.into()),
    })
}

/// One package's part in a decision.
pub(super) fn explanation(part: &Explained<'_>, server: &str) -> v1::PackageExplanation {
    let package = part.package;
    let may_grant = package.may_grant(server);
    wire::package_explanation(&package.name, package.shadow, may_grant, part.shown())
}
