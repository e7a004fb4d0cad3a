//! `GetContent`: arguments and results that the content store kept, for who may read them, with a
//! second person's word.

use super::aside::aside;
use super::audit::{AuditServer, bounded};
use super::peer::peer;
use super::status::RpcError;
use super::tenants::Tenant;
use crate::audit::content::grant::{self, Asked, GRANT_BYTES_MAX};
use crate::audit::content::{ContentStore, ReadError, Reference};
use crate::audit::record::{AuditRead, Record};
use crate::identity::Permission;
use crate::wire::v1;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use tonic::Request;

/// Longest reference, in bytes.
const REFERENCE_BYTES_MAX: usize = 256;
const RPC: &str = "GetContent";

impl AuditServer {
    pub(super) async fn content(
        &self,
        request: Request<v1::GetContentRequest>,
    ) -> Result<v1::GetContentResponse, RpcError> {
        let peer = peer(&request);
        let may = Permission::ReadContent;
        let reader = self.decider.reader(&request, &peer, may, RPC);
        let (by, tenant) = reader.await?;
        let asked = request.into_inner();
        let justification = bounded("justification", asked.justification)?;
        if justification.trim().is_empty() {
            let problem = "`justification` is required: it is recorded";
            return Err(RpcError::Invalid(problem.to_owned()));
        }
        let reference = reference(&asked.r#ref)?;
        let store = tenant.evidence.store().ok_or(RpcError::NoContentStore)?;
        let now = (self.decider.clock)();
        let about = Asked {
            content: &reference,
            reader: &by,
            justification: &justification,
            now,
        };
        let approved = approver(&tenant, &asked.grant, about);
        let mut recorded = AuditRead {
            by,
            justification,
            rpc: RPC,
            reference: Some(reference.to_string()),
            ..AuditRead::default()
        };
        match approved {
            Ok(approver) => recorded.approved_by = Some(approver),
            Err(refused) => {
                self.decider
                    .record_refused(&tenant, recorded, &refused)
                    .await;
                return Err(refused);
            }
        }
        let record = Record::AuditRead(recorded);
        // Durable before anything is given.
        self.decider.record_durably(&tenant, record).await?;
        let content_json = read(store, reference).await?;
        Ok(v1::GetContentResponse { content_json })
    }
}

fn reference(text: &str) -> Result<Reference, RpcError> {
    if text.len() > REFERENCE_BYTES_MAX {
        return Err(RpcError::Invalid("`ref` is too long".to_owned()));
    }
    let parsed = text.parse();
    parsed.map_err(|error| RpcError::Invalid(format!("`ref`: {error}")))
}

/// Who approved it.
fn approver(tenant: &Tenant, grant: &str, asked: Asked<'_>) -> Result<String, RpcError> {
    let approvers = tenant.evidence.approvers();
    let needed = || {
        RpcError::NotApproved(
            "content needs the word of a second person: give `grant`, as `toolgate audit grant` \
             makes it"
                .to_owned(),
        )
    };
    if approvers.is_empty() || grant.is_empty() {
        return Err(needed());
    }
    // Base64 takes four bytes for three.
    let grant = STANDARD.decode(grant.trim()).ok();
    let grant = grant.filter(|grant| grant.len() <= GRANT_BYTES_MAX);
    let grant = grant.ok_or_else(|| RpcError::NotApproved("`grant` is no grant".to_owned()))?;
    grant::approved_by(&grant, approvers, asked)
        .map_err(|error| RpcError::NotApproved(format!("`grant`: {error}")))
}

/// Reads on a thread that may wait for the disk.
async fn read(store: &Arc<ContentStore>, reference: Reference) -> Result<Vec<u8>, RpcError> {
    let store = Arc::clone(store);
    let read = aside(move || store.read(&reference)).await;
    let read = read.map_err(|_| RpcError::ContentUnreadable("reading it failed".to_owned()))?;
    read.map_err(|error| match error {
        ReadError::Erased => RpcError::ContentErased,
        ReadError::Missing => RpcError::NoContent,
        ReadError::Damaged | ReadError::Keys(_) | ReadError::Io(_) => {
            tracing::error!(%error, "content could not be read");
            RpcError::ContentUnreadable(error.to_string())
        }
    })
}
