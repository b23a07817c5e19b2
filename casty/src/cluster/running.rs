//! A node that runs: its parts, and how it ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    ClusterError, ClusterEvent, NodeId,
    control::{Answer, Command, Leases, MemberStatus, Plane, View, call},
    placement::{Epoch, Slot, TypeSettings},
    swim::{SwimCommand, SwimHandle},
    transport::{Network, Refusals},
};
use crate::{
    Event,
    host::{Host, watch},
    system::{Events, WeakSystem},
};

pub(crate) struct Running {
    pub(super) host: Host,
    pub(super) system: WeakSystem,
    pub(super) plane: Plane,
    pub(super) leases: Arc<Leases>,
    pub(super) network: Arc<Network>,
    pub(super) swim: SwimHandle,
    pub(super) refused: Arc<Refusals>,
    /// How long a lease is.
    pub(super) lease: Duration,
    /// Whether this node has come in.
    pub(super) entered: AtomicBool,
    /// Whether this node has said that it goes.
    pub(super) parting: watch::Sender<bool>,
    /// It has left, and has nothing any more that others are to take over. It may not hear of that as everybody does.
    pub(super) parted: AtomicBool,
    /// How often it has come back after it was taken for dead.
    pub(super) returns: AtomicU64,
    /// Whether the node keeps its part on disk.
    pub(super) durable: bool,
    pub(super) limit: Duration,
    /// Becomes true when the node is to end, for all its tasks.
    pub(super) ending: watch::Sender<bool>,
    /// Becomes true once they have ended, and the data directory is closed.
    pub(super) ended: watch::Sender<bool>,
}

/// How long this node waits, going away, for a word of the leader.
const ASK: Duration = Duration::from_secs(2);
/// How long the cluster has to agree that something is lost.
const ACCEPT: Duration = Duration::from_secs(5);
/// So often a change of a type is tried while others change it, too.
const CHANGES: u32 = 5;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// So many looks later a node that goes says so again: the leader may be another one, and forgets it after a while.
const LOOKS: u32 = 25;
/// How long a node that goes waits for answers to what it has passed on, if a quarter of its `shutdown_timeout` is not less.
const PASSED_ON: Duration = Duration::from_secs(4);
/// For so many leases a node that goes waits for a majority that it has lost: longer than an election takes.
const ELECTION: u32 = 6;

impl Running {
    #[cfg(feature = "testkit")]
    pub(crate) fn plane(&self) -> &Plane {
        &self.plane
    }

    pub(crate) fn shards(&self) -> &super::shard::Shards {
        self.network.shards()
    }

    #[cfg(feature = "testkit")]
    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    pub(super) fn events(&self) -> Events {
        match self.system.upgrade() {
            Some(system) => system.events(),
            None => Events::ended(),
        }
    }

    pub(super) fn emit(&self, event: ClusterEvent) {
        if let Some(system) = self.system.upgrade() {
            system.emit(&Event::Cluster(event));
        }
    }

    /// Waits until the replicated state is as wanted.
    pub(super) async fn wait_until(&self, is_so: impl Fn(&View) -> bool) -> Result<(), ClusterError> {
        let mut applied = self.plane.published().applied();
        let mut ending = self.ending.subscribe();
        loop {
            applied.borrow_and_update();
            if is_so(&self.plane.view()) {
                return Ok(());
            }
            tokio::select! {
                biased;
                _ = ending.wait_for(|ending| *ending) => return Err(ClusterError::ShuttingDown),
                changed = applied.changed() => changed.map_err(|_| ClusterError::ShuttingDown)?,
            }
        }
    }

    /// What keeps this node a node has failed: it serves nothing from here on, and ends.
    pub(super) fn fail(&self, why: &str) {
        self.end_for(format!(
            "this node's part in the control plane has failed, and only a restart of the node mends that: {why}"
        ));
    }

    /// The others are done with this start of the node.
    pub(super) fn is_given_up(&self) {
        self.end_for("an operator has given this start of the node up; started again, it is a new one with nothing".into());
    }

    fn end_for(&self, reason: String) {
        self.leases.fence();
        self.emit(ClusterEvent::Fenced { reason: reason.into() });
        self.network.close();
        self.ending.set(true);
    }

    /// Has the cluster agree that what is lost of a slot is lost, or of all. Returns of how many slots that is.
    pub(super) async fn accept_loss(&self, only: Option<Slot>) -> Result<usize, ClusterError> {
        let view = self.plane.view();
        let lost: Vec<(Slot, Epoch)> = (0..)
            .zip(view.slots.iter())
            .filter(|(slot, chain)| {
                only.is_none_or(|only| only == *slot) && chain.may_be_lost(&view.types, |node| view.has_ended(node))
            })
            .map(|(slot, chain)| (slot, chain.epoch()))
            .collect();
        if lost.is_empty() {
            return Ok(0);
        }
        let (plane, count) = (self.plane.clone(), lost.len());
        let propose = async move { plane.propose(Command::AcceptLoss { slots: lost }, ACCEPT).await };
        // Its clock is the control plane's, which may end first.
        let accepted = self.host.within(propose).await;
        accepted.unwrap_or(Err(ClusterError::ShuttingDown)).map(|_| count)
    }

    /// Has the cluster agree on other settings for a type, whoever else does the same at once.
    pub(super) async fn change_settings(&self, name: &'static str, settings: TypeSettings) -> Result<(), ClusterError> {
        let unavailable = |reason: String| ClusterError::Unavailable { after: ACCEPT, reason };
        for _ in 0..CHANGES {
            self.plane.catch_up(ACCEPT).await?;
            let view = self.plane.view();
            let known = view.types.newest(name);
            let (after, now) = known.ok_or_else(|| unavailable(format!("it has not agreed on a type \"{name}\" yet")))?;
            if now == settings {
                return Ok(());
            }
            let (plane, name) = (self.plane.clone(), Arc::from(name));
            let command = Command::Settings { name, after, settings };
            // Its clock is the control plane's, which may end first.
            let proposed = self.host.within(async move { plane.propose(command, ACCEPT).await }).await;
            let answer = proposed.unwrap_or(Err(ClusterError::ShuttingDown))?;
            if let Answer::Declared(agreed) = answer
                && agreed.first().is_some_and(|(_, agreed)| *agreed == settings)
            {
                return Ok(());
            }
        }
        Err(unavailable(format!("others change the type \"{name}\" all the time, or have it as another kind of type")))
    }

    /// Has the cluster agree that a node that is not up is over for good. `false`: no such node is known.
    pub(super) async fn give_up(&self, id: NodeId) -> Result<bool, ClusterError> {
        // What this node has not heard of yet counts.
        self.plane.catch_up(ACCEPT).await?;
        let Some(node) = self.plane.view().last_start(&id) else { return Ok(false) };
        if self.plane.view().is_up(&node) {
            return Err(ClusterError::NodeIsUp { node: id });
        }
        let plane = self.plane.clone();
        let propose = async move { plane.propose(Command::GiveUp { node }, ACCEPT).await };
        // Its clock is the control plane's, which may end first.
        match self.host.within(propose).await.unwrap_or(Err(ClusterError::ShuttingDown))? {
            Answer::Over(true) => Ok(true),
            // It has come back meanwhile.
            _ => Err(ClusterError::NodeIsUp { node: id }),
        }
    }

    fn others_up(&self) -> bool {
        let myself = &self.plane.myself().key().id;
        self.plane.view().members.iter().any(|(id, member)| id != myself && member.status == MemberStatus::Up)
    }

    /// Removes this node from the cluster, and ends its system.
    pub(super) async fn leave(self: &Arc<Self>) -> Result<(), ClusterError> {
        let this = self.clone();
        // Its clock is the control plane's, which may end first.
        let going = async move {
            let begun = this.host.now();
            // While it is a member still, what it passes on is answered.
            this.drain().await;
            this.part(begun, this.limit).await
        };
        let parted = self.host.within(going).await;
        let parted = parted.unwrap_or(Err(ClusterError::ShuttingDown));
        // A member still, it comes back if it is taken for dead.
        parted.inspect_err(|_| self.parting.set(false))?;
        self.parted.store(true, Relaxed);
        if let Some(system) = self.system.upgrade() {
            system.shutdown().await;
        }
        Ok(())
    }

    /// Whether this node has a lease, or gets one soon. It may have lost its own for a moment, to an election or a pause: if it
    /// went without a word, its vote would stay, and of two nodes the other one could agree on nothing any more.
    async fn comes_to_a_lease(&self) -> bool {
        let until = self.host.now() + self.lease * 2;
        while !self.leases.is_held() {
            if *self.ending.borrow() || self.host.now() >= until || !self.others_up() || !self.entered.load(Relaxed) {
                return false;
            }
            self.host.sleep(PAUSE).await;
        }
        true
    }

    /// Has this node removed from the cluster, if that is done by `limit` after `begun`.
    async fn part(&self, begun: Instant, limit: Duration) -> Result<(), ClusterError> {
        self.parting.set(true);
        let myself = self.plane.myself().key().clone();
        let host = &self.host;
        let mut had_lease = host.now();
        while self.others_up() && self.plane.view().current(&myself).is_some() {
            if self.plane.leads() {
                self.hand_over_lead().await;
            }
            let asked = self.plane.at_leader::<()>(call::LEAVE, &myself, ASK).await;
            // The leader takes this node's vote first. The last word may not come here any more.
            for _ in 0..LOOKS {
                if self.plane.view().current(&myself).is_none() {
                    return Ok(());
                }
                if self.is_removed().await || !self.others_up() {
                    return Ok(());
                }
                let now = host.now();
                if self.leases.is_held() {
                    had_lease = now;
                }
                // Nobody can agree to anything any more: the other voters have gone, or this node is cut off from them.
                let alone = now.saturating_duration_since(had_lease) > self.lease * ELECTION;
                let after = now.saturating_duration_since(begun);
                if alone || after >= limit {
                    let reason = match &asked {
                        Err(error) => error.to_string(),
                        Ok(()) if alone => "there is no majority to let this node go".into(),
                        Ok(()) if self.has_the_last_copies() => {
                            "this node has some of the last copies of what may be lost: see `Cluster::accept_loss`".into()
                        }
                        Ok(()) => "the leader has not let this node go".into(),
                    };
                    return Err(ClusterError::Unavailable { after, reason });
                }
                host.sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// The names of this node's actors, once more: it was taken for dead, and they were free meanwhile.
    pub(super) async fn register_again(&self) {
        let time = self.returns.fetch_add(1, Relaxed) + 1;
        if let Some(system) = self.system.upgrade() {
            self.network.register_again(&system, || self.returns.load(Relaxed) == time).await;
        }
    }

    /// Whether entities are not served because copies of them are gone, and this node has one.
    fn has_the_last_copies(&self) -> bool {
        let (myself, view) = (self.plane.myself().key(), self.plane.view());
        view.slots.iter().any(|chain| {
            chain.0.iter().any(|config| config.has(myself)) && chain.may_be_lost(&view.types, |node| view.has_ended(node))
        })
    }

    /// Whether the leader says that this node is no member any more.
    async fn is_removed(&self) -> bool {
        let renewal = self.leases.renew(&self.plane, ASK).await;
        matches!(renewal, Some(super::control::Renewal::NotMember))
    }

    /// Has another voter lead, if there is one.
    async fn hand_over_lead(&self) {
        let view = self.plane.view();
        let voters: Vec<u64> = self.plane.raft().voter_ids().collect();
        let myself = self.plane.myself().raft_id();
        let next = view
            .members
            .values()
            .find(|member| member.status == MemberStatus::Up && member.raft_id != myself && voters.contains(&member.raft_id));
        if let Some(next) = next {
            let _ = self.plane.raft().trigger().transfer_leader(next.raft_id).await;
            for _ in 0..50 {
                if !self.plane.leads() {
                    return;
                }
                self.host.sleep(PAUSE).await;
            }
        }
    }

    /// Gives this node's slots to others, as far as there are any: its actors end after that.
    pub(crate) async fn hand_over(self: &Arc<Self>) {
        let this = self.clone();
        let _ = self.host.within(async move { this.drain().await }).await;
        // Its actors end now, which can take longer than the leader remembers.
        let this = self.clone();
        self.host.spawn(async move { this.keep_giving().await });
    }

    async fn drain(&self) {
        self.give_slots().await;
        let shards = self.shards();
        let (until, before) = (self.host.now() + PASSED_ON.min(self.limit / 4), shards.next_passing());
        let answered = async {
            while shards.passes_on(before) && self.others_up() && self.host.now() < until {
                self.host.sleep(PAUSE).await;
            }
        };
        let told = async {
            self.keep_giving().await;
            std::future::pending().await
        };
        tokio::select! {
            biased;
            () = answered => {}
            () = told => {}
        }
    }

    /// Until this node parts: who does not say so again is given slots again.
    async fn keep_giving(&self) {
        let myself = self.plane.myself().key();
        loop {
            self.host.sleep(PAUSE * LOOKS).await;
            if *self.parting.borrow() || *self.ending.borrow() {
                return;
            }
            if let Err(error) = self.plane.at_leader::<bool>(call::DRAIN, myself, ASK).await {
                tracing::debug!(%error, "nobody is told that this node gives its entities away");
            }
        }
    }

    async fn give_slots(&self) {
        let (myself, begun) = (self.plane.myself().key().clone(), self.host.now());
        let until = begun + self.limit / 2;
        let mut had_lease = begun;
        let is_named = || self.plane.view().slots.iter().any(|chain| chain.0.iter().any(|config| config.has(&myself)));
        while is_named() && !self.parted.load(Relaxed) && self.others_up() && self.entered.load(Relaxed) && !*self.ending.borrow()
        {
            let now = self.host.now();
            if self.leases.is_held() {
                had_lease = now;
            }
            // Nobody has led for longer than it takes to elect somebody.
            let alone = now.saturating_duration_since(had_lease) > self.lease * ELECTION;
            if alone || now >= until {
                tracing::warn!("others have not taken all of this node's entities over; what they have copies of goes on there");
                return;
            }
            match self.plane.at_leader::<bool>(call::DRAIN, &myself, ASK).await {
                Ok(true) => {}
                // Nobody can have them.
                Ok(false) | Err(ClusterError::ShuttingDown) => return,
                // Another leader may be there soon.
                Err(error) => tracing::debug!(%error, "nobody takes this node's entities over yet"),
            }
            for _ in 0..LOOKS {
                if !is_named() {
                    return;
                }
                self.host.sleep(PAUSE).await;
            }
        }
    }

    /// The end of the node, when its system ends. With a data directory it stays a member that is away.
    pub(crate) async fn shut_down(self: &Arc<Self>) {
        let this = self.clone();
        let _ = self.host.within(async move { this.end().await }).await;
    }

    pub(super) async fn end(&self) {
        let has_lease = self.comes_to_a_lease().await;
        // Once the others know it for away, it does not come back.
        self.parting.set(true);
        let myself = self.plane.myself().key().clone();
        // The last node up, and one without a majority, stop.
        if has_lease && self.others_up() && self.plane.view().current(&myself).is_some() {
            if self.durable {
                if self.plane.leads() {
                    self.hand_over_lead().await;
                }
                // Once it is away, others take what slots it has left.
                self.leases.retire();
                let _ = self.plane.propose(Command::Away { node: myself }, ASK).await;
            } else if let Err(error) = self.part(self.host.now(), self.limit / 2).await {
                tracing::warn!(%error, "this node has not left in good order; the others will take it for down");
            }
        }
        let _ = self.swim.commands.send(SwimCommand::Leave).await;
        self.network.close();
        self.ending.set(true);
        self.leases.fence();
        let mut ended = self.ended.subscribe();
        let _ = self.host.timeout(ASK, ended.wait_for(|ended| *ended)).await;
    }
}
