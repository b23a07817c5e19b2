//! A primary's backups get everything, in the background.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
};

use super::{
    Core, PATIENCE, Role, Rule,
    backup::{ENTRY, PAGE},
    serving::{Serving, update},
};
use crate::{
    EntityId,
    cluster::{
        NodeKey,
        placement::{Epoch, Stage, TypeNumber, TypeTable},
        replication::{
            Content, Key, Message, Out,
            copies::{Digest, Shelf},
        },
    },
};

/// How much may be under way to a backup.
const ENTRIES: usize = 64;
const BYTES: usize = 256 * 1024;

/// A backup, as its primary sees it.
pub(super) struct Backup {
    pub(super) node: NodeKey,
    pub(super) up: bool,
    syncs: BTreeMap<TypeNumber, Sync>,
}

/// How far a backup is with a kind.
struct Sync {
    /// It had everything at some time in this epoch. What came later is counted by its own acks.
    synced: bool,
    step: Step,
    ticks: u8,
}

enum Step {
    /// Does it have all of it?
    Ask,
    Comparing(Comparing),
    /// It was told that it has.
    Confirm,
    Done,
}

#[derive(Default)]
struct Comparing {
    /// Buckets to be compared after those in hand.
    left: VecDeque<u8>,
    /// Those that `Compared` is awaited for.
    page: Vec<u8>,
    /// What it lacks, and was not sent yet.
    lacking: VecDeque<EntityId>,
    /// What was sent: the ticket, and how much it is.
    under_way: BTreeMap<EntityId, (u64, usize)>,
}

impl Backup {
    pub(super) fn new(node: NodeKey, up: bool) -> Self {
        Self { node, up, syncs: BTreeMap::new() }
    }

    /// It was away and may have missed something. Returns the tickets of what it was being sent, which nobody waits for now.
    pub(super) fn begin_again(&mut self) -> Vec<u64> {
        let mut tickets = Vec::new();
        for sync in self.syncs.values_mut() {
            if let Step::Comparing(comparing) = mem::replace(&mut sync.step, Step::Ask) {
                tickets.extend(comparing.under_way.into_values().map(|(ticket, _)| ticket));
            }
            sync.ticks = PATIENCE;
        }
        tickets
    }

    pub(super) fn has_all(&self, kind: TypeNumber) -> bool {
        self.syncs.get(&kind).is_some_and(|sync| matches!(sync.step, Step::Done))
    }

    fn is_synced(&self, kind: TypeNumber) -> bool {
        self.syncs.get(&kind).is_some_and(|sync| sync.synced)
    }
}

impl<G: Clone> Serving<G> {
    fn sync_of(&mut self, from: &NodeKey, epoch: Epoch, kind: TypeNumber) -> Option<(usize, &mut Sync)> {
        let at = self.backups.iter().position(|backup| backup.node == *from)?;
        let sync = self.backups[at].syncs.get_mut(&kind)?;
        (self.epoch == epoch && !self.halted).then_some((at, sync))
    }
}

impl<G> Serving<G> {
    /// Whether all backups have said that they have all.
    pub(super) fn is_synced(&self) -> bool {
        self.backups.iter().all(|backup| backup.syncs.values().all(|sync| sync.synced))
    }
}

impl<G: Clone> Core<G> {
    /// Begins with the kinds that were not begun with.
    pub(super) fn begin_sync(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Serving(serving) = &mut self.role else { return };
        for kind in kinds(&self.agreed.types) {
            if serving.lost.contains(&kind) {
                // What others have of it may be the best that is left.
                continue;
            }
            let Some((backups, _)) = serving.counts(&self.agreed.types, kind) else { continue };
            for backup in serving.backups.iter_mut().take(backups) {
                backup.syncs.entry(kind).or_insert(Sync { synced: false, step: Step::Ask, ticks: PATIENCE });
            }
        }
        self.resend(false, out);
        self.tell_stage(out);
    }

    pub(super) fn tick_sync(&mut self, out: &mut Vec<Out<G>>) {
        self.resend(true, out);
        let Role::Serving(serving) = &mut self.role else { return };
        serving.ticks += 1;
        if serving.ticks >= PATIENCE {
            serving.ticks = 0;
            self.tell_stage(out);
        }
    }

    /// Sends again what was not answered for long, or never sent.
    fn resend(&mut self, tick: bool, out: &mut Vec<Out<G>>) {
        let Role::Serving(serving) = &mut self.role else { return };
        let mut due = Vec::new();
        for (at, backup) in serving.backups.iter_mut().enumerate().filter(|(_, backup)| backup.up) {
            for (kind, sync) in &mut backup.syncs {
                sync.ticks = sync.ticks.saturating_add(tick.into());
                if sync.ticks >= PATIENCE && !matches!(sync.step, Step::Done) {
                    due.push((at, *kind));
                }
            }
        }
        for (at, kind) in due {
            self.go(at, kind, true, out);
        }
    }

    /// Sends what is next to be answered; with `again` also what was sent and is not.
    fn go(&mut self, at: usize, kind: TypeNumber, again: bool, out: &mut Vec<Out<G>>) {
        let Self { role: Role::Serving(serving), shelves, tickets, .. } = self else { return };
        let Serving { epoch, backups, pending, tickets: all, .. } = serving;
        let epoch = *epoch;
        let Some(backup) = backups.get_mut(at) else { return };
        let (node, Some(sync)) = (&backup.node, backup.syncs.get_mut(&kind)) else { return };
        let shelf = shelves.entry(kind).or_insert_with(|| Shelf::new(kind));
        sync.ticks = 0;
        if let Step::Comparing(comparing) = &mut sync.step {
            if again && !comparing.page.is_empty() {
                let page = comparing.page.clone();
                return out.push(Out::Send(node.clone(), compare(epoch, kind, page, shelf)));
            }
            if again {
                for (id, (ticket, size)) in mem::take(&mut comparing.under_way) {
                    let key = Key { kind, id };
                    match shelf.get(&key.id) {
                        // Whoever has not got it says so. What is pending is sent again by itself.
                        Some(entry) if all.contains_key(&ticket) => {
                            if pending.get(&key).is_none_or(|pending| pending.ticket != ticket) {
                                out.push(update(node, epoch, ticket, &key, entry.written, Content::Same));
                            }
                            comparing.under_way.insert(key.id, (ticket, size));
                        }
                        _ => comparing.lacking.push_front(key.id),
                    }
                }
            }
            let mut bytes: usize = comparing.under_way.values().map(|(_, bytes)| bytes).sum();
            while comparing.under_way.len() < ENTRIES && bytes < BYTES {
                let Some(id) = comparing.lacking.pop_front() else { break };
                let Some(entry) = shelf.get(&id) else { continue };
                let key = Key { kind, id };
                let size = entry.state.as_ref().map_or(0, |state| state.len());
                // What is pending is on its way already; its ack counts here as well.
                let ticket = match pending.get(&key) {
                    Some(pending) => pending.ticket,
                    None => {
                        *tickets += 1;
                        all.insert(*tickets, key.clone());
                        let content = entry.state.clone().map_or(Content::Gone, Content::Whole);
                        out.push(update(node, epoch, *tickets, &key, entry.written, content));
                        *tickets
                    }
                };
                bytes += size;
                comparing.under_way.insert(key.id, (ticket, size));
            }
            if !comparing.under_way.is_empty() || !comparing.page.is_empty() {
                return;
            }
            comparing.page = next_page(&mut comparing.left, shelf);
            if !comparing.page.is_empty() {
                let page = comparing.page.clone();
                return out.push(Out::Send(node.clone(), compare(epoch, kind, page, shelf)));
            }
            sync.step = Step::Confirm;
        }
        let digest = match sync.step {
            Step::Ask => Some(shelf.summary().digest),
            Step::Confirm => None,
            Step::Comparing(_) | Step::Done => return,
        };
        out.push(Out::Send(node.clone(), Message::Adopt { epoch, kind, digest }));
    }

    pub(super) fn on_adopted(&mut self, from: &NodeKey, epoch: Epoch, kind: TypeNumber, out: &mut Vec<Out<G>>) {
        let Role::Serving(serving) = &mut self.role else { return };
        let Some((_, sync)) = serving.sync_of(from, epoch, kind) else { return };
        if let Step::Ask | Step::Confirm = sync.step {
            (sync.synced, sync.step) = (true, Step::Done);
            self.tell_stage(out);
        }
    }

    pub(super) fn on_differs(
        &mut self,
        from: &NodeKey,
        epoch: Epoch,
        kind: TypeNumber,
        buckets: &[Digest],
        out: &mut Vec<Out<G>>,
    ) {
        let Role::Serving(serving) = &mut self.role else { return };
        let Some((at, sync)) = serving.sync_of(from, epoch, kind) else { return };
        if let Step::Ask = sync.step {
            let shelf = self.shelves.entry(kind).or_insert_with(|| Shelf::new(kind));
            let here = shelf.buckets();
            let differs = |bucket: &u8| here.get(usize::from(*bucket)) != buckets.get(usize::from(*bucket));
            let left = (0..=u8::MAX).filter(differs).collect();
            sync.step = Step::Comparing(Comparing { left, ..Comparing::default() });
            self.go(at, kind, false, out);
        }
    }

    pub(super) fn on_compared(
        &mut self,
        from: &NodeKey,
        epoch: Epoch,
        kind: TypeNumber,
        bucket: u8,
        lacking: Vec<EntityId>,
        out: &mut Vec<Out<G>>,
    ) {
        let Role::Serving(serving) = &mut self.role else { return };
        let Some((at, sync)) = serving.sync_of(from, epoch, kind) else { return };
        if let Step::Comparing(comparing) = &mut sync.step
            && comparing.page.first() == Some(&bucket)
        {
            comparing.page.clear();
            comparing.lacking = lacking.into();
            self.go(at, kind, false, out);
        }
    }

    /// That backup has acknowledged an entity.
    pub(super) fn arrived(&mut self, at: usize, key: &Key, out: &mut Vec<Out<G>>) {
        let Role::Serving(serving) = &mut self.role else { return };
        let Some(sync) = serving.backups.get_mut(at).and_then(|backup| backup.syncs.get_mut(&key.kind)) else { return };
        let Step::Comparing(comparing) = &mut sync.step else { return };
        if let Some((ticket, _)) = comparing.under_way.remove(&key.id) {
            if serving.pending.get(key).is_none_or(|pending| pending.ticket != ticket) {
                serving.tickets.remove(&ticket);
            }
            self.go(at, key.kind, false, out);
        }
    }

    /// Proposes what the configuration has come to, if the chain does not show it.
    fn tell_stage(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Serving(serving) = &mut self.role else { return };
        if serving.stops_for.is_some() || serving.halted || !serving.lost.is_empty() {
            return;
        }
        let mut stage = Stage::Full;
        for kind in kinds(&self.agreed.types) {
            let Some((backups, sync)) = serving.counts(&self.agreed.types, kind) else { continue };
            let synced = serving.backups.iter().take(backups).filter(|backup| backup.is_synced(kind)).count();
            if synced >= sync {
                self.shelves.entry(kind).or_insert_with(|| Shelf::new(kind)).adopt(serving.epoch);
            }
            stage = stage.min(match synced {
                _ if synced >= backups => Stage::Full,
                _ if synced >= sync || self.rules.lack(Rule::CompleteWhenSynced) => Stage::Complete,
                _ => Stage::Begun,
            });
        }
        let shown = self.agreed.chain.0.iter().find(|config| config.epoch == serving.epoch);
        if shown.is_some_and(|shown| stage > shown.stage) {
            out.push(Out::Reached(serving.epoch, stage));
        }
    }
}

fn kinds(types: &TypeTable) -> impl Iterator<Item = TypeNumber> + use<> {
    0..TypeNumber::try_from(types.types.len()).unwrap_or(TypeNumber::MAX)
}

/// The next buckets to be compared, as many as go into a message.
fn next_page(left: &mut VecDeque<u8>, shelf: &Shelf) -> Vec<u8> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while bytes < PAGE {
        let Some(bucket) = left.pop_front() else { break };
        bytes += shelf.bucket(bucket).map(|(id, _)| id.as_str().len() + ENTRY).sum::<usize>();
        page.push(bucket);
    }
    page
}

fn compare(epoch: Epoch, kind: TypeNumber, buckets: Vec<u8>, shelf: &Shelf) -> Message {
    let all = buckets.iter().flat_map(|bucket| shelf.bucket(*bucket));
    let entries = all.map(|(id, entry)| (id.clone(), entry.written)).collect();
    Message::Compare { epoch, kind, buckets, entries }
}
