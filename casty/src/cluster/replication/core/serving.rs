//! A primary: what changes goes to its backups, and what enough of them have is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Core, NotServing, PATIENCE, Role, Rule, same, sync::Backup};
use crate::cluster::{
    NodeKey,
    placement::{Chain, Configuration, Epoch, Stage, TypeNumber, TypeTable},
    replication::{Content, Key, Message, Out, Version, Wait, Written, copies::Shelf},
};

/// Smaller states are sent whole.
const PATCHED_FROM: usize = 256;

/// What a primary knows beyond its copies, which are the truth.
pub(super) struct Serving<G> {
    pub(super) epoch: Epoch,
    /// The epoch from which on this node has been primary without a gap: what has this stamp was kept, or is pending.
    pub(super) since: Epoch,
    pub(super) config: Configuration,
    /// Kinds that are not served: too many copies are gone, and nobody has accepted that.
    pub(super) lost: BTreeSet<TypeNumber>,
    /// It was down, and may serve again if nobody else took the slot.
    pub(super) halted: bool,
    /// Who sealed it, for which epoch: it ends, in order.
    pub(super) stops_for: Option<(NodeKey, Epoch)>,
    pub(super) pending: BTreeMap<Key, Pending<G>>,
    pub(super) tickets: BTreeMap<u64, Key>,
    pub(super) backups: Vec<Backup>,
    pub(super) ticks: u8,
    /// Backups beyond those that are waited for get several changes at once.
    pub(super) sparing: bool,
}

/// An entity whose newest version some backup has not acknowledged.
pub(super) struct Pending<G> {
    pub(super) ticket: u64,
    latest: Written,
    /// Who waits for it, if anybody does.
    gate: Option<G>,
    /// And who waits for it besides: what the entity's earlier activations said is held still.
    earlier: Vec<G>,
    told: Version,
    /// For each backup that has copies of this kind.
    sent: Vec<Sent>,
}

/// What of a pending entity a backup was sent, and has said that it has.
#[derive(Clone, Default)]
struct Sent {
    last: Option<Written>,
    /// The state that that was, while it may be the base of the next.
    state: Option<Arc<[u8]>>,
    acked: Version,
    ticks: u8,
    /// It was sent nothing yet, and `last` is what it most likely has.
    spared: bool,
}

impl Sent {
    /// Something was sent and is not acknowledged: what follows waits for that, so that a backup that is slow is sent no
    /// more than it takes, and many changes go as one.
    fn is_under_way(&self) -> bool {
        !self.spared && self.last.is_some_and(|last| last.version > self.acked)
    }

    fn sends(&mut self, written: Written, state: Option<Arc<[u8]>>) {
        (self.last, self.state, self.ticks, self.spared) = (Some(written), state, 0, false);
    }
}

impl<G> Pending<G> {
    /// Nobody waits any more.
    fn let_go(&mut self) {
        self.gate = None;
        self.earlier.clear();
    }

    /// Up to which version it is on so many backups.
    fn kept(&self, sync: usize) -> Version {
        let Some(at) = sync.checked_sub(1) else { return self.latest.version };
        let mut acked: Vec<_> = self.sent.iter().map(|sent| sent.acked).collect();
        acked.sort_unstable_by(|one, other| other.cmp(one));
        acked.get(at).copied().unwrap_or(0)
    }
}

impl<G: Clone> Serving<G> {
    pub(super) fn new(epoch: Epoch, config: Configuration) -> Self {
        Self {
            epoch,
            since: epoch,
            config,
            lost: BTreeSet::new(),
            halted: false,
            stops_for: None,
            pending: BTreeMap::new(),
            tickets: BTreeMap::new(),
            backups: Vec::new(),
            ticks: 0,
            sparing: false,
        }
    }

    /// Nobody waits for anything any more.
    pub(super) fn halt(&mut self) {
        self.halted = true;
        self.pending.values_mut().for_each(Pending::let_go);
    }

    /// How many backups have copies of a kind, and how many must have a change.
    pub(super) fn counts(&self, types: &TypeTable, kind: TypeNumber) -> Option<(usize, usize)> {
        let settings = types.settings(kind, self.config.types)?;
        let members = self.config.members.len();
        Some((settings.copies(members).saturating_sub(1), settings.sync(members)))
    }

    /// To how many of the backups that are up a change goes at once, where so many must have it. What nobody waits for goes to
    /// one, so that it is not lost with this node.
    fn needed(&self, sync: usize) -> usize {
        if self.sparing { sync.max(1) } else { usize::MAX }
    }

    /// The entity of a key, as one that not all backups have.
    fn pend(&mut self, key: &Key, latest: Written, backups: usize, tickets: &mut u64) -> &mut Pending<G> {
        let all = &mut self.tickets;
        self.pending.entry(key.clone()).or_insert_with(|| {
            *tickets += 1;
            all.insert(*tickets, key.clone());
            Pending { ticket: *tickets, latest, gate: None, earlier: Vec::new(), told: 0, sent: vec![Sent::default(); backups] }
        })
    }

    /// Tells those backups that are up to go by what they have, if it is the newest version. Who has not says so.
    fn push_same(&mut self, key: &Key, out: &mut Vec<Out<G>>) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        for (sent, backup) in pending.sent.iter_mut().zip(&self.backups).filter(|(_, backup)| backup.up) {
            sent.sends(pending.latest, None);
            out.push(update(&backup.node, self.epoch, pending.ticket, key, pending.latest, Content::Same));
        }
    }

    /// Sends the newest version, whose `state` this is, to those backups that are up and have answered to what they were sent,
    /// or only to the first `needed` of those that are up: the others get it with the next tick.
    /// `before`: what they have who were sent nothing and have all.
    fn push(
        &mut self,
        key: &Key,
        before: Option<&(Written, Option<Arc<[u8]>>)>,
        state: Option<&Arc<[u8]>>,
        needed: usize,
        out: &mut Vec<Out<G>>,
    ) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        let up = pending.sent.iter_mut().zip(&self.backups).filter(|(_, backup)| backup.up);
        for (at, (sent, backup)) in up.enumerate() {
            if sent.is_under_way() || sent.acked >= pending.latest.version {
                continue;
            }
            if at >= needed {
                if sent.last.is_none()
                    && let Some((written, state)) = before
                    && backup.has_all(key.kind)
                {
                    (sent.last, sent.state, sent.spared) = (Some(*written), state.clone(), true);
                }
                continue;
            }
            let base = match (&sent.last, before) {
                (Some(last), _) => sent.state.as_deref().map(|state| (*last, state)),
                // Most likely it has that; else it says so.
                (None, Some((written, Some(state)))) if backup.has_all(key.kind) => Some((*written, &**state)),
                (None, _) => None,
            };
            let content = match state {
                None => Content::Gone,
                Some(state) => {
                    base.and_then(|(base, old)| patch(base, old, state)).unwrap_or_else(|| Content::Whole(state.clone()))
                }
            };
            sent.sends(pending.latest, state.cloned());
            out.push(update(&backup.node, self.epoch, pending.ticket, key, pending.latest, content));
        }
    }

    /// Says what is kept of a pending entity, and forgets it once all that are up have all of it.
    fn settle(&mut self, key: &Key, sync: usize, shelf: &mut Shelf, out: &mut Vec<Out<G>>) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        let kept = pending.kept(sync);
        if kept > pending.told {
            pending.told = kept;
            let waiting = pending.earlier.iter().chain(&pending.gate);
            out.extend(waiting.map(|gate| Out::Kept(gate.clone(), kept)));
        }
        if kept < pending.latest.version {
            return;
        }
        pending.let_go();
        shelf.stamp_up(&key.id, self.epoch);
        let latest = pending.latest.version;
        let all_have = |(sent, backup): (&Sent, &Backup)| !backup.up || sent.acked >= latest;
        if pending.sent.iter().zip(&self.backups).all(all_have) {
            self.tickets.remove(&pending.ticket);
            self.pending.remove(key);
        }
    }
}

impl<G: Clone> Core<G> {
    /// A handler has changed an entity; `None`: it was destroyed. Unchanged bytes are not sent. `sparing`: there is much to do,
    /// and backups that nobody waits for get what has changed with the next tick.
    pub(crate) fn write(
        &mut self,
        key: &Key,
        state: Option<&[u8]>,
        gate: &G,
        sparing: bool,
        out: &mut Vec<Out<G>>,
    ) -> Result<Wait, NotServing> {
        let Role::Serving(serving) = &mut self.role else { return Err(NotServing) };
        let counts =
            serving.counts(&self.agreed.types, key.kind).filter(|_| !serving.halted && !serving.lost.contains(&key.kind));
        let (backups, sync) = counts.ok_or(NotServing)?;
        let shelf = self.shelves.entry(key.kind).or_insert_with(|| Shelf::new(key.kind));
        let before = shelf.get(&key.id).map(|entry| (entry.written, entry.state.clone()));
        let old = before.as_ref().and_then(|(_, state)| state.clone());
        if old.as_deref() == state {
            return self.await_kept(key, gate, false, out);
        }
        let version = shelf.next_version(&key.id);
        let written = Written { epoch: serving.epoch, version };
        let state: Option<Arc<[u8]>> = state.map(Arc::from);
        shelf.put(&key.id, written, serving.epoch, state.clone());
        if state.is_none() && shelf.remembers_many() && is_full(&self.agreed.chain, serving.epoch) {
            out.push(Out::Renew(serving.epoch));
        }

        let pending = serving.pend(key, written, backups, &mut self.tickets);
        (pending.latest, pending.gate) = (written, Some(gate.clone()));
        serving.sparing = sparing;
        let needed = serving.needed(sync);
        serving.push(key, before.as_ref(), state.as_ref(), needed, out);
        if sync == 0 || self.rules.lack(Rule::ReplicateBeforeAck) {
            if let Some(pending) = serving.pending.get_mut(key) {
                pending.let_go();
            }
            serving.settle(key, sync, shelf, out);
            return Ok(Wait::Kept(version));
        }
        Ok(Wait::Pending(version))
    }

    /// An entity is woken: what is here is sent to the backups, unless enough of them have it for certain.
    pub(crate) fn wake(&mut self, key: &Key, gate: &G, out: &mut Vec<Out<G>>) -> Result<Wait, NotServing> {
        self.await_kept(key, gate, true, out)
    }

    /// `anew`: the gate is not the one that the entity has had so far.
    fn await_kept(&mut self, key: &Key, gate: &G, anew: bool, out: &mut Vec<Out<G>>) -> Result<Wait, NotServing> {
        let Role::Serving(serving) = &mut self.role else { return Err(NotServing) };
        let counts =
            serving.counts(&self.agreed.types, key.kind).filter(|_| !serving.halted && !serving.lost.contains(&key.kind));
        let (backups, sync) = counts.ok_or(NotServing)?;
        let shelf = self.shelves.entry(key.kind).or_insert_with(|| Shelf::new(key.kind));
        let Some(entry) = shelf.get(&key.id) else { return Ok(Wait::Kept(0)) };
        let written = entry.written;
        let is_safe = match serving.pending.get(key) {
            Some(pending) => pending.kept(sync) >= written.version,
            None => sync == 0 || shelf.stamp_of(entry).0 >= serving.since,
        };
        if is_safe || self.rules.lack(Rule::RewriteBeforeServing) {
            return Ok(Wait::Kept(written.version));
        }
        let is_new = !serving.pending.contains_key(key);
        let pending = serving.pend(key, written, backups, &mut self.tickets);
        let before = pending.gate.replace(gate.clone());
        pending.earlier.extend(before.filter(|_| anew));
        if is_new {
            serving.push_same(key, out);
        }
        Ok(Wait::Pending(written.version))
    }

    /// How many entities are not on all of their backups in their newest version, as far as is known.
    pub(crate) fn pending(&self) -> usize {
        let Role::Serving(serving) = &self.role else { return 0 };
        serving.pending.len()
    }

    /// Whether nobody waits for a change to be kept.
    pub(crate) fn is_settled(&self) -> bool {
        let Role::Serving(serving) = &self.role else { return true };
        serving.pending.values().all(|pending| pending.gate.is_none())
    }

    /// Whether as many backups are up as the kind's changes want.
    pub(crate) fn has_enough_backups(&self, kind: TypeNumber) -> bool {
        let Role::Serving(serving) = &self.role else { return false };
        let settings = self.agreed.types.settings(kind, serving.config.types);
        let (Some(settings), Some((backups, _))) = (settings, serving.counts(&self.agreed.types, kind)) else { return false };
        serving.backups.iter().take(backups).filter(|backup| backup.up).count() >= settings.sync as usize
    }

    /// Serves the current configuration from now on, with all that is here. Acks of an earlier one count no more.
    pub(super) fn go_on(&mut self, out: &mut Vec<Out<G>>) {
        let (Role::Serving(serving), Some(config)) = (&mut self.role, self.agreed.chain.current()) else { return };
        serving.epoch = config.epoch;
        serving.config = config.clone();
        serving.ticks = 0;
        if !self.rules.lack(Rule::Seal) {
            self.sealed = self.sealed.max(config.epoch);
        }
        self.served = self.served.max(config.epoch);
        if serving.lost.is_empty() {
            self.whole = self.whole.max(config.epoch);
        }
        let up = |node: &NodeKey| self.agreed.up.contains(node);
        serving.backups = config.members.iter().skip(1).map(|node| Backup::new(node.clone(), up(node))).collect();
        out.push(Out::Serves(config.epoch));

        // What was kept already gets to the new backups with everything else.
        let is_kept = |pending: &Pending<G>| pending.told >= pending.latest.version;
        let pending = std::mem::take(&mut serving.pending).into_iter().filter(|(_, pending)| !is_kept(pending));
        let pending: Vec<_> = pending.collect();
        serving.tickets.clear();
        for (key, old) in pending {
            let Some((backups, sync)) = serving.counts(&self.agreed.types, key.kind) else { continue };
            let new = serving.pend(&key, old.latest, backups, &mut self.tickets);
            (new.gate, new.earlier, new.told) = (old.gate, old.earlier, old.told);
            serving.push_same(&key, out);
            let shelf = self.shelves.entry(key.kind).or_insert_with(|| Shelf::new(key.kind));
            serving.settle(&key, sync, shelf, out);
        }
        self.begin_sync(out);
    }

    pub(super) fn on_acked(&mut self, from: &NodeKey, ticket: u64, version: Version, out: &mut Vec<Out<G>>) {
        let rules = self.rules;
        let Role::Serving(serving) = &mut self.role else { return };
        let Some(at) = serving.backups.iter().position(|backup| same(rules, &backup.node, from)) else { return };
        let Some(key) = serving.tickets.get(&ticket).cloned() else { return };
        let Some((_, sync)) = serving.counts(&self.agreed.types, key.kind) else { return };
        if let Some(pending) = serving.pending.get_mut(&key)
            && let Some(sent) = pending.sent.get_mut(at)
        {
            sent.acked = sent.acked.max(version.min(pending.latest.version));
            sent.ticks = 0;
        }
        let shelf = self.shelves.entry(key.kind).or_insert_with(|| Shelf::new(key.kind));
        // What has changed meanwhile.
        if let Some(entry) = shelf.get(&key.id) {
            let needed = serving.needed(sync);
            serving.push(&key, None, entry.state.as_ref(), needed, out);
        }
        serving.settle(&key, sync, shelf, out);
        self.arrived(at, &key, out);
    }

    pub(super) fn on_lacks(&mut self, from: &NodeKey, ticket: u64, out: &mut Vec<Out<G>>) {
        let rules = self.rules;
        let Role::Serving(serving) = &mut self.role else { return };
        let Some(at) = serving.backups.iter().position(|backup| same(rules, &backup.node, from)) else { return };
        let Some(key) = serving.tickets.get(&ticket).cloned() else { return };
        let Some(entry) = self.shelves.get(&key.kind).and_then(|shelf| shelf.get(&key.id)) else { return };
        if let Some(sent) = serving.pending.get_mut(&key).and_then(|pending| pending.sent.get_mut(at)) {
            sent.sends(entry.written, entry.state.clone());
        }
        let content = entry.state.clone().map_or(Content::Gone, Content::Whole);
        out.push(update(from, serving.epoch, ticket, &key, entry.written, content));
    }

    /// What is agreed has changed, but not that this node serves this epoch.
    pub(super) fn refresh(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Serving(serving) = &mut self.role else { return };
        let (mut came, mut given_up) = (false, Vec::new());
        for backup in &mut serving.backups {
            let up = self.agreed.up.contains(&backup.node);
            if up && !backup.up {
                came = true;
                given_up.extend(backup.begin_again());
            }
            backup.up = up;
        }
        for ticket in given_up {
            let is_pending = |key: &Key| serving.pending.get(key).is_some_and(|pending| pending.ticket == ticket);
            if !serving.tickets.get(&ticket).is_some_and(is_pending) {
                serving.tickets.remove(&ticket);
            }
        }
        let pending: Vec<_> = serving.pending.keys().cloned().collect();
        for key in pending {
            let Some((_, sync)) = serving.counts(&self.agreed.types, key.kind) else { continue };
            if came {
                serving.push_same(&key, out);
            }
            let shelf = self.shelves.entry(key.kind).or_insert_with(|| Shelf::new(key.kind));
            serving.settle(&key, sync, shelf, out);
        }
        self.begin_sync(out);
    }

    pub(super) fn tick_serving(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Serving(serving) = &mut self.role else { return };
        if serving.halted {
            return;
        }
        let mut spared = Vec::new();
        for (key, pending) in &mut serving.pending {
            let (latest, ticket) = (pending.latest, pending.ticket);
            let mut is_spared = false;
            for (sent, backup) in pending.sent.iter_mut().zip(&serving.backups) {
                if !backup.up || sent.acked >= latest.version {
                    continue;
                }
                if !sent.is_under_way() {
                    is_spared = true;
                    continue;
                }
                sent.ticks += 1;
                if sent.ticks >= PATIENCE {
                    // Whoever has not got it says so.
                    sent.ticks = 0;
                    out.push(update(&backup.node, serving.epoch, ticket, key, latest, Content::Same));
                }
            }
            if is_spared {
                spared.push(key.clone());
            }
        }
        for key in spared {
            if let Some(entry) = self.shelves.get(&key.kind).and_then(|shelf| shelf.get(&key.id)) {
                serving.push(&key, None, entry.state.as_ref(), usize::MAX, out);
            }
        }
        self.tick_sync(out);
    }
}

pub(super) fn update<G>(to: &NodeKey, epoch: Epoch, ticket: u64, key: &Key, written: Written, content: Content) -> Out<G> {
    let (kind, id) = (key.kind, key.id.clone());
    Out::Send(to.clone(), Message::Update { epoch, ticket, kind, id, written, content })
}

/// Whether the epoch is the slot's and everything is on every member.
fn is_full(chain: &Chain, epoch: Epoch) -> bool {
    chain.current().is_some_and(|current| current.epoch == epoch && current.stage == Stage::Full)
}

/// What has changed, if that is less than half of it.
fn patch(base: Written, old: &[u8], new: &[u8]) -> Option<Content> {
    if new.len() <= PATCHED_FROM {
        return None;
    }
    let prefix = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (old, rest) = (&old[prefix..], &new[prefix..]);
    let suffix = old.iter().rev().zip(rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let middle = &rest[..rest.len() - suffix];
    let (prefix, suffix) = (u32::try_from(prefix).ok()?, u32::try_from(suffix).ok()?);
    (middle.len() * 2 < new.len()).then(|| Content::Patch { base, prefix, suffix, middle: middle.into() })
}
