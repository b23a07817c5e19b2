//! A node that is to be primary: it seals who may have what it has not, gathers it, and then serves.

use std::collections::{BTreeMap, BTreeSet};

use super::{Core, PATIENCE, Role, Rule, gather::Gather, same, serving::Serving};
use crate::cluster::{
    NodeKey,
    placement::{Configuration, Epoch, TypeNumber},
    replication::{Message, Out, message::Summary},
};

/// How far it has come.
pub(super) struct Sealing {
    pub(super) epoch: Epoch,
    /// Whom a seal was sent to since the last time that all were asked again.
    asked: BTreeSet<NodeKey>,
    pub(super) answers: BTreeMap<NodeKey, Answer>,
    /// Of whom everything is here.
    pub(super) gathered: BTreeSet<NodeKey>,
    pub(super) gather: Option<Gather>,
    ticks: u8,
    /// Kinds that cannot be put together any more.
    pub(super) lost: BTreeSet<TypeNumber>,
}

/// What a sealed node said.
pub(super) struct Answer {
    pub(super) served: Epoch,
    pub(super) whole: Epoch,
    pub(super) shelves: Vec<Summary>,
}

/// Who of a slot's nodes is asked, and what follows.
enum Source {
    /// These have to answer first: they may be serving.
    Unreleased(Vec<NodeKey>),
    /// It served last, and had everything.
    Last(NodeKey),
    /// It is not known who that was, or it cannot be asked.
    Members,
}

/// Whether enough members have been gathered from.
#[derive(PartialEq)]
enum Need {
    Met,
    Open,
    /// It never will be.
    Lost,
}

impl<G: Clone> Core<G> {
    pub(super) fn seal(&mut self, epoch: Epoch, out: &mut Vec<Out<G>>) {
        self.role = Role::Sealing(Sealing {
            epoch,
            asked: BTreeSet::new(),
            answers: BTreeMap::new(),
            gathered: BTreeSet::new(),
            gather: None,
            ticks: 0,
            lost: BTreeSet::new(),
        });
        self.step_sealing(out);
    }

    pub(super) fn on_sealed(&mut self, from: &NodeKey, epoch: Epoch, answer: Answer, out: &mut Vec<Out<G>>) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        if sealing.epoch == epoch && !sealing.answers.contains_key(from) {
            sealing.answers.insert(from.clone(), answer);
            self.step_sealing(out);
        }
    }

    pub(super) fn tick_sealing(&mut self, out: &mut Vec<Out<G>>) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        sealing.ticks += 1;
        if sealing.ticks == PATIENCE {
            sealing.ticks = 0;
            sealing.asked.clear();
            self.ask_again(out);
            self.step_sealing(out);
        }
    }

    /// Does whatever is next.
    pub(super) fn step_sealing(&mut self, out: &mut Vec<Out<G>>) {
        let source = self.source();
        if let Source::Unreleased(nodes) = source {
            // What they do until they release the slot counts, here as well.
            return self.ask(&nodes, out);
        }
        if let Role::Sealing(sealing) = &self.role
            && !self.rules.lack(Rule::Seal)
        {
            self.sealed = self.sealed.max(sealing.epoch);
        }
        match source {
            Source::Unreleased(_) => {}
            Source::Last(node) if node == self.me || self.has_gathered(&node) => self.begin_to_serve(out),
            Source::Last(node) => self.gather_from(&[node], out),
            Source::Members => {
                let members = self.members_to_seal();
                self.ask(&members, out);
                self.gather_from(&members, out);
                self.serve_if_enough(out);
            }
        }
    }

    /// Whether all that is needed has been gathered by now; if so, it serves.
    fn serve_if_enough(&mut self, out: &mut Vec<Out<G>>) {
        let needs = self.needs();
        let Role::Sealing(sealing) = &mut self.role else { return };
        let is_lost = |(kind, need): &(TypeNumber, Need)| (*need == Need::Lost).then_some(*kind);
        let lost: BTreeSet<_> = needs.iter().filter_map(is_lost).collect();
        if !lost.is_subset(&sealing.lost) {
            out.push(Out::Lost(sealing.epoch));
        }
        // The other kinds do not wait for what never comes.
        let enough = needs.iter().all(|(kind, need)| *need == Need::Met || lost.contains(kind));
        sealing.lost = lost;
        if enough {
            self.begin_to_serve(out);
        }
    }

    /// Goes from the newest configuration back to the first whose primary served.
    fn source(&self) -> Source {
        let Role::Sealing(sealing) = &self.role else { return Source::Members };
        let older = self.agreed.chain.0.get(1..).unwrap_or_default();
        let is_open = |primary: &&NodeKey| {
            **primary != self.me && self.agreed.up.contains(*primary) && !sealing.answers.contains_key(*primary)
        };
        let open: BTreeSet<_> = older.iter().filter_map(Configuration::primary).filter(is_open).cloned().collect();
        if !open.is_empty() && !self.rules.lack(Rule::WaitForRelease) {
            return Source::Unreleased(open.into_iter().collect());
        }
        for config in older {
            let Some(primary) = config.primary() else { continue };
            let (served, whole) = match sealing.answers.get(primary) {
                _ if *primary == self.me => (self.served, self.whole),
                Some(answer) => (answer.served, answer.whole),
                None => return Source::Members,
            };
            if whole >= config.epoch {
                let asks = *primary == self.me || self.has_gathered(primary) || self.agreed.up.contains(primary);
                return if asks { Source::Last(primary.clone()) } else { Source::Members };
            }
            if served >= config.epoch {
                // It has taken changes, but not begun with everything.
                return Source::Members;
            }
        }
        Source::Members
    }

    fn to_seal(&self) -> &[Configuration] {
        let to_seal = self.agreed.chain.to_seal();
        if self.rules.lack(Rule::SealAllConfigurations) { &to_seal[..to_seal.len().min(1)] } else { to_seal }
    }

    /// Those that are up, but for this node.
    fn members_to_seal(&self) -> Vec<NodeKey> {
        let members = self.to_seal().iter().flat_map(|config| &config.members).filter(|member| **member != self.me);
        let up = members.filter(|member| self.agreed.up.contains(*member));
        up.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Sends a seal to those of them that were not sent one and have not answered.
    fn ask(&mut self, nodes: &[NodeKey], out: &mut Vec<Out<G>>) {
        let Role::Sealing(sealing) = &mut self.role else { return };
        for node in nodes {
            if !sealing.answers.contains_key(node) && sealing.asked.insert(node.clone()) {
                out.push(Out::Send(node.clone(), Message::Seal { epoch: sealing.epoch }));
            }
        }
    }

    fn has_gathered(&self, node: &NodeKey) -> bool {
        matches!(&self.role, Role::Sealing(sealing) if sealing.gathered.contains(node))
    }

    /// For each configuration and kind, whether enough of its members have said what they have.
    fn needs(&self) -> Vec<(TypeNumber, Need)> {
        let kinds = 0..TypeNumber::try_from(self.agreed.types.types.len()).unwrap_or(TypeNumber::MAX);
        let of = |config| kinds.clone().map(move |kind| (kind, self.need(config, kind)));
        self.to_seal().iter().flat_map(of).collect()
    }

    fn need(&self, config: &Configuration, kind: TypeNumber) -> Need {
        let Role::Sealing(sealing) = &self.role else { return Need::Open };
        let Some(settings) = self.agreed.types.settings(kind, config.types) else { return Need::Met };
        let members = config.keepers(settings);
        let has = |member: &&NodeKey| {
            same(self.rules, member, &self.me) || sealing.gathered.iter().any(|node| same(self.rules, member, node))
        };
        let accepted = settings.accepts_loss || self.agreed.chain.is_accepted(config.epoch);
        let needed = config.needed(settings);
        let needed = if self.rules.lack(Rule::SealEnough) { needed.min(1) } else { needed };
        let short = config.is_short(settings, |member| self.agreed.ended.contains(member));
        // What is kept by one node alone is there or it is not: who can be asked is asked.
        let all_up = settings.sync == 0 || (short && accepted);
        let met = if all_up {
            let up = |member: &&NodeKey| self.agreed.up.contains(*member) && !self.agreed.ended.contains(*member);
            members.iter().filter(up).all(|member| has(&member))
        } else {
            members.iter().filter(has).count() >= needed
        };
        match met {
            true => Need::Met,
            false if short && !all_up => Need::Lost,
            false => Need::Open,
        }
    }

    fn begin_to_serve(&mut self, out: &mut Vec<Out<G>>) {
        let (Role::Sealing(sealing), Some(config)) = (&self.role, self.agreed.chain.current()) else { return };
        let (epoch, lost) = (sealing.epoch, sealing.lost.clone());
        self.role = Role::Serving(Serving { lost, ..Serving::new(epoch, config.clone()) });
        self.go_on(out);
    }
}
