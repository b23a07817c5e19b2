//! A message for an entity, on its way to another node.

use bytes::Bytes;

use crate::{
    actor::Waiting,
    cluster::{
        Incarnation,
        wire::{ChainBuf, Request, flags},
    },
    reply::{FarRefusal, Refusal},
};

pub(crate) struct Letter<'a> {
    pub(crate) kind: &'a str,
    pub(crate) id: &'a str,
    pub(crate) hash: u64,
    pub(crate) message: &'a str,
    pub(crate) idempotent: bool,
    pub(crate) is_left_behind: bool,
    /// The sender waits for the answer, and not only for the message to be there.
    pub(crate) asks: bool,
    pub(crate) chain: &'a [Waiting],
    pub(crate) body: &'a Bytes,
}

impl Letter<'_> {
    /// What tells those apart that must keep an order. Ids of actors have another first bit.
    pub(super) fn target(&self) -> u64 {
        self.hash | 1 << 63
    }

    pub(super) fn write(&self, frame: &mut Vec<u8>, to: Incarnation, limit: u32) -> Result<(), Refusal> {
        let mut chain = ChainBuf::default();
        for (node, actor) in self.chain {
            // What is too long for the wire is told of by the ask's own limit of time.
            let _ = chain.push(node.id.as_str(), actor.0);
        }
        let address = format!("{}\0{}", self.kind, self.id);
        let asks = if self.asks { flags::ASK } else { flags::CONFIRM };
        let request = Request {
            request: 0,
            actor: self.target(),
            flags: flags::ENTITY
                | asks
                | if self.idempotent { flags::IDEMPOTENT } else { 0 }
                | if self.is_left_behind { flags::LEFT_BEHIND } else { 0 },
            target_incarnation: to.0,
            name: self.message,
            to_name: Some(&address),
            chain: chain.as_chain(),
            body: self.body,
        };
        let start = frame.len();
        request.encode(frame, limit).map_err(|error| {
            let bytes = (frame.len() - start + self.body.len()) as u64;
            if bytes > u64::from(limit) {
                FarRefusal::TooLarge { bytes, limit: limit.into() }.into()
            } else {
                Refusal::rejected(&error)
            }
        })
    }
}
