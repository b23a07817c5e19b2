//! SWIM as a value: datagrams and time come in, datagrams and news come out.

mod suspects;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use foca::{Codec as _, Foca, Header, Message, NoCustomBroadcast, Notification, Runtime, State, Timer};
use rand::{SeedableRng as _, rngs::StdRng};

use self::suspects::Doubt;
use super::{
    codec::MessagePack,
    config::SwimConfig,
    identity::Identity,
    news::{Action, Member, Opinion, Peer, SwimEvent},
    timers::Timers,
};
use crate::cluster::{NodeId, NodeKey};

/// How often nodes that are not known to be there are asked.
const CALL_PERIOD: Duration = Duration::from_secs(2);
/// How many of them at once.
const CALLED_AT_ONCE: usize = 4;
/// A suspicion lasts longer by this many times the delay of this node's own timers.
const LAG_FACTOR: u32 = 4;

/// One node's part in the protocol.
pub(crate) struct Swim {
    config: SwimConfig,
    foca: Foca<Identity, MessagePack, StdRng, NoCustomBroadcast>,
    timers: Timers,
    known: BTreeMap<NodeId, (Identity, State)>,
    actions: VecDeque<Action>,
    peers: Vec<Peer>,
    /// Whose turn it is to be called.
    next_peer: usize,
    call_at: Duration,
    /// When those whom this node is about to declare down are asked again.
    ask_at: Duration,
    /// How often this node has objected, as its packets say.
    objections: foca::Incarnation,
    /// When a packet of theirs last came.
    heard_at: BTreeMap<NodeId, Duration>,
    doubts: Vec<Doubt>,
    /// What foca takes timers by at present.
    token: foca::TimerToken,
    renewed_at: Option<Duration>,
    superseded: bool,
    /// How late timers are lately.
    lag: Duration,
    /// When this node last stood still.
    woken_at: Option<Duration>,
    left: bool,
    garbage: u64,
}

impl Swim {
    pub(crate) fn new(identity: Identity, config: SwimConfig, seed: u64) -> Self {
        let foca = Foca::new(identity, config.to_foca(), StdRng::seed_from_u64(seed), MessagePack);
        Self {
            config,
            foca,
            timers: Timers::default(),
            known: BTreeMap::new(),
            actions: VecDeque::new(),
            peers: Vec::new(),
            next_peer: 0,
            call_at: Duration::ZERO,
            ask_at: Duration::ZERO,
            objections: 0,
            heard_at: BTreeMap::new(),
            doubts: Vec::new(),
            token: 0,
            renewed_at: None,
            superseded: false,
            lag: Duration::ZERO,
            woken_at: None,
            left: false,
            garbage: 0,
        }
    }

    /// Takes a packet whose seal was in order.
    pub(crate) fn handle_datagram(&mut self, now: Duration, packet: &[u8]) {
        if self.left {
            return;
        }
        self.notice_pause(now);
        match MessagePack.decode_header(packet) {
            // Two that claim to be one node would make each other come back as fast as packets travel.
            Ok(Header { message: Message::TurnUndead, .. }) if self.renewed_lately(now) => return,
            Ok(Header { src, .. }) if src.id == self.foca.identity().id => {
                self.notice_later_start(&src);
                return;
            }
            Ok(Header { src, .. }) => {
                if self.known.contains_key(&src.id) {
                    self.heard_at.insert(src.id.clone(), now);
                }
                self.tell_of_later_start(src);
            }
            Err(_) => {
                self.garbage += 1;
                return;
            }
        }
        let mut output = Output::default();
        if self.foca.handle_data(packet, &mut output).is_err() {
            self.garbage += 1;
        }
        self.settle(now, output);
    }

    /// Asks a node whether it is there, and whom it knows.
    pub(crate) fn announce(&mut self, now: Duration, to: &Peer) {
        if self.left || to.id == self.foca.identity().id {
            return;
        }
        let mut output = Output::default();
        // It fails only if the name is too long for a packet.
        let _ = self.foca.announce(Identity::unknown(to.id.clone(), to.address), &mut output);
        self.settle(now, output);
    }

    /// Goes on asking these, in the place of those named before, until they are known to be there.
    pub(crate) fn set_peers(&mut self, peers: Vec<Peer>) {
        self.peers = peers;
    }

    /// Forgets a node that is down and gone for good: it is not asked any more whether it is back.
    pub(crate) fn forget(&mut self, now: Duration, node: &NodeId) {
        let Some((identity, _)) = self.known.get(node).filter(|(_, state)| *state == State::Down).cloned() else { return };
        let mut output = Output::default();
        let _ = self.foca.handle_timer(Timer::RemoveDown(identity), &mut output);
        self.known.remove(node);
        self.heard_at.remove(node);
        self.settle(now, output);
    }

    /// Does what is due.
    pub(crate) fn handle_time(&mut self, now: Duration) {
        if self.left {
            return;
        }
        self.notice_pause(now);
        while let Some(armed) = self.timers.pop_due(now) {
            self.note_lag(now.saturating_sub(armed.at));
            if let Timer::ChangeSuspectToDown { .. } = armed.timer {
                let patience_ends = self.end_of_patience(armed.since);
                if patience_ends > now {
                    self.timers.arm(patience_ends, armed.since, armed.timer);
                    continue;
                }
            }
            let mut output = Output::default();
            // An incomplete probe, after a pause: foca begins another one.
            let _ = self.foca.handle_timer(armed.timer, &mut output);
            self.settle(now, output);
        }
        self.pursue_doubts(now);
        self.ask_suspects(now);
        self.call_peers(now);
    }

    /// When `handle_time` is to be called. `None` once this node has left.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        if self.left {
            return None;
        }
        let asking = self.timers.accused().next().is_some().then_some(self.ask_at);
        let doubts = self.doubts.iter().map(|doubt| doubt.ask_at);
        [self.timers.earliest(), asking].into_iter().flatten().chain(doubts).chain([self.call_at]).min()
    }

    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Widens suspicions: this node's tasks were that late.
    pub(crate) fn set_lag(&mut self, measured: Duration) {
        self.lag = self.lag.max(measured);
    }

    /// Tells others that this node goes away. Nothing comes in or out after what this leaves to be sent.
    pub(crate) fn leave(&mut self, now: Duration) {
        if self.left {
            return;
        }
        let mut output = Output::default();
        let _ = self.foca.leave_cluster(&mut output);
        self.settle(now, output);
        self.left = true;
    }

    pub(crate) fn opinion(&self, node: &NodeKey) -> Opinion {
        let Some((identity, state)) = self.known.get(&node.id) else { return Opinion::Unknown };
        match identity.incarnation.cmp(&node.incarnation) {
            std::cmp::Ordering::Less => Opinion::Unknown,
            std::cmp::Ordering::Equal => (*state).into(),
            std::cmp::Ordering::Greater => Opinion::Down,
        }
    }

    /// All that were heard of, those that are down included.
    pub(crate) fn members(&self) -> impl Iterator<Item = Member> {
        self.known.values().map(|(identity, state)| Member {
            key: identity.key(),
            address: identity.address,
            opinion: (*state).into(),
        })
    }

    #[cfg(test)]
    pub(crate) fn identity(&self) -> &Identity {
        self.foca.identity()
    }

    /// How late this node's timers are lately.
    pub(crate) fn lag(&self) -> Duration {
        self.lag
    }

    /// How many packets made no sense.
    pub(crate) fn garbage(&self) -> u64 {
        self.garbage
    }

    /// The timers of a node that stood still stand still as well: what others sent meanwhile has yet to be read, and
    /// who was suspected may have objected.
    fn notice_pause(&mut self, now: Duration) {
        let Some(due) = self.timers.earliest() else { return };
        let late = now.saturating_sub(due);
        if late <= self.config.suspicion / 2 {
            return;
        }
        self.timers.put_off(late);
        self.doubts.clear();
        self.woken_at = Some(now);
        self.actions.push_back(Action::Tell(SwimEvent::Paused(late)));
    }

    fn note_lag(&mut self, late: Duration) {
        self.lag = (self.lag * 31 / 32).max(late);
    }

    fn end_of_patience(&self, since: Duration) -> Duration {
        let since = self.woken_at.map_or(since, |woken| woken.max(since));
        let widened = (self.lag * LAG_FACTOR).min(self.config.suspicion * LAG_FACTOR);
        // A timer's ordinary lateness widens nothing, or each suspicion would be waited for twice.
        let widened = if widened < self.config.suspicion / 8 { Duration::ZERO } else { widened };
        since + self.config.suspicion + widened
    }

    fn renewed_lately(&self, now: Duration) -> bool {
        self.renewed_at.is_some_and(|at| now < at + self.config.probe_period)
    }

    fn notice_later_start(&mut self, other: &Identity) {
        if other.incarnation > self.foca.identity().incarnation && !self.superseded {
            self.superseded = true;
            self.actions.push_back(Action::Tell(SwimEvent::Superseded(other.key())));
        }
    }

    /// A start of a node that is not the latest is ignored by foca, and would never learn why.
    fn tell_of_later_start(&mut self, sender: Identity) {
        let Some((later, state)) = self.known.get(&sender.id) else { return };
        if later.incarnation > sender.incarnation {
            let to = sender.address;
            if let Some(packet) = self.news(sender, Message::Gossip, &foca::Member::new(later.clone(), 0, *state)) {
                self.actions.push_back(Action::Send { to, packet });
            }
        }
    }

    /// Foca itself asks nobody while it knows nobody, and asks only those that it once knew.
    fn call_peers(&mut self, now: Duration) {
        if now < self.call_at {
            return;
        }
        let alone = self.foca.num_members() == 0;
        self.call_at = now + if alone { self.config.probe_period } else { CALL_PERIOD };
        let own = &self.foca.identity().id;
        let there = |id: &NodeId| self.known.get(id).is_some_and(|(_, state)| *state != State::Down);
        let mut missing: Vec<Peer> = self.peers.iter().filter(|peer| peer.id != *own && !there(&peer.id)).cloned().collect();
        if alone {
            let down = self.known.values().filter(|(identity, _)| !self.peers.iter().any(|peer| peer.id == identity.id));
            let mut down: Vec<_> =
                down.map(|(identity, _)| Peer { id: identity.id.clone(), address: identity.address }).collect();
            down.sort_by(|a, b| a.id.cmp(&b.id));
            missing.extend(down);
        }
        for turn in 0..missing.len().min(CALLED_AT_ONCE) {
            let peer = missing[(self.next_peer + turn) % missing.len()].clone();
            self.announce(now, &peer);
        }
        self.next_peer = self.next_peer.wrapping_add(CALLED_AT_ONCE);
    }

    /// Takes what foca put out.
    fn settle(&mut self, now: Duration, output: Output) {
        for (to, packet) in output.packets {
            if let Ok(header) = MessagePack.decode_header(&packet[..]) {
                self.objections = header.src_incarnation;
                // A suspicion's timer sends this also to who has refuted it in time, and would lose its identity by it.
                if header.message == Message::TurnUndead && self.foca.iter_members().any(|member| *member.id() == to) {
                    continue;
                }
            }
            self.actions.push_back(Action::Send { to: to.address, packet });
        }
        for (after, timer) in output.timers {
            if let Timer::ProbeRandomMember(token) = &timer {
                self.token = *token;
            }
            self.timers.arm(now + after, now, timer);
        }
        if output.rejoined {
            self.renewed_at = Some(now);
            self.actions.push_back(Action::Tell(SwimEvent::Rejoined));
        }
        self.compare();
    }

    /// Foca says nothing of suspicions, so what it knows is compared with what it knew.
    fn compare(&mut self) {
        let own = self.foca.identity().clone();
        let mut later_start = None;
        for member in self.foca.iter_membership_state() {
            let (identity, state) = (member.id(), member.state());
            if identity.id == own.id {
                later_start = Some(identity.clone());
                continue;
            }
            let mut tell = |event| self.actions.push_back(Action::Tell(event));
            match self.known.get_mut(&identity.id) {
                Some((known, known_state)) => {
                    if known == identity && *known_state == state {
                        continue;
                    }
                    let restarted = known.incarnation != identity.incarnation;
                    if restarted {
                        tell(SwimEvent::Restarted { old: known.key(), new: identity.key() });
                    }
                    if restarted || *known_state != state {
                        tell(SwimEvent::of(identity, state));
                    }
                    (*known, *known_state) = (identity.clone(), state);
                }
                None => {
                    tell(SwimEvent::of(identity, state));
                    self.known.insert(identity.id.clone(), (identity.clone(), state));
                }
            }
        }
        if let Some(identity) = later_start {
            self.notice_later_start(&identity);
        }
    }
}

/// What one call of foca puts out.
#[derive(Default)]
struct Output {
    packets: Vec<(Identity, Vec<u8>)>,
    timers: Vec<(Duration, Timer<Identity>)>,
    rejoined: bool,
}

impl Runtime<Identity> for Output {
    fn notify(&mut self, notification: Notification<'_, Identity>) {
        self.rejoined |= matches!(notification, Notification::Rejoin(_));
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.packets.push((to, data.to_vec()));
    }

    fn submit_after(&mut self, event: Timer<Identity>, after: Duration) {
        self.timers.push((after, event));
    }
}
