//! An auditor reads the log of its own tenant and of no other.

use super::scene::*;
use crate::server::asking::call;
use crate::server::{block_on, of_type};
use serde_json::Value;
use tonic::Code;
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::{QueryRequest, TailRequest};

#[test]
fn queries_and_streams_are_of_the_own_tenant() {
    block_on(async {
        let server = start().await;
        for tenant in ["acme", "globex"] {
            ask(&mut decisions(&server, tenant).await, call("crm/read")).await;
            records_of(&server, Some(tenant)).await;
        }
        let by_certificate = |caller| channel(&server, caller);
        for (caller, named, expected) in [
            (by_certificate("acme").await, None, Ok("acme")),
            (by_certificate("acme").await, Some("acme"), Ok("acme")),
            (by_certificate("globex").await, None, Ok("globex")),
            (
                by_certificate("acme").await,
                Some("globex"),
                Err(Code::PermissionDenied),
            ),
            (server.unix().await, None, Err(Code::InvalidArgument)),
            (server.unix().await, Some("globex"), Ok("globex")),
            (
                server.unix().await,
                Some("initech"),
                Err(Code::PermissionDenied),
            ),
        ] {
            let query = QueryRequest {
                justification: "a test".to_owned(),
                ..QueryRequest::default()
            };
            let tail = TailRequest {
                justification: "a test".to_owned(),
                from_index: 1,
                matching: None,
            };
            let mut client = AuditServiceClient::new(caller);
            let found = client.query(naming(named, query)).await;
            let streamed = client.tail(naming(named, tail)).await;
            let tenant = match expected {
                Ok(tenant) => tenant,
                Err(code) => {
                    assert_eq!(found.unwrap_err().code(), code, "{named:?}");
                    assert_eq!(streamed.unwrap_err().code(), code, "{named:?}");
                    continue;
                }
            };
            let found = found.unwrap().into_inner().records_json;
            let read = |line: &Vec<u8>| serde_json::from_slice::<Value>(line).unwrap();
            let found: Vec<_> = found.iter().map(read).collect();
            let origin = format!("toolgate/{tenant}");
            assert!(found.iter().all(|it| it["origin"] == *origin), "{named:?}");
            let decisions = of_type(&found, "decision");
            assert_eq!(decisions.len(), 1, "{named:?}");
            assert_eq!(decisions[0]["tenant"], tenant);
            let streamed = streamed.unwrap().into_inner().message().await;
            let first = read(&streamed.unwrap().unwrap().record_json);
            assert_eq!(
                (&first["origin"], &first["seq"]),
                (&origin.into(), &1.into())
            );
        }
        server.stop().await;
    });
}
