//! What a node does for whoever is, or is to be, primary.

use std::{collections::BTreeMap, sync::Arc};

use super::{Core, Role, Rule};
use crate::{
    EntityId,
    cluster::{
        NodeKey,
        placement::{Epoch, TypeNumber},
        replication::{
            Content, Key, Message, Out, Written,
            copies::{Digest, Shelf},
            message::{Fetched, Listing},
        },
    },
};

/// How many bytes a message is to have at most, as far as its parts allow.
pub(super) const PAGE: usize = 64 * 1024;
/// What an entry without its id and its state comes to.
pub(super) const ENTRY: usize = 24;

impl<G: Clone> Core<G> {
    pub(super) fn on_seal(&mut self, from: &NodeKey, epoch: Epoch, out: &mut Vec<Out<G>>) {
        if epoch < self.sealed {
            return self.send(from, Message::Refused { sealed: self.sealed }, out);
        }
        if !self.rules.lack(Rule::Seal) {
            self.sealed = epoch;
        }
        match &mut self.role {
            Role::Serving(serving) if serving.epoch < epoch && !serving.halted && !self.rules.lack(Rule::SealStopsPrimary) => {
                if serving.stops_for.replace((from.clone(), epoch)).is_none() {
                    out.push(Out::Stops { epoch: serving.epoch, orderly: true });
                }
                // It is answered when all has ended.
                return;
            }
            Role::Serving(serving) if serving.epoch < epoch && serving.halted => self.role = Role::Backup,
            Role::Sealing(sealing) if sealing.epoch < epoch => self.role = Role::Backup,
            Role::Backup | Role::Sealing(_) | Role::Serving(_) => {}
        }
        self.answer_seal(from, epoch, out);
    }

    pub(super) fn answer_seal(&self, sealer: &NodeKey, epoch: Epoch, out: &mut Vec<Out<G>>) {
        if *sealer == self.me {
            return;
        }
        if epoch < self.sealed {
            return self.send(sealer, Message::Refused { sealed: self.sealed }, out);
        }
        let shelves = self.shelves.values().map(Shelf::summary).collect();
        self.send(sealer, Message::Sealed { epoch, served: self.served, whole: self.whole, shelves }, out);
    }

    pub(super) fn on_list(
        &self,
        from: &NodeKey,
        epoch: Epoch,
        ticket: u64,
        (kind, start): (TypeNumber, u8),
        buckets: &[Digest],
        out: &mut Vec<Out<G>>,
    ) {
        if epoch < self.sealed {
            return self.send(from, Message::Refused { sealed: self.sealed }, out);
        }
        let none = Shelf::new(kind);
        let shelf = self.shelves.get(&kind).unwrap_or(&none);
        let here = if buckets.is_empty() { Vec::new() } else { shelf.buckets() };
        let (mut equal, mut entries, mut bytes, mut next) = (Vec::new(), Vec::new(), 0, None);
        for bucket in start..=u8::MAX {
            if bytes >= PAGE {
                next = Some(bucket);
                break;
            }
            let theirs = buckets.get(usize::from(bucket - start));
            if theirs.is_some_and(|theirs| here.get(usize::from(bucket)) == Some(theirs)) {
                equal.push(bucket);
                continue;
            }
            for (id, entry) in shelf.bucket(bucket) {
                bytes += id.as_str().len() + ENTRY;
                let (epoch, written) = (shelf.stamp_of(entry).0, entry.written);
                entries.push(Listing { id: id.clone(), epoch, written, gone: entry.state.is_none() });
            }
        }
        self.send(from, Message::Listed { ticket, next, equal, entries }, out);
    }

    pub(super) fn on_fetch(&self, from: &NodeKey, epoch: Epoch, kind: TypeNumber, ids: &[EntityId], out: &mut Vec<Out<G>>) {
        if epoch < self.sealed {
            return self.send(from, Message::Refused { sealed: self.sealed }, out);
        }
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for id in ids {
            let shelf = self.shelves.get(&kind);
            let here = shelf.and_then(|shelf| shelf.get(id).map(|entry| (shelf.stamp_of(entry).0, entry)));
            bytes += id.as_str().len() + ENTRY + here.and_then(|(_, entry)| entry.state.as_ref()).map_or(0, |state| state.len());
            // A large one travels alone: with others before it, it may be more than a message has room for.
            if bytes > PAGE && !entries.is_empty() {
                break;
            }
            entries.push(match here {
                Some((epoch, entry)) => Fetched { id: id.clone(), epoch, written: entry.written, state: entry.state.clone() },
                None => Fetched { id: id.clone(), epoch: 0, written: Written::default(), state: None },
            });
        }
        self.send(from, Message::Fetched { epoch, kind, entries }, out);
    }

    /// Whether something of that epoch is taken. If so, nothing older is from now on.
    fn takes(&mut self, from: &NodeKey, epoch: Epoch, out: &mut Vec<Out<G>>) -> bool {
        let agreed = self.agreed.chain.epoch();
        let deposed = epoch < agreed && !self.agreed.up.contains(from);
        if epoch < self.sealed || deposed {
            let sealed = if deposed { self.sealed.max(agreed) } else { self.sealed };
            self.send(from, Message::Refused { sealed }, out);
            return false;
        }
        self.raise(epoch, out);
        true
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn on_update(
        &mut self,
        from: &NodeKey,
        epoch: Epoch,
        ticket: u64,
        key: &Key,
        written: Written,
        content: Content,
        out: &mut Vec<Out<G>>,
    ) {
        if !self.takes(from, epoch, out) {
            return;
        }
        let shelf = self.shelf(key.kind);
        let stamp = shelf.stamp(&key.id);
        let here = shelf.get(&key.id);
        let known = here.is_some_and(|here| here.written == written);
        // Something later of the same epoch has overtaken it.
        let older = here.is_some() && stamp > (epoch, written.version);
        let state = match content {
            _ if known || older => {
                shelf.stamp_up(&key.id, epoch);
                let version = shelf.get(&key.id).map_or(0, |here| here.written.version);
                return self.send(from, Message::Acked { ticket, version }, out);
            }
            Content::Same => None,
            Content::Whole(state) => Some(Some(state)),
            Content::Gone => Some(None),
            Content::Patch { base, prefix, suffix, middle } => here
                .filter(|here| here.written == base)
                .and_then(|here| patched(here.state.as_ref()?, prefix, suffix, &middle))
                .map(Some),
        };
        let answer = match state {
            Some(state) => {
                shelf.put(&key.id, written, epoch, state);
                Message::Acked { ticket, version: written.version }
            }
            None => Message::Lacks { ticket },
        };
        self.send(from, answer, out);
    }

    pub(super) fn on_adopt(
        &mut self,
        from: &NodeKey,
        epoch: Epoch,
        kind: TypeNumber,
        digest: Option<Digest>,
        out: &mut Vec<Out<G>>,
    ) {
        if !self.takes(from, epoch, out) {
            return;
        }
        let shelf = self.shelf(kind);
        let adopts = digest.is_none_or(|digest| digest == shelf.summary().digest);
        let answer = if adopts {
            shelf.adopt(epoch);
            Message::Adopted { epoch, kind }
        } else {
            Message::Differs { epoch, kind, buckets: shelf.buckets() }
        };
        self.send(from, answer, out);
    }

    pub(super) fn on_compare(
        &mut self,
        from: &NodeKey,
        epoch: Epoch,
        kind: TypeNumber,
        buckets: &[u8],
        entries: &[(EntityId, Written)],
        out: &mut Vec<Out<G>>,
    ) {
        let Some(bucket) = buckets.first().copied() else { return };
        if !self.takes(from, epoch, out) {
            return;
        }
        let shelf = self.shelf(kind);
        let listed: BTreeMap<_, _> = entries.iter().map(|(id, written)| (id, *written)).collect();
        for bucket in buckets {
            shelf.drop_older(*bucket, epoch, |id| listed.contains_key(id));
        }
        let mut lacking = Vec::new();
        for (id, written) in listed {
            if shelf.get(id).is_some_and(|here| here.written == written) {
                shelf.stamp_up(id, epoch);
            } else if shelf.get(id).is_none() || shelf.stamp(id) < (epoch, written.version) {
                lacking.push(id.clone());
            }
        }
        self.send(from, Message::Compared { epoch, kind, bucket, lacking }, out);
    }
}

/// The old state with its middle replaced, if it is as long as that needs.
fn patched(old: &[u8], prefix: u32, suffix: u32, middle: &[u8]) -> Option<Arc<[u8]>> {
    let (prefix, suffix) = (prefix as usize, suffix as usize);
    if prefix.checked_add(suffix)? > old.len() {
        return None;
    }
    Some([&old[..prefix], middle, &old[old.len() - suffix..]].concat().into())
}
