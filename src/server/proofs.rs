//! Checkpoints and proofs: for who reads the log, and for who sends events to it and wants to see
//! that it keeps them. They show hashes alone, so asking for them is not recorded.

use super::aside::aside;
use super::decider::Decider;
use super::peer::peer;
use super::status::RpcError;
use crate::audit::prove::{LogProofs, ProofError};
use crate::identity::Permission;
use crate::wire::v1;
use tonic::Request;

pub(super) async fn checkpoint(
    decider: &Decider,
    request: Request<v1::GetCheckpointRequest>,
) -> Result<v1::GetCheckpointResponse, RpcError> {
    let (_, proofs) = proofs(decider, &request)?;
    let (note, _) = proved(move || proofs.latest()).await?;
    Ok(v1::GetCheckpointResponse {
        checkpoint: note.to_string(),
    })
}

pub(super) async fn inclusion(
    decider: &Decider,
    request: Request<v1::GetInclusionProofRequest>,
) -> Result<v1::GetInclusionProofResponse, RpcError> {
    let (_, proofs) = proofs(decider, &request)?;
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
    let (origin, proofs) = proofs(decider, &request)?;
    let asked = request.into_inner();
    let hashes = proved(move || proofs.consistency(asked.from_size, asked.to_size)).await?;
    Ok(v1::GetConsistencyProofResponse {
        origin,
        hashes: hashes.iter().map(|hash| hash.0.to_vec()).collect(),
    })
}

fn proofs<T>(decider: &Decider, request: &Request<T>) -> Result<(String, LogProofs), RpcError> {
    let peer = peer(request);
    let reads = decider.permits_for(request, &peer, Permission::ReadAudit);
    let (_, tenant) = match reads {
        Err(neither @ RpcError::NotPermitted(_)) => decider
            .permits_for(request, &peer, Permission::Publish)
            .map_err(|_| neither)?,
        other => other?,
    };
    let log = tenant.evidence.log();
    let unsigned = || RpcError::NotReadable("the log of this PDP is not signed".to_owned());
    let proofs = log.proofs().ok_or_else(unsigned)?;
    Ok((log.origin().to_owned(), proofs))
}

/// Files are read, so not on a thread that decides.
async fn proved<T: Send + 'static>(
    prove: impl FnOnce() -> Result<T, ProofError> + Send + 'static,
) -> Result<T, RpcError> {
    let proved = aside(prove).await;
    let proved = proved.map_err(|error| RpcError::NotReadable(error.to_string()))?;
    proved.map_err(|error| match error.is_of_the_question() {
        true => RpcError::Invalid(error.to_string()),
        false => RpcError::NotReadable(error.to_string()),
    })
}
