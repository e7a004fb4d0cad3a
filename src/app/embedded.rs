//! A PDP in the shim's own process: the same decider, the same log, no server.

use super::App;
use crate::identity::{Peer, Permission};
use crate::model::subject::Subject;
use crate::server::{Decider, Publisher, Remote, RpcError};
use crate::shim::pdp::{Acknowledged, Answer, BoxFuture, Numbering, Pdp, PdpError, Question};
use crate::shim::remote::convert;
use std::sync::Arc;

/// Decides and records in this process.
pub struct EmbeddedPdp {
    decider: Arc<Decider>,
    peer: Remote,
    subject: Subject,
}

impl App {
    /// A PDP for a shim in this process, that asks as the user of this uid for this subject.
    #[must_use]
    pub fn embedded(&self, uid: u32, subject: Subject) -> EmbeddedPdp {
        EmbeddedPdp {
            decider: self.decider(),
            peer: Peer::UnixUid(uid).into(),
            subject,
        }
    }
}

impl Pdp for EmbeddedPdp {
    fn decide(&self, question: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        let request = convert::request(question, &self.subject);
        Box::pin(async { convert::answer(self.decider.decide(&self.peer, request).await) })
    }

    fn decide_batch(
        &self,
        questions: Vec<Question>,
    ) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        let requests = questions
            .into_iter()
            .map(|question| convert::request(question, &self.subject));
        let requests = requests.collect();
        Box::pin(async {
            let answers = self.decider.decide_batch(&self.peer, requests).await;
            answers
                .map_err(unavailable)?
                .into_iter()
                .map(convert::answer)
                .collect()
        })
    }

    fn revision(&self) -> BoxFuture<'_, Result<String, PdpError>> {
        let tenant = self.decider.speaks_for(&self.peer, None);
        let digest = tenant.map_err(unavailable).map(|tenant| {
            let active = tenant.policies.status().active;
            active
                .map(|active| active.revision.digest)
                .unwrap_or_default()
        });
        Box::pin(async { digest })
    }

    /// Without the log's checkpoints: it would be this process that held itself to its word.
    fn report<'a>(
        &'a self,
        numbering: Numbering<'a>,
    ) -> BoxFuture<'a, Result<Acknowledged, PdpError>> {
        Box::pin(async {
            let peer = &self.peer.peer;
            self.decider
                .permitted(peer, Permission::Publish)
                .map_err(unavailable)?;
            let caller = self.decider.sender(peer).map_err(unavailable)?;
            let tenant = self.decider.speaks_for(&self.peer, None);
            let tenant = Arc::clone(tenant.map_err(unavailable)?);
            let mut publisher = Publisher::new(Arc::clone(&self.decider), tenant, caller);
            let events = numbering(publisher.origin())?;
            let events = events.into_iter().map(convert::event).collect();
            let reply = publisher
                .publish(events)
                .await
                .map_err(unavailable)?
                .unwrap_or_default();
            Ok(Acknowledged {
                durable_seq: reply.durable_seq,
                origin: reply.origin,
                ..Acknowledged::default()
            })
        })
    }
}

fn unavailable(error: RpcError) -> PdpError {
    PdpError::Unavailable(error.to_string())
}
