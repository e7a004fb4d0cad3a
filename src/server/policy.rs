//! `PolicyService`: what is active, what was refused, and why a decision came out as it did.

use super::admission::Admission;
use super::decider::Decider;
use super::peer::peer;
use super::status::RpcError;
use crate::bundle::swap::{Active, Refusal, Status as StoreStatus};
use crate::decide::Explained;
use crate::engine::{Package, PolicySet};
use crate::model::revision::EngineKind;
use crate::wire::v1::policy_service_server::PolicyService;
use crate::wire::{self, v1};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The gRPC service.
pub struct PolicyServer {
    decider: Arc<Decider>,
    admission: Arc<Admission>,
}

impl PolicyServer {
    /// Serves what this decider decides by, as far as there is room.
    #[must_use]
    pub fn new(decider: Arc<Decider>, admission: Arc<Admission>) -> Self {
        Self { decider, admission }
    }

    fn status(&self) -> v1::GetStatusResponse {
        let set = self.decider.policies.current();
        let StoreStatus {
            active, refused, ..
        } = self.decider.policies.status();
        v1::GetStatusResponse {
            active: active.map(|active| self::active(&active, set.as_deref())),
            refused: refused.map(|refusal| self::refused(&refusal)),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
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
        self.decider.known_caller(&peer(&request).peer)?;
        Ok(Response::new(self.status()))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        let peer = peer(&request);
        self.decider.known_caller(&peer.peer)?;
        let questions = request.get_ref().request.as_slice();
        let _permit = self.admission.decide(&self.decider, &request, questions)?;
        let Some(question) = request.into_inner().request else {
            return Err(RpcError::Invalid("`request` is required".to_owned()).into());
        };
        Ok(Response::new(self.decider.explain(&peer, question).await))
    }

    async fn reload(
        &self,
        _request: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        Err(RpcError::Unimplemented("Reload").into())
    }

    async fn rollback(
        &self,
        _request: Request<v1::RollbackRequest>,
    ) -> Result<Response<v1::RollbackResponse>, Status> {
        Err(RpcError::Unimplemented("Rollback").into())
    }
}

/// One package's part in a decision.
pub(super) fn explanation(part: &Explained<'_>, server: &str) -> v1::PackageExplanation {
    let package = part.package;
    let may_grant = package.may_grant(server);
    wire::package_explanation(&package.name, package.shadow, may_grant, part.shown())
}
