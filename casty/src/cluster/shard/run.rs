//! What a node's entities need done all the time: what is agreed is followed, what was not answered is sent again.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, atomic::Ordering::Acquire},
    time::Duration,
};

use super::{Shards, kinds};
use crate::{
    ClusterError, Event,
    cluster::{
        NodeKey,
        control::{Command, Plane, View},
        placement::{Chain, Configuration, Epoch, Proposal, SLOTS, Slot, Stage, TypeNumber, kind_seed},
        replication::Agreed,
        transport::Network,
    },
    metrics, spans,
    sync::lock,
};

/// How often the cores are asked whether anything is to be sent again.
const TICK: Duration = Duration::from_millis(50);
/// How often messages that wait are tried.
const RETRY: Duration = Duration::from_millis(10);
/// How long the cluster has to agree on something.
const AGREE: Duration = Duration::from_secs(5);
/// So many slots are told of together.
const TOGETHER: usize = 512;

/// What was agreed when it was last looked at.
#[derive(Default)]
struct Seen {
    view: Option<Arc<View>>,
    /// The generation, and the entry that made this node what it is.
    since: Option<(u64, u64)>,
}

impl Shards {
    /// Has all it needs from here on.
    pub(crate) fn connect(&self, plane: Plane, network: &Arc<Network>) {
        let _ = self.plane.set(plane);
        let _ = self.network.set(Arc::downgrade(network));
    }

    /// Tells the cluster which types of entities this program has, and follows what it agrees on.
    ///
    /// # Errors
    /// In words, if it cannot, or has agreed on less for one of them than this program says, or on another kind of type.
    pub(crate) async fn declare(&self, types: Vec<kinds::Declared>) -> Result<(), String> {
        let Some(plane) = self.plane.get() else { return Ok(()) };
        if types.is_empty() {
            return Ok(());
        }
        let named: Vec<(Arc<str>, _)> = types.iter().map(|(kind, settings, _)| (kind.config.name.into(), *settings)).collect();
        // As with joining: while no majority answers, it waits, and says so.
        let agreed = loop {
            match plane.declare(named.clone(), AGREE).await {
                Ok(agreed) => break agreed,
                Err(error @ ClusterError::Unavailable { after, .. }) if after >= AGREE => {
                    tracing::warn!(%error, "the cluster has not agreed on this program's types of entities yet; it is asked again");
                }
                Err(error) => return Err(format!("the cluster did not agree on this program's types of entities: {error}")),
            }
        };
        for (((name, wanted), (_, _, region)), (number, settings)) in named.into_iter().zip(types).zip(agreed) {
            kinds::check_agreed(&name, &wanted, &settings)?;
            region.agreed(settings.sync > 0, settings.strict);
            let seed = kind_seed(&name);
            self.kinds.add(name, kinds::Kind { number, settings, seed, region });
        }
        // It may have been changed before that was heard of here.
        self.kinds.follow(&plane.view().types);
        // Slots that this node has already may have something for them to do.
        (0..SLOTS as Slot).filter(|slot| self.serves(*slot) != 0).for_each(|slot| self.wake_standing(slot));
        Ok(())
    }

    /// Follows what is agreed, until the node ends.
    pub(crate) async fn run(self: Arc<Self>) {
        let Some(plane) = self.plane.get().cloned() else { return };
        let _over = Over(self.clone());
        let mut applied = plane.published().applied();
        let mut seen = Seen::default();
        let mut ticked = self.host.now();
        loop {
            let log = self.pass.log();
            let now = *applied.borrow_and_update();
            self.follow(&plane.view(), &mut seen);
            self.pass.seen(log, now);
            self.pass.look();
            if self.host.now().saturating_duration_since(ticked) >= TICK {
                ticked = self.host.now();
                self.tick();
            }
            self.tell_news();
            self.kick_all();
            let pause = if self.waiting.slots().is_empty() { TICK } else { RETRY };
            tokio::select! {
                biased;
                changed = applied.changed() => if changed.is_err() { return },
                () = self.host.sleep(pause) => {}
            }
        }
    }

    fn tick(&self) {
        self.rush.tick();
        self.look_at_standing();
        let Some(plane) = self.plane.get() else { return };
        if plane.view().slots.is_empty() {
            return;
        }
        let tick = |slot| {
            self.with(slot, |core, out| {
                core.tick(out);
                core.pending()
            })
        };
        // Most have nothing to wait for.
        let waits = |slot: &Slot| self.waits[usize::from(*slot)].load(Acquire);
        let pending = (0..SLOTS as Slot).filter(waits).filter_map(tick).map(|(pending, _)| pending).sum();
        metrics::pending(pending);
    }

    /// Gives each core what is new for it.
    fn follow(&self, view: &Arc<View>, seen: &mut Seen) {
        if seen.view.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, view)) {
            return;
        }
        let generation = view.cluster.as_ref().map_or(0, |cluster| cluster.generation);
        let since = view.current(&self.me).map(|member| (generation, member.since));
        // Whoever took its slots while it was down waited for nobody.
        let fenced = seen.since.is_some() && since.is_some() && since != seen.since;
        let old = seen.view.replace(view.clone());
        if since.is_some() {
            seen.since = since;
        }
        if !old.as_deref().is_some_and(|old| Arc::ptr_eq(&old.types, &view.types)) {
            self.kinds.follow(&view.types);
        }
        let same = |old: &View| old.has_same_nodes_as(view) && Arc::ptr_eq(&old.types, &view.types);
        let others_same = !fenced && old.as_deref().is_some_and(same);
        for (slot, chain) in view.slots.iter().enumerate() {
            let before = old.as_ref().and_then(|old| old.slots.get(slot));
            if others_same && before.is_some_and(|before| Arc::ptr_eq(before, chain)) {
                continue;
            }
            self.expect_of(view, slot as Slot, chain);
            let agreed = agreed(view, chain);
            self.agreed(slot as Slot, agreed, fenced);
        }
    }

    /// Whether the slot is this node's to serve from now on.
    fn expect_of(&self, view: &View, slot: Slot, chain: &Chain) {
        if chain.primary() != Some(&self.me) {
            let ended = lock(&self.news).is_not_mine(slot);
            return drop(ended);
        }
        if self.serves(slot) == 0 {
            let before = chain.0.get(1).and_then(Configuration::primary);
            let failover = before.is_some_and(|node| *node != self.me && !view.is_up(node));
            if lock(&self.news).is_to_serve(slot, failover).is_none() {
                let span = spans::taking(slot);
                lock(&self.news).begins(slot, self.host.now(), failover, span);
            }
        }
    }

    fn tell_news(&self) {
        let events = lock(&self.news).take();
        if let Some(system) = self.system.upgrade() {
            events.into_iter().for_each(|event| system.emit(&Event::Cluster(event)));
        }
    }

    /// Proposes what this node's configurations have come to, until the node ends.
    pub(crate) async fn propose(self: Arc<Self>) {
        let Some(plane) = self.plane.get().cloned() else { return };
        loop {
            self.wake.notified().await;
            self.renew(&plane).await;
            let (now, more) = self.take_reached();
            if now.is_empty() {
                continue;
            }
            let slots = now.into_iter().map(|((slot, epoch), stage)| (slot, epoch, stage)).collect();
            // What came to nothing is said again by the cores.
            let proposed = plane.propose(Command::Reached { node: self.me.clone(), slots }, AGREE).await;
            if let Err(error) = proposed {
                tracing::debug!(%error, "how far slots have come could not be told; it is told again");
            }
            if more {
                self.wake.notify_one();
            }
        }
    }

    /// Proposes the next configurations of slots whose members stay what they are. What comes to nothing is asked for again when
    /// another entity is destroyed.
    async fn renew(&self, plane: &Plane) {
        let wanted: Vec<_> = mem::take(&mut *lock(&self.renewed)).into_iter().take(TOGETHER).collect();
        let view = plane.view();
        let current = |(slot, epoch): &(Slot, Epoch)| {
            let current = view.slots.get(usize::from(*slot))?.current().filter(|current| current.epoch == *epoch)?;
            Some(Proposal { slot: *slot, after: *epoch, members: current.members.clone() })
        };
        let proposals: Vec<_> = wanted.iter().filter_map(current).collect();
        if proposals.is_empty() {
            return;
        }
        if let Err(error) = plane.propose(Command::slots(&proposals), AGREE).await {
            tracing::debug!(%error, "what is remembered of destroyed entities could not be forgotten yet");
        }
    }

    /// Some of what is to be proposed, and whether there is more.
    fn take_reached(&self) -> (BTreeMap<(Slot, Epoch), Stage>, bool) {
        let mut reached = lock(&self.reached);
        let rest = match reached.keys().nth(TOGETHER).copied() {
            Some(from) => reached.split_off(&from),
            None => BTreeMap::new(),
        };
        let more = !rest.is_empty();
        (mem::replace(&mut *reached, rest), more)
    }

    pub(super) fn is_lost(&self, slot: Slot, kind: TypeNumber) -> bool {
        lock(&self.places[usize::from(slot)]).core.is_lost(kind)
    }
}

/// Ends what waits with the task that would try it again.
struct Over(Arc<Shards>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn agreed(view: &View, chain: &Arc<Chain>) -> Agreed {
    let named: BTreeSet<&NodeKey> = chain.0.iter().flat_map(|config| &config.members).collect();
    Agreed {
        chain: chain.clone(),
        types: view.types.clone(),
        up: named.iter().filter(|node| view.is_up(node)).map(|node| (*node).clone()).collect(),
        ended: named.iter().filter(|node| view.has_ended(node)).map(|node| (*node).clone()).collect(),
    }
}
