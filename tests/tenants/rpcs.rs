//! What is no decision acts on the caller's tenant and on no other.

use super::scene::*;
use crate::server::asking::call;
use crate::server::{Server, block_on, of_type, publishing};
use tonic::transport::Channel;
use tonic::{Code, Status};
use toolgate::wire::v1::decision_service_client::DecisionServiceClient;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{
    GetStatusRequest, GetStatusResponse, Outcome, OutcomeStatus, PublishRequest, ReloadRequest,
    RollbackRequest, WatchRevisionRequest,
};

async fn status(channel: Channel, tenant: Option<&str>) -> Result<GetStatusResponse, Status> {
    let asked = naming(tenant, GetStatusRequest {});
    let status = PolicyServiceClient::new(channel).get_status(asked).await;
    status.map(tonic::Response::into_inner)
}

fn digest(status: &GetStatusResponse) -> String {
    let active = status.active.as_ref().unwrap();
    active.policy.as_ref().unwrap().digest.clone()
}

async fn watched(channel: Channel, tenant: Option<&str>) -> Result<String, Status> {
    let asked = naming(tenant, WatchRevisionRequest {});
    let mut client = DecisionServiceClient::new(channel);
    let mut told = client.watch_revision(asked).await?.into_inner();
    Ok(told.message().await?.unwrap().policy.unwrap().digest)
}

async fn reload(channel: Channel, tenant: Option<&str>) -> Result<String, Status> {
    let asked = naming(tenant, ReloadRequest {});
    let reloaded = PolicyServiceClient::new(channel).reload(asked).await?;
    Ok(digest(&reloaded.into_inner().status.unwrap()))
}

async fn roll_back(channel: Channel, tenant: Option<&str>, digest: &str) -> Result<(), Status> {
    let rollback = RollbackRequest {
        digest: digest.to_owned(),
        reason: "a test".to_owned(),
        hold_seconds: 60,
    };
    let asked = naming(tenant, rollback);
    let rolled_back = PolicyServiceClient::new(channel).rollback(asked).await;
    rolled_back.map(drop)
}

#[test]
fn policies_are_shown_reloaded_and_rolled_back_of_the_own_tenant() {
    block_on(async {
        let server = start().await;
        let [acme, globex] = [
            channel(&server, "acme").await,
            channel(&server, "globex").await,
        ];
        let of_acme = digest(&status(acme.clone(), None).await.unwrap());
        let of_globex = digest(&status(globex.clone(), None).await.unwrap());
        assert_ne!(of_acme, of_globex);
        for (channel, own, name) in [(&acme, &of_acme, "acme"), (&globex, &of_globex, "globex")] {
            assert_eq!(watched(channel.clone(), None).await.as_ref().unwrap(), own);
            assert_eq!(reload(channel.clone(), None).await.as_ref().unwrap(), own);
            // It may name the one that it has.
            let named = status(channel.clone(), Some(name)).await.unwrap();
            assert_eq!(digest(&named), *own);
        }
        // The other tenant's set is none that is held.
        let refused = roll_back(acme.clone(), None, &of_globex).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{refused}");
        roll_back(acme.clone(), None, &of_acme).await.unwrap();
        assert!(status(acme, None).await.unwrap().pin.is_some());
        assert_eq!(status(globex, None).await.unwrap().pin, None);
        for (tenant, reloads, rollbacks) in [("acme", 1, 1), ("globex", 1, 0)] {
            let own = records_of(&server, Some(tenant)).await;
            assert_eq!(of_type(&own, "policy_reload").len(), reloads, "{tenant}");
            assert_eq!(of_type(&own, "policy_rolled_back").len(), rollbacks);
        }
        server.stop().await;
    });
}

#[test]
fn of_several_tenants_one_is_named_and_none_beyond_the_entry() {
    block_on(async {
        let server = start().await;
        let operator = server.unix().await;
        let acme = channel(&server, "acme").await;
        let of_acme = digest(&status(acme.clone(), None).await.unwrap());
        let named = status(operator.clone(), Some("acme")).await.unwrap();
        assert_eq!(digest(&named), of_acme);
        let globex = reload(operator.clone(), Some("globex")).await.unwrap();
        assert_ne!(globex, of_acme);
        let own = records_of(&server, Some("globex")).await;
        assert_eq!(of_type(&own, "policy_reload")[0]["by"], "operator");

        let several = (operator, None, Code::InvalidArgument);
        let unknown = (server.unix().await, Some("initech"), Code::PermissionDenied);
        let foreign = (acme, Some("globex"), Code::PermissionDenied);
        for (channel, tenant, expected) in [several, unknown, foreign] {
            let refused = [
                status(channel.clone(), tenant).await.map(drop),
                watched(channel.clone(), tenant).await.map(drop),
                reload(channel.clone(), tenant).await.map(drop),
                roll_back(channel.clone(), tenant, &of_acme).await,
            ];
            for refused in refused {
                assert_eq!(refused.unwrap_err().code(), expected, "{tenant:?}");
            }
        }
        server.stop().await;
    });
}

fn outcome(decision_id: &str, seq: u64) -> PublishRequest {
    let outcome = Outcome {
        decision_id: decision_id.to_owned(),
        status: OutcomeStatus::Ok.into(),
        response_digest: "sha256:00".to_owned(),
        ..Outcome::default()
    };
    publishing::event(1, seq, Event::Outcome(outcome))
}

/// Of the outcomes in a tenant's log: the tenant, and whether the decision is known.
async fn outcomes(server: &Server, tenant: &str) -> Vec<(Option<String>, bool)> {
    let records = of_type(&records_of(server, Some(tenant)).await, "outcome");
    let outcome = |record: &serde_json::Value| {
        let tenant = record["tenant"].as_str().map(str::to_owned);
        (tenant, record["decision_known"].as_bool().unwrap())
    };
    records.iter().map(outcome).collect()
}

#[test]
fn events_are_held_against_the_decisions_of_their_own_tenant() {
    block_on(async {
        let server = start().await;
        let mut globex = decisions(&server, "globex").await;
        let granted = ask(&mut globex, call("crm/write")).await;
        let id = granted.decision_id.as_str();
        // Another tenant's decision is none that is known, whoever names it.
        let acme = channel(&server, "acme").await;
        let origin = publish(acme.clone(), None, outcome(id, 1)).await.unwrap();
        assert_eq!(origin, "toolgate/acme");
        assert_eq!(outcomes(&server, "acme").await, [(None, false)]);
        assert_eq!(outcomes(&server, "globex").await, []);
        let own = channel(&server, "globex").await;
        publish(own, None, outcome(id, 1)).await.unwrap();
        let known = || (Some("globex".to_owned()), true);
        assert_eq!(outcomes(&server, "globex").await, [known()]);

        // Of several tenants one is named; the events of each are numbered by themselves.
        let mut gateway = decisions(&server, "gateway").await;
        let granted = ask(&mut gateway, call_for("globex", "crm/write")).await;
        let id = granted.decision_id.as_str();
        for (tenant, expected) in [
            (None, Code::InvalidArgument),
            (Some("initech"), Code::PermissionDenied),
        ] {
            let channel = channel(&server, "gateway").await;
            let refused = publish(channel, tenant, outcome(id, 1)).await.unwrap_err();
            assert_eq!(refused.code(), expected);
        }
        for (tenant, origin) in [("acme", "toolgate/acme"), ("globex", "toolgate/globex")] {
            let channel = channel(&server, "gateway").await;
            let published = publish(channel, Some(tenant), outcome(id, 1)).await;
            assert_eq!(published.unwrap(), origin);
        }
        assert_eq!(
            outcomes(&server, "acme").await,
            [(None, false), (None, false)]
        );
        assert_eq!(outcomes(&server, "globex").await, [known(), known()]);
        server.stop().await;
    });
}
