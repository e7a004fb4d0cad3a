//! Every service, the same on every socket.

use super::serve::ServeError;
use crate::server::{
    self, Admission, AuditServer, Decider, DecisionLimits, DecisionServer, PolicyServer,
};
use crate::wire;
use crate::wire::v1::audit_service_server::AuditServiceServer;
use crate::wire::v1::decision_service_server::DecisionServiceServer;
use crate::wire::v1::policy_service_server::PolicyServiceServer;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::service::Routes;

/// Room on the wire for everything but a request's largest parts, in bytes.
const MESSAGE_ROOM_BYTES: usize = 1 << 20;

/// The largest message that is read.
pub(super) const fn message_bytes_max(limits: &DecisionLimits) -> usize {
    // `params`, result and definition; what is over the limit of each is a recorded denial.
    3 * limits.json.bytes_max + MESSAGE_ROOM_BYTES
}

/// The services of this decider.
pub(super) fn routes(
    decider: &Arc<Decider>,
    admission: &Arc<Admission>,
    stopped: &watch::Receiver<bool>,
) -> Result<Routes, ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(server::watch_health(
        reporter,
        Arc::clone(decider),
        stopped.clone(),
    ));
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let message_bytes_max = message_bytes_max(&decider.limits);
    let decisions =
        DecisionServer::new(Arc::clone(decider), Arc::clone(admission), stopped.clone());
    let policies = PolicyServer::new(Arc::clone(decider), Arc::clone(admission));
    let decisions = DecisionServiceServer::new(decisions)
        .max_decoding_message_size(message_bytes_max)
        .max_encoding_message_size(message_bytes_max);
    let policies = PolicyServiceServer::new(policies).max_decoding_message_size(message_bytes_max);
    let audit = AuditServiceServer::new(AuditServer::new(Arc::clone(decider), stopped.clone()));
    let routes = Routes::new(decisions)
        .add_service(policies)
        .add_service(audit)
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(routes.prepare())
}
