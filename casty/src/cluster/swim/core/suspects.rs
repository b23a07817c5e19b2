//! Those that are missed or suspected: what this node asks them beside foca's own probes.

use std::time::Duration;

use bytes::BufMut as _;
use foca::{Codec as _, Header, Message, State, Timer};

use super::{MessagePack, Output, Swim};
use crate::cluster::{
    NodeKey,
    swim::{Action, Identity, Opinion},
};

/// A node that is probed out of turn.
pub(super) struct Doubt {
    identity: Identity,
    since: Duration,
    pub(super) ask_at: Duration,
}

impl Swim {
    /// Probes a node out of turn, since somebody misses it: one that answers nothing for two round trips is suspected.
    pub(crate) fn doubt(&mut self, now: Duration, node: &NodeKey) {
        if self.left || self.opinion(node) != Opinion::Alive || self.doubts.iter().any(|doubt| doubt.identity.id == node.id) {
            return;
        }
        if let Some((identity, _)) = self.known.get(&node.id) {
            self.doubts.push(Doubt { identity: identity.clone(), since: now, ask_at: now });
            self.pursue_doubts(now);
        }
    }

    pub(super) fn pursue_doubts(&mut self, now: Duration) {
        let ends = self.config.probe_rtt * 2;
        for mut doubt in std::mem::take(&mut self.doubts) {
            let heard = self.heard_at.get(&doubt.identity.id).is_some_and(|at| *at > doubt.since);
            let alive = self.known.get(&doubt.identity.id) == Some(&(doubt.identity.clone(), State::Alive));
            if heard || !alive {
                continue;
            }
            if now >= doubt.since + ends {
                self.suspect(now, &doubt.identity);
                continue;
            }
            if now >= doubt.ask_at {
                doubt.ask_at = (now + ends / 3).min(doubt.since + ends);
                if let Some(packet) = self.question(&doubt.identity) {
                    self.actions.push_back(Action::Send { to: doubt.identity.address, packet });
                }
            }
            self.doubts.push(doubt);
        }
    }

    /// As foca does after a probe without an answer.
    fn suspect(&mut self, now: Duration, identity: &Identity) {
        let Some(member) = self.foca.iter_members().find(|member| member.id() == identity) else { return };
        let incarnation = member.incarnation();
        let suspicion = foca::Member::new(identity.clone(), incarnation, State::Suspect);
        let mut output = Output::default();
        let _ = self.foca.apply_many([suspicion].into_iter(), true, &mut output);
        let timer = Timer::ChangeSuspectToDown { member_id: identity.clone(), incarnation, token: self.token };
        output.timers.push((self.config.suspicion, timer));
        self.settle(now, output);
    }

    /// Asks those that this node is about to declare down, again and again, and tells them: news of a suspicion, and
    /// of its refutation, are too precious to be left to gossip where packets get lost.
    pub(super) fn ask_suspects(&mut self, now: Duration) {
        if now < self.ask_at {
            return;
        }
        self.ask_at = now + self.config.gossip_period / 2;
        let known = &self.known;
        let suspected = |identity: &&Identity| {
            known.get(&identity.id).is_some_and(|(known, state)| known == *identity && *state == State::Suspect)
        };
        let mut accused: Vec<Identity> = Vec::new();
        for identity in self.timers.accused().filter(suspected) {
            if !accused.contains(identity) {
                accused.push(identity.clone());
            }
        }
        for identity in accused {
            if let Some(packet) = self.question(&identity) {
                self.actions.push_back(Action::Send { to: identity.address, packet });
            }
        }
    }

    /// A ping whose answer no probe waits for, and the news what its target is taken for.
    fn question(&self, suspect: &Identity) -> Option<Vec<u8>> {
        let member = self.foca.iter_members().find(|member| member.id() == suspect)?;
        self.news(suspect.clone(), Message::Ping(0), member)
    }

    /// A packet with one member's state.
    pub(super) fn news(&self, to: Identity, message: Message<Identity>, member: &foca::Member<Identity>) -> Option<Vec<u8>> {
        let src = self.foca.identity().clone();
        let header = Header { src, src_incarnation: self.objections, dst: to, message };
        let mut packet = Vec::new();
        MessagePack.encode_header(&header, &mut packet).ok()?;
        packet.put_u16(1);
        MessagePack.encode_member(member, &mut packet).ok()?;
        Some(packet)
    }
}
