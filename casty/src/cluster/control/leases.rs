//! The leases of this node and, while it leads, those that it grants: the clocks and calls around the pure rules.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use openraft::{ServerState, async_runtime::WatchReceiver as _};
use serde::{Deserialize, Serialize};

use super::{
    MemberStatus, Plane, Published, Seat,
    leader::{Renewals, decode, encode, method},
};
use crate::{
    cluster::{
        NodeKey,
        lease::{AskId, Clocks, Grant, Granter, Holder, LeaseConfig, NoGrant},
    },
    host::Host,
    reply::Pass,
    sync::lock,
};

pub(crate) struct Leases {
    host: Host,
    seat: Seat,
    published: Published,
    granter: Mutex<Granter>,
    holder: Mutex<Holder>,
    /// What it lets this node's entities do.
    pass: Arc<Pass>,
}

/// What became of a node's renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Renewal {
    Granted(Grant),
    Refused(NoGrant),
    /// No such start of the node is a member.
    NotMember,
}

impl Leases {
    pub(crate) fn new(host: Host, seat: Seat, published: Published, config: LeaseConfig, pass: Arc<Pass>) -> Arc<Self> {
        let (granter, holder) = (Mutex::new(Granter::new(config)), Mutex::new(Holder::new(config)));
        Arc::new(Self { host, seat, published, granter, holder, pass })
    }

    /// Asks for a lease once, and takes what comes of it.
    pub(crate) async fn renew(&self, plane: &Plane, limit: Duration) -> Option<Renewal> {
        let ask = lock(&self.holder).asked(self.host.boot_time());
        let answer: serde_bytes::ByteBuf = plane.at_leader(method::RENEW, &(), limit).await.ok()?;
        let renewal = decode(&answer).ok()?;
        self.take(ask, renewal);
        Some(renewal)
    }

    fn take(&self, ask: AskId, renewal: Renewal) {
        let mut holder = lock(&self.holder);
        match renewal {
            Renewal::Granted(grant) => {
                if let Some(ends) = holder.granted(ask, grant) {
                    self.pass.granted(grant.applied, ends);
                }
            }
            Renewal::Refused(NoGrant::Down) | Renewal::NotMember => {
                holder.fence();
                self.pass.fence(false);
            }
            Renewal::Refused(_) => {}
        }
    }

    /// Whether this node may serve now.
    pub(crate) fn is_held(&self) -> bool {
        let mut holder = lock(&self.holder);
        holder.applied(*self.published.applied().borrow());
        holder.is_held(self.host.boot_time())
    }

    /// This node learnt that it is down.
    pub(crate) fn fence(&self) {
        lock(&self.holder).fence();
        self.pass.fence(false);
    }

    /// This node's entities say nothing any more, whatever it is granted: others are to have them.
    pub(crate) fn retire(&self) {
        self.pass.close();
    }

    /// Another log begins, of which this node has applied nothing.
    pub(crate) fn begin_anew(&self) {
        lock(&self.holder).begin_anew();
        self.pass.fence(true);
    }

    /// Brings the granter up to date, and says whether this node leads.
    pub(super) fn observe(&self) -> bool {
        let now = Clocks::of(&self.host);
        let (raft, acks) = self.seat.with_acks();
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let mut granter = lock(&self.granter);
        let view = self.published.view();
        // What was agreed on goes before what this node was started with.
        if let Some(cluster) = view.cluster.as_ref().filter(|cluster| cluster.lease != 0) {
            granter.leases_are(LeaseConfig { length: Duration::from_millis(cluster.lease.into()) });
        }
        if metrics.state != ServerState::Leader {
            granter.deposed();
            return false;
        }
        let term = metrics.current_term;
        let down = view.members.iter().filter(|(_, member)| member.status == MemberStatus::Down);
        granter.elected(now, term, down.map(|(id, member)| NodeKey { id: id.clone(), incarnation: member.incarnation }));
        if granter.is_news(view.index) {
            for (id, member) in view.members.iter().filter(|(_, member)| member.status == MemberStatus::Up) {
                granter.up(now, &NodeKey { id: id.clone(), incarnation: member.incarnation }, member.since);
            }
        }
        if metrics.last_applied.is_some_and(|applied| applied.committed_leader_id().term == term) {
            granter.first_entry_applied(term);
        }
        // While a change of the voters is under way, those before it count as well.
        let known = [&metrics.membership_config, &metrics.committed_membership_config];
        let voters = known.into_iter().flat_map(|stored| stored.membership().get_joint_config());
        if let Some(ago) = acks.quorum(metrics.id, term, voters) {
            granter.quorum_acked(now, ago);
        }
        true
    }

    /// From here on the node is granted nothing, until it joins again.
    pub(super) fn proposes_down(&self, node: &NodeKey) {
        lock(&self.granter).down(Clocks::of(&self.host), node);
    }

    /// The node is granted nothing for now.
    pub(super) fn refuses(&self, node: &NodeKey) {
        lock(&self.granter).refuse(Clocks::of(&self.host), node);
    }

    /// It may be again, if nothing was proposed of it.
    pub(super) fn grants_again(&self, node: &NodeKey) {
        lock(&self.granter).grant_again(node);
    }

    /// Whether the node was proposed as down, and is up still by what is applied.
    pub(super) fn is_down(&self, node: &NodeKey) -> bool {
        lock(&self.granter).is_down(node)
    }

    /// Whether the node's lease has ended everywhere, and how long it has been silent.
    pub(super) fn lapsed(&self, node: &NodeKey) -> Lapsed {
        let now = Clocks::of(&self.host);
        let granter = lock(&self.granter);
        if granter.lapsed_long(node, now) {
            Lapsed::Long
        } else if granter.lapsed(node, now) {
            Lapsed::Once
        } else {
            Lapsed::No
        }
    }

    /// Whether the leader has heard of the node itself within so long.
    pub(super) fn heard_within(&self, node: &NodeKey, limit: Duration) -> bool {
        lock(&self.granter).heard_within(node, Clocks::of(&self.host), limit)
    }

    /// How long the leader has not heard of the node.
    pub(super) fn silent_for(&self, node: &NodeKey) -> Duration {
        lock(&self.granter).silent_for(node, Clocks::of(&self.host))
    }

    pub(super) fn forget(&self, gone: impl Fn(&NodeKey) -> bool) {
        lock(&self.granter).forget(gone);
    }
}

/// Whether a node has been silent for longer than any lease of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lapsed {
    No,
    /// For one lease.
    Once,
    /// For four.
    Long,
}

impl Renewals for Leases {
    fn gives_way(&self, node: &NodeKey) -> bool {
        if !self.observe() {
            return false;
        }
        let now = Clocks::of(&self.host);
        let mut granter = lock(&self.granter);
        let lapsed = granter.lapsed(node, now);
        if lapsed {
            granter.down(now, node);
        }
        lapsed
    }

    fn renew(&self, node: &NodeKey, _: &[u8]) -> Result<Vec<u8>, String> {
        self.observe();
        let view = self.published.view();
        let renewal = if view.is_up(node) {
            let now = Clocks::of(&self.host);
            let mut granter = lock(&self.granter);
            granter.renewal(now, node);
            let applied = *self.published.applied().borrow();
            match granter.grant(now, node, applied) {
                Ok(grant) => Renewal::Granted(grant),
                Err(why) => Renewal::Refused(why),
            }
        } else {
            match view.current(node) {
                Some(_) => Renewal::Refused(NoGrant::Down),
                None => Renewal::NotMember,
            }
        };
        encode(&renewal)
    }
}
