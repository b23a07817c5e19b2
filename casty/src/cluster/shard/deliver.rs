//! Messages for entities that come from other nodes.

use super::{
    Envelope, Shards,
    ports::{Elsewhere, Receipt},
};
use crate::{
    ActorSystem,
    actor::{ActorId, FarPort, ForRoom, Incoming, Received, Wants},
    cluster::{
        placement::{Slot, hash_of, slot_of_hash},
        transport::{Network, Replies},
        wire::{AnswerStatus, DataFrame, Request, flags},
    },
    reply::{FarRefusal, Refusal},
};

impl Shards {
    /// Gives a request to its entity. Returns what is to be waited for if the mailbox is full.
    pub(crate) fn deliver(
        &self,
        system: &ActorSystem,
        network: &Network,
        request: &Request<'_>,
        replies: &Replies,
    ) -> Option<ForRoom> {
        let refuse = |why: Refusal| {
            replies.refuse(request.request, &why);
            None
        };
        let Some((kind, id)) = request.to_name.and_then(|name| name.split_once('\0')) else {
            return refuse(Refusal::rejected(&"it names no entity"));
        };
        if request.target_incarnation != self.me.incarnation.0 {
            return refuse(FarRefusal::NotOwner.into());
        }
        let (name, Some(kind)) = (kind, self.kinds.of(kind)) else {
            // Its types are declared once it has joined: who asks comes again.
            let is_starting = self.kinds.all().is_empty();
            return refuse(if is_starting {
                FarRefusal::NotOwner.into()
            } else {
                Refusal::rejected(&"its program has no such type")
            });
        };
        let hash = hash_of(kind.seed, id);
        let slot = slot_of_hash(hash);
        let asks = request.flags & flags::ASK != 0;
        let chain = request.chain.iter();
        let chain: Vec<_> = chain.filter_map(|(node, actor)| Some((network.key_of(node)?, ActorId(actor)))).collect();
        let is_left_behind = request.flags & flags::LEFT_BEHIND != 0;
        let wait = |port: Box<dyn FarPort>, chain| {
            self.route(Envelope {
                turn: self.waiting.turn(slot, is_left_behind),
                kind: name.into(),
                hash,
                id: id.into(),
                message: request.name.into(),
                idempotent: request.flags & flags::IDEMPOTENT != 0,
                twice: false,
                asks,
                chain,
                body: request.body.to_vec().into(),
                answer: Some(Box::new(Elsewhere::new(port))),
                deadline: self.deadline(),
            });
        };
        if self.waiting.is_waiting(slot) || self.serves(slot) == 0 || !self.pass().is_open() {
            if self.is_to_serve(slot) {
                wait(replies.port(request.request), chain);
                return None;
            }
            return refuse(FarRefusal::NotOwner.into());
        }
        let is_kept = kind.settings.sync > 0;
        let (wants, reply): (_, Option<Box<dyn FarPort>>) = match (asks, is_kept) {
            (true, _) => (Wants::Answer, Some(replies.port(request.request))),
            (false, true) => (Wants::Answer, Some(Box::new(Receipt(replies.port(request.request))))),
            (false, false) => (Wants::Receipt, None),
        };
        let incoming = Incoming { name: request.name, body: request.body, wants, reply, chain };
        match kind.region.receive(system, (&id.into(), hash), incoming) {
            Ok(Received::Taken) if wants == Wants::Receipt => {
                replies.frame(&DataFrame::Answer { request: request.request, status: AnswerStatus::Delivered, body: &[] });
            }
            Ok(Received::Refused(why)) if wants == Wants::Receipt => return refuse(why),
            Ok(Received::Taken | Received::Refused(_)) => {}
            Ok(Received::Waits(room)) => return Some(room),
            Err(Incoming { reply, chain, .. }) => wait(reply.unwrap_or_else(|| replies.port(request.request)), chain),
        }
        None
    }

    /// Whether this node is the slot's primary by what is agreed, as far as it has come here.
    fn is_to_serve(&self, slot: Slot) -> bool {
        let Some(plane) = self.plane.get() else { return false };
        let view = plane.view();
        view.slots.get(usize::from(slot)).and_then(|chain| chain.primary()) == Some(&self.me)
    }
}
