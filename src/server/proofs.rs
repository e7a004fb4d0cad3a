//! Checkpoints and proofs: for who reads the log, and for who sends events to it and wants to see
//! that it keeps them. They show hashes alone, so asking for them is not recorded.

use super::decider::Decider;
use super::peer::peer;
use super::status::RpcError;
use super::tenants::Tenant;
use crate::audit::prove::{LogProofs, ProofError};
use crate::identity::Permission;
use crate::wire::v1;
use std::sync::Arc;
use tonic::Request;

pub(super) async fn checkpoint(
    decider: &Decider,
    request: Request<v1::GetCheckpointRequest>,
) -> Result<v1::GetCheckpointResponse, RpcError> {
    let proofs = proofs(decider, &request)?;
    let (note, _) = proved(move || proofs.latest()).await?;
    Ok(v1::GetCheckpointResponse {
        checkpoint: note.to_string(),
    })
}

pub(super) async fn inclusion(
    decider: &Decider,
    request: Request<v1::GetInclusionProofRequest>,
) -> Result<v1::GetInclusionProofResponse, RpcError> {
    let proofs = proofs(decider, &request)?;
    let asked = request.into_inner();
    let proof = proved(move || proofs.inclusion(asked.index, asked.tree_size)).await?;
    Ok(v1::GetInclusionProofResponse {
        proof: proof.to_string(),
    })
}

pub(super) async fn consistency(
    decider: &Decider,
    request: Request<v1::GetConsistencyProofRequest>,
) -> Result<v1::GetConsistencyProofResponse, RpcError> {
    let tenant = tenant(decider, &request)?;
    let proofs = proofs_of(&tenant)?;
    let asked = request.into_inner();
    let hashes = proved(move || proofs.consistency(asked.from_size, asked.to_size)).await?;
    Ok(v1::GetConsistencyProofResponse {
        hashes: hashes.iter().map(|hash| hash.0.to_vec()).collect(),
        origin: tenant.evidence.log().origin().to_owned(),
    })
}

fn proofs<T>(decider: &Decider, request: &Request<T>) -> Result<LogProofs, RpcError> {
    let tenant = tenant(decider, request)?;
    proofs_of(&tenant)
}

fn tenant<T>(decider: &Decider, request: &Request<T>) -> Result<Arc<Tenant>, RpcError> {
    let peer = peer(request);
    let reads = decider.permits_for(request, &peer, Permission::ReadAudit);
    let (_, tenant) = match reads {
        Err(RpcError::NotPermitted(_)) => {
            decider.permits_for(request, &peer, Permission::Publish)?
        }
        other => other?,
    };
    Ok(tenant)
}

fn proofs_of(tenant: &Tenant) -> Result<LogProofs, RpcError> {
    let proofs = tenant.evidence.log().proofs();
    proofs.ok_or_else(|| RpcError::NotReadable("the log of this PDP is not signed".to_owned()))
}

/// Files are read, so not on a thread that decides.
async fn proved<T: Send + 'static>(
    prove: impl FnOnce() -> Result<T, ProofError> + Send + 'static,
) -> Result<T, RpcError> {
    let proved = tokio::task::spawn_blocking(prove).await;
    let proved = proved.map_err(|error| RpcError::NotReadable(error.to_string()))?;
    proved.map_err(|error| match error.is_of_the_question() {
        true => RpcError::Invalid(error.to_string()),
        false => RpcError::NotReadable(error.to_string()),
    })
}
