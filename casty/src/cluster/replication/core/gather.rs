//! Getting what a sealed node has and this one has not: one node after the other, kind by kind.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
};

use super::{Core, Role, Rule};
use crate::{
    EntityId,
    cluster::{
        NodeKey,
        placement::{Epoch, TypeNumber},
        replication::{
            Message, Out,
            message::{Fetched, Listing, Summary},
        },
    },
};

/// With more copies than these, buckets that are equal are not listed.
const FEW: usize = 64;
/// How many states are asked for at once.
const AT_ONCE: usize = 256;

/// From whom, and what is left.
pub(super) struct Gather {
    node: NodeKey,
    left: VecDeque<Summary>,
    /// The kind in hand.
    step: Option<Step>,
}

struct Step {
    of: Summary,
    /// What is listed from which bucket, or what follows the one being fetched.
    start: Option<u8>,
    /// Which listing is awaited.
    ticket: u64,
    /// Whether the listing has come, and the next one begins once all of it was fetched.
    listed: bool,
    wanted: Vec<EntityId>,
}

impl<G: Clone> Core<G> {
    /// Begins with the next of these that has answered, unless one is in hand.
    pub(super) fn gather_from(&mut self, nodes: &[NodeKey], out: &mut Vec<Out<G>>) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        if sealing.gather.as_ref().is_some_and(|gather| !self.agreed.up.contains(&gather.node)) {
            sealing.gather = None;
        }
        if sealing.gather.is_some() {
            return;
        }
        let next = nodes.iter().find(|node| !sealing.gathered.contains(*node) && sealing.answers.contains_key(*node));
        let Some((node, answer)) = next.and_then(|node| sealing.answers.get_key_value(node)) else { return };
        let left = answer.shelves.iter().copied().collect();
        sealing.gather = Some(Gather { node: node.clone(), left, step: None });
        self.next_kind(out);
    }

    pub(super) fn ask_again(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Sealing(sealing) = &self.role else { return };
        let Some(Gather { node, step: Some(step), .. }) = &sealing.gather else { return };
        let message = if step.listed {
            let ids = step.wanted.iter().take(AT_ONCE).cloned().collect();
            Message::Fetch { epoch: sealing.epoch, kind: step.of.kind, ids }
        } else {
            let start = step.start.unwrap_or(0);
            let buckets = match self.shelves.get(&step.of.kind) {
                Some(shelf) if shelf.len() > FEW && tells_all(&step.of, shelf.summary().adopted) => {
                    shelf.buckets().split_off(start.into())
                }
                _ => Vec::new(),
            };
            Message::List { epoch: sealing.epoch, ticket: step.ticket, kind: step.of.kind, start, buckets }
        };
        self.send(node, message, out);
    }

    /// Goes on to the next kind in which the node has anything else, or is done with it.
    fn next_kind(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        let Some(gather) = &mut sealing.gather else { return };
        while let Some(of) = gather.left.pop_front() {
            let shelf = self.shelves.entry(of.kind).or_insert_with(|| super::Shelf::new(of.kind));
            let here = shelf.summary();
            if here.digest != of.digest || !tells_all(&of, here.adopted) {
                self.tickets += 1;
                gather.step = Some(Step { of, start: Some(0), ticket: self.tickets, listed: false, wanted: Vec::new() });
                return self.ask_again(out);
            }
            shelf.adopt(of.adopted);
        }
        let node = gather.node.clone();
        sealing.gather = None;
        sealing.gathered.insert(node);
        self.step_sealing(out);
    }

    pub(super) fn on_listed(
        &mut self,
        from: &NodeKey,
        ticket: u64,
        next: Option<u8>,
        equal: &[u8],
        entries: Vec<Listing>,
        out: &mut Vec<Out<G>>,
    ) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        let Some(Gather { node, step: Some(step), .. }) = &mut sealing.gather else { return };
        let further = next.is_none_or(|next| step.start.is_some_and(|start| next > start));
        if node != from || step.listed || step.ticket != ticket || !further {
            return;
        }
        let kind = step.of.kind;
        let shelf = self.shelves.entry(kind).or_insert_with(|| super::Shelf::new(kind));
        equal.iter().for_each(|bucket| shelf.stamp_bucket_up(*bucket, step.of.adopted));
        for Listing { id, epoch, written, gone } in entries {
            let here = shelf.get(&id);
            if here.is_some_and(|here| here.written == written && here.state.is_none() == gone) {
                shelf.stamp_up(&id, epoch);
            } else if (epoch, written.version) > shelf.stamp(&id) {
                if gone {
                    shelf.put(&id, written, epoch, None);
                } else {
                    step.wanted.push(id);
                }
            }
        }
        (step.listed, step.start) = (true, next);
        self.after_listing(out);
    }

    pub(super) fn on_fetched(
        &mut self,
        from: &NodeKey,
        epoch: Epoch,
        kind: TypeNumber,
        entries: Vec<Fetched>,
        out: &mut Vec<Out<G>>,
    ) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        let Some(Gather { node, step: Some(step), .. }) = &mut sealing.gather else { return };
        if sealing.epoch != epoch || node != from || step.of.kind != kind || !step.listed {
            return;
        }
        let shelf = self.shelves.entry(kind).or_insert_with(|| super::Shelf::new(kind));
        let mut wanted: BTreeSet<_> = mem::take(&mut step.wanted).into_iter().collect();
        let before = wanted.len();
        for Fetched { id, epoch, written, state } in entries {
            if wanted.remove(&id) && (epoch, written.version) > shelf.stamp(&id) {
                shelf.put(&id, written, epoch, state);
            }
        }
        step.wanted = wanted.into_iter().collect();
        if step.wanted.len() < before {
            self.after_listing(out);
        }
    }

    /// Fetches what is wanted, lists what follows, or is done with the kind.
    fn after_listing(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        let Some(Gather { step: Some(step), .. }) = &mut sealing.gather else { return };
        if !step.wanted.is_empty() {
            return self.ask_again(out);
        }
        if step.start.is_some() {
            self.tickets += 1;
            (step.listed, step.ticket) = (false, self.tickets);
            return self.ask_again(out);
        }
        let of = step.of;
        if !self.rules.lack(Rule::AbsenceCounts) {
            self.shelf(of.kind).settle(of.adopted);
        }
        self.next_kind(out);
    }
}

/// Whether no copy there counts for more than equal ones here do, once that node's adoption counts here too.
fn tells_all(of: &Summary, adopted_here: Epoch) -> bool {
    of.top <= of.adopted.max(adopted_here)
}
