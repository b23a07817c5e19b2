//! What one node has and does for one slot.

mod backup;
#[cfg(test)]
mod forgotten;
mod gather;
mod rules;
mod sealing;
mod serving;
mod sync;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(super) use self::rules::Rule;
use self::{
    rules::Rules,
    sealing::{Answer, Sealing},
    serving::Serving,
};
use super::{Agreed, Key, Message, NotServing, Out, copies::Shelf};
use crate::{
    EntityId,
    cluster::{
        NodeKey,
        placement::{Configuration, Epoch, Stage, TypeNumber},
    },
};

/// After how many ticks without an answer something is sent again.
const PATIENCE: u8 = 4;

/// A node's part in keeping a slot.
pub(crate) struct Core<G> {
    me: NodeKey,
    agreed: Agreed,
    /// Nothing of epochs below this one is taken. Never lowered, and kept when copies are not.
    sealed: Epoch,
    /// The highest epoch in which this node has served.
    served: Epoch,
    /// The same, of those in which nothing was lost: whatever there was then is here.
    whole: Epoch,
    shelves: BTreeMap<TypeNumber, Shelf>,
    role: Role<G>,
    tickets: u64,
    rules: Rules,
}

/// Beyond taking what a primary sends.
enum Role<G> {
    Backup,
    /// It is to be primary, and finds out what there is.
    Sealing(Sealing),
    Serving(Serving<G>),
}

impl<G: Clone> Core<G> {
    pub(crate) fn new(me: NodeKey) -> Self {
        Self {
            me,
            agreed: Agreed::default(),
            sealed: 0,
            served: 0,
            whole: 0,
            shelves: BTreeMap::new(),
            role: Role::Backup,
            tickets: 0,
            rules: Rules::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn without(me: NodeKey, rule: Option<Rule>) -> Self {
        Self { rules: Rules::without(rule), ..Self::new(me) }
    }

    /// Takes what is agreed now. What is older than that is ignored.
    pub(crate) fn agreed(&mut self, agreed: Agreed, out: &mut Vec<Out<G>>) {
        if agreed.chain.epoch() < self.agreed.chain.epoch() {
            return;
        }
        self.agreed = agreed;
        let named = self.agreed.chain.0.iter().any(|config| config.has(&self.me));
        if named && !self.agreed.up.contains(&self.me) {
            self.fenced(out);
        }
        self.let_go(out);
        self.consider(out);
    }

    /// This node was down in between, even if it is up by now: whoever took the slot from it did not wait for its release.
    /// To be called before what is agreed since then is given to `agreed`.
    pub(crate) fn fenced(&mut self, out: &mut Vec<Out<G>>) {
        match &mut self.role {
            Role::Backup => {}
            Role::Sealing(_) => self.role = Role::Backup,
            Role::Serving(serving) if serving.halted => {}
            Role::Serving(serving) if serving.stops_for.is_some() => self.stop(out),
            Role::Serving(serving) => {
                serving.halt();
                out.push(Out::Stops { epoch: serving.epoch, orderly: false });
            }
        }
    }

    pub(crate) fn receive(&mut self, from: &NodeKey, message: Message, out: &mut Vec<Out<G>>) {
        match message {
            Message::Seal { epoch } => self.on_seal(from, epoch, out),
            Message::Sealed { epoch, served, whole, shelves } => {
                self.on_sealed(from, epoch, Answer { served, whole, shelves }, out)
            }
            Message::List { epoch, ticket, kind, start, buckets } => {
                self.on_list(from, epoch, ticket, (kind, start), &buckets, out);
            }
            Message::Listed { ticket, next, equal, entries } => self.on_listed(from, ticket, next, &equal, entries, out),
            Message::Fetch { epoch, kind, ids } => self.on_fetch(from, epoch, kind, &ids, out),
            Message::Fetched { epoch, kind, entries } => self.on_fetched(from, epoch, kind, entries, out),
            Message::Update { epoch, ticket, kind, id, written, content } => {
                self.on_update(from, epoch, ticket, &Key { kind, id }, written, content, out);
            }
            Message::Acked { ticket, version } => self.on_acked(from, ticket, version, out),
            Message::Lacks { ticket } => self.on_lacks(from, ticket, out),
            Message::Refused { sealed } => self.refused(sealed, out),
            Message::Adopt { epoch, kind, digest } => self.on_adopt(from, epoch, kind, digest, out),
            Message::Adopted { epoch, kind } => self.on_adopted(from, epoch, kind, out),
            Message::Differs { epoch, kind, buckets } => self.on_differs(from, epoch, kind, &buckets, out),
            Message::Compare { epoch, kind, buckets, entries } => self.on_compare(from, epoch, kind, &buckets, &entries, out),
            Message::Compared { epoch, kind, bucket, lacking } => self.on_compared(from, epoch, kind, bucket, lacking, out),
        }
    }

    /// All activations of the slot have ended, after `Stops` in order.
    pub(crate) fn released(&mut self, epoch: Epoch, out: &mut Vec<Out<G>>) {
        if let Role::Serving(serving) = &mut self.role
            && serving.epoch == epoch
            && let Some((sealer, by)) = serving.stops_for.take()
        {
            self.role = Role::Backup;
            self.answer_seal(&sealer, by, out);
            self.consider(out);
        }
    }

    /// Sends again what was not answered. About every 50 ms.
    pub(crate) fn tick(&mut self, out: &mut Vec<Out<G>>) {
        match &self.role {
            Role::Backup => {}
            Role::Sealing(_) => self.tick_sealing(out),
            Role::Serving(_) => self.tick_serving(out),
        }
    }

    /// Whether a tick may have anything to do.
    pub(crate) fn waits(&self) -> bool {
        match &self.role {
            Role::Backup => false,
            Role::Sealing(_) => true,
            Role::Serving(serving) => {
                let current = self.agreed.chain.current();
                let is_full = current.is_some_and(|it| it.epoch == serving.epoch && it.stage == Stage::Full);
                !is_full || !serving.pending.is_empty() || !serving.is_synced()
            }
        }
    }

    pub(crate) fn serving(&self) -> Option<Epoch> {
        match &self.role {
            Role::Serving(serving) if !serving.halted => Some(serving.epoch),
            Role::Backup | Role::Sealing(_) | Role::Serving(_) => None,
        }
    }

    pub(crate) fn is_lost(&self, kind: TypeNumber) -> bool {
        self.lost().is_some_and(|lost| lost.contains(&kind))
    }

    /// The kinds of which too many copies are gone, if this node is to serve them.
    fn lost(&self) -> Option<&BTreeSet<TypeNumber>> {
        match &self.role {
            Role::Backup => None,
            Role::Sealing(sealing) => Some(&sealing.lost),
            Role::Serving(serving) => Some(&serving.lost),
        }
    }

    /// Whether any of them is.
    #[cfg(test)]
    pub(crate) fn has_lost(&self) -> bool {
        self.lost().is_some_and(|lost| !lost.is_empty())
    }

    /// The newest that this node has.
    pub(crate) fn state(&self, key: &Key) -> Option<&Arc<[u8]>> {
        self.shelves.get(&key.kind)?.get(&key.id)?.state.as_ref()
    }

    #[cfg(test)]
    pub(crate) fn version(&self, key: &Key) -> super::Version {
        self.shelves.get(&key.kind).and_then(|shelf| shelf.get(&key.id)).map_or(0, |entry| entry.written.version)
    }

    /// Those that are there.
    pub(crate) fn entities(&self, kind: TypeNumber) -> impl Iterator<Item = &EntityId> {
        self.shelves.get(&kind).into_iter().flat_map(Shelf::live)
    }

    /// How many copies of entities that are there this node has.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shelves.values().map(|shelf| shelf.live().count()).sum()
    }

    /// Finds this node's role by what is agreed now.
    fn consider(&mut self, out: &mut Vec<Out<G>>) {
        let Some(current) = self.agreed.chain.current() else { return };
        let epoch = current.epoch;
        let mine = current.primary() == Some(&self.me) && self.agreed.up.contains(&self.me);
        let may = mine && epoch >= self.sealed;
        match &mut self.role {
            Role::Sealing(sealing) if may && sealing.epoch == epoch => return self.step_sealing(out),
            Role::Serving(serving) if serving.stops_for.is_some() => return self.refresh(out),
            Role::Serving(serving) => {
                let since = serving.epoch;
                let later = self.agreed.chain.0.iter().take_while(|config| config.epoch > since);
                let all_mine = later.map(|config| config.primary()).all(|primary| primary == Some(&self.me));
                let reaches = self.agreed.chain.0.last().is_some_and(|oldest| oldest.epoch <= since + 1);
                // What is left of lost kinds is to be put together first. Or more is asked: what is here was kept by what was
                // asked then, and whoever is awake speaks for it. They end, and what they are is on as many backups as is asked
                // now before they are woken.
                let accepted = !serving.lost.is_empty() && self.agreed.chain.is_accepted(serving.since.saturating_sub(1));
                let raised = epoch > since
                    && self.agreed.types.asks_more(current.types, serving.config.types)
                    && !self.rules.lack(Rule::RewriteWhenRaised);
                let anew = accepted || raised;
                let goes_on = may && all_mine && reaches && epoch >= since && !anew;
                if goes_on && (serving.halted || epoch > since) {
                    serving.halted = false;
                    return self.go_on(out);
                }
                // It may be up again before anybody else has the slot, and knows what is pending.
                if serving.halted && all_mine && reaches && !(may && anew) {
                    return;
                }
                if !serving.halted {
                    // Or somebody else was primary in between. It cannot have served, but that is for its answer to say.
                    if may && epoch > since {
                        serving.stops_for = Some((self.me.clone(), epoch));
                        out.push(Out::Stops { epoch: since, orderly: true });
                    }
                    return self.refresh(out);
                }
            }
            Role::Backup | Role::Sealing(_) => {}
        }
        self.role = Role::Backup;
        // An epoch is served once: what was pending in it when it ended is not known to be.
        if may && self.served < epoch {
            self.seal(epoch, out);
        }
    }

    /// Somebody acts in this epoch: what is older ends, here too.
    fn raise(&mut self, epoch: Epoch, out: &mut Vec<Out<G>>) {
        self.sealed = self.sealed.max(epoch);
        let below = match &self.role {
            Role::Backup => false,
            Role::Sealing(sealing) => sealing.epoch < epoch,
            Role::Serving(serving) => serving.epoch < epoch && !self.rules.lack(Rule::SealStopsPrimary),
        };
        if below {
            self.stop(out);
        }
    }

    /// A backup has sealed what this node sends. One that ends in order for that very epoch goes on until it has ended.
    fn refused(&mut self, sealed: Epoch, out: &mut Vec<Out<G>>) {
        let ends =
            matches!(&self.role, Role::Serving(serving) if serving.stops_for.as_ref().is_some_and(|(_, by)| sealed <= *by));
        if !ends {
            self.raise(sealed, out);
        }
    }

    /// Ends whatever this node does beyond keeping copies, at once.
    fn stop(&mut self, out: &mut Vec<Out<G>>) {
        if let Role::Serving(serving) = &self.role {
            if !serving.halted {
                out.push(Out::Stops { epoch: serving.epoch, orderly: false });
            }
            let sealer = serving.stops_for.clone();
            self.role = Role::Backup;
            if let Some((sealer, by)) = sealer {
                self.answer_seal(&sealer, by, out);
            }
        }
        self.role = Role::Backup;
    }

    /// Drops what nobody needs here any more, now that what is agreed may have become full.
    fn let_go(&mut self, out: &mut Vec<Out<G>>) {
        let chain = self.agreed.chain.clone();
        let enough = if self.rules.lack(Rule::DropWhenFull) { Stage::Complete } else { Stage::Full };
        let Some(full) = chain.0.iter().find(|config| config.stage >= enough).map(|config| config.epoch) else { return };
        self.raise(full, out);
        // A later primary may have sent something before what names this node was applied here.
        let is_behind = self.sealed > chain.epoch();
        let mut forgets = false;
        for (kind, shelf) in &mut self.shelves {
            let keeps = |config: &Configuration| {
                let members = &config.members;
                let copies = self.agreed.types.settings(*kind, config.types).map(|settings| settings.copies(members.len()));
                members.iter().take(copies.unwrap_or(members.len())).any(|member| *member == self.me)
            };
            if !chain.0.iter().take_while(|config| config.epoch >= full).any(keeps) {
                if !is_behind {
                    shelf.drop_all();
                    forgets |= self.rules.lack(Rule::SealOutlivesCopy);
                }
                continue;
            }
            let pending = match &self.role {
                Role::Serving(serving) => Some(&serving.pending),
                Role::Backup | Role::Sealing(_) => None,
            };
            let is_pending =
                |id: &EntityId| pending.is_some_and(|pending| pending.contains_key(&Key { kind: *kind, id: id.clone() }));
            shelf.drop_tombstones(full, is_pending);
        }
        if forgets {
            self.sealed = 0;
        }
    }

    /// Below which epoch nothing is taken, the newest of which there is anything here, and how many live copies there are.
    #[cfg(feature = "testkit")]
    pub(crate) fn seen(&self) -> (Epoch, Epoch, usize) {
        let newest = self.shelves.values().map(Shelf::newest).max().unwrap_or_default();
        (self.sealed, newest.max(self.served), self.shelves.values().map(Shelf::live_count).sum())
    }

    fn shelf(&mut self, kind: TypeNumber) -> &mut Shelf {
        self.shelves.entry(kind).or_insert_with(|| Shelf::new(kind))
    }

    fn send(&self, to: &NodeKey, message: Message, out: &mut Vec<Out<G>>) {
        out.push(Out::Send(to.clone(), message));
    }
}

/// Whether two are the same start of the same node.
fn same(rules: Rules, one: &NodeKey, other: &NodeKey) -> bool {
    if rules.lack(Rule::Incarnations) { one.id == other.id } else { one == other }
}
