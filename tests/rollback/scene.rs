//! A PDP, and one who administers it.

use crate::server::asking::{Decisions, codes, decide};
use crate::server::{Server, config, until};
use std::path::Path;
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{GetStatusRequest, GetStatusResponse, ReloadRequest, RollbackRequest};

fn write(dir: &Path, policy: &str) {
    std::fs::create_dir_all(dir.join("main")).unwrap();
    std::fs::write(dir.join("main/p.rego"), policy).unwrap();
}

/// A policy that allows with this code.
pub fn allowing(code: &str) -> String {
    format!("package policies.crm\nallow contains \"{code}\"\n")
}

/// A PDP, and one who administers it.
pub struct Scene {
    pub server: Server,
    pub policies: PolicyServiceClient<Channel>,
    pub decisions: Decisions,
}

impl Scene {
    pub async fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &allowing("r1"));
        Self::of(Server::start(dir, &config(more)).await).await
    }

    pub async fn of(server: Server) -> Self {
        let channel = server.unix().await;
        Self {
            policies: PolicyServiceClient::new(channel.clone()),
            decisions: Decisions::new(channel),
            server,
        }
    }

    pub async fn status(&mut self) -> GetStatusResponse {
        let status = self.policies.get_status(GetStatusRequest {}).await;
        status.unwrap().into_inner()
    }

    /// Writes a policy, has it read, and gives what is active and held then.
    pub async fn load(&mut self, policy: &str) -> GetStatusResponse {
        write(self.server.dir.path(), policy);
        let reloaded = self.policies.reload(ReloadRequest {}).await;
        reloaded.unwrap().into_inner().status.unwrap()
    }

    /// Whether health says that what is on disk is in force, and that decisions can be made.
    pub async fn health(&self) -> [bool; 2] {
        let channel = self.server.unix().await;
        let mut health = HealthClient::new(channel);
        let mut serving = [false; 2];
        for (service, serving) in ["policyset/default", "toolgate.ready"]
            .iter()
            .zip(&mut serving)
        {
            let asked = HealthCheckRequest {
                service: (*service).to_owned(),
            };
            let status = health.check(asked).await.unwrap().into_inner().status();
            *serving = status == ServingStatus::Serving;
        }
        serving
    }

    /// Waits until health says so.
    pub async fn until_health(&self, expected: [bool; 2]) {
        let health = async || (self.health().await == expected).then_some(());
        until("this health", health).await;
    }

    pub async fn rollback(
        &mut self,
        digest: &str,
        reason: &str,
        hold_seconds: u32,
    ) -> Result<GetStatusResponse, Status> {
        let request = RollbackRequest {
            digest: digest.to_owned(),
            reason: reason.to_owned(),
            hold_seconds,
        };
        let rolled_back = self.policies.rollback(request).await?;
        Ok(rolled_back.into_inner().status.unwrap())
    }

    /// The version that decides, and the code that it gives.
    pub async fn decided(&mut self) -> (u64, String) {
        let reply = decide(&mut self.decisions, "crm/read").await;
        let code = codes(&reply).join(",");
        (reply.policy.unwrap().version, code)
    }

    /// The status once no rollback is in force.
    pub async fn unpinned(&mut self) -> GetStatusResponse {
        let mut policies = self.policies.clone();
        until("the end of the rollback", async || {
            let status = policies.get_status(GetStatusRequest {}).await;
            Some(status.unwrap().into_inner()).filter(|status| status.pin.is_none())
        })
        .await
    }
}
