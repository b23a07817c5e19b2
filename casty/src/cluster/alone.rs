//! Going on without the majority, on a node that runs.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::future::join_all;
use openraft::async_runtime::WatchReceiver as _;

use super::{
    NodeId, RecoverError,
    control::{Lane, Membership, call},
    lease::LeaseConfig,
    running::Running,
    transport::Callee,
};

/// How long the other voters have to answer.
const PROBE: Duration = Duration::from_millis(1000);
/// How long this node has to agree with itself.
const AGREE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

impl Running {
    /// Makes this node the only voter, in a new generation of its cluster. It goes on to the end once it has begun.
    pub(super) async fn recover_alone(self: &Arc<Self>) -> Result<(), RecoverError> {
        let this = self.clone();
        let recovered = self.host.spawn(async move { this.go_on_alone().await });
        recovered.await.unwrap_or(Err(RecoverError::ShuttingDown))
    }

    async fn go_on_alone(&self) -> Result<(), RecoverError> {
        let (number, _) = self.plane.seat().numbered();
        self.may_go_on_alone().await?;
        self.leases.fence();
        // Whoever has a lease of the former generation has it no longer than this, once this node agrees to nothing in it.
        match self.plane.seat().go_on_alone(number, self.agreed_lease().ended_everywhere()).await {
            Ok(true) => {}
            Ok(false) => return Err(RecoverError::Overtaken),
            Err(_) if *self.ending.borrow() => return Err(RecoverError::ShuttingDown),
            Err(error) => {
                self.fail(&error.to_string());
                return Err(RecoverError::Failed { reason: error.to_string() });
            }
        }
        self.leases.fence();
        let generation = self.plane.view().cluster.as_ref().map_or(0, |cluster| cluster.generation);
        tracing::warn!(generation, "this node goes on alone; the others have to join anew");
        let until = self.host.now() + AGREE;
        while !(self.plane.leads() && self.leases.is_held()) {
            if *self.ending.borrow() {
                return Err(RecoverError::ShuttingDown);
            }
            if self.host.now() >= until {
                return Err(RecoverError::Failed { reason: format!("it has no lease within {AGREE:?}") });
            }
            self.host.sleep(PAUSE).await;
        }
        // It may have been taken for dead by those whom nobody hears any more.
        self.register_again().await;
        Ok(())
    }

    async fn may_go_on_alone(&self) -> Result<(), RecoverError> {
        if *self.ending.borrow() {
            return Err(RecoverError::ShuttingDown);
        }
        if !self.entered.load(Relaxed) {
            return Err(RecoverError::NotJoined);
        }
        if self.leases.is_held() {
            return Err(self.led());
        }
        let (reads, answering) = tokio::join!(self.plane.at_leader::<u64>(call::READ_INDEX, &(), PROBE), self.answering());
        if reads.is_ok() {
            return Err(self.led());
        }
        let myself = self.plane.myself().raft_id();
        let voting = self.voting();
        let voters = voting.get_joint_config();
        let answers = |id: &u64| *id == myself || answering.iter().any(|(other, _)| other == id);
        if voters.iter().all(|set| set.iter().filter(|id| answers(id)).count() * 2 > set.len()) {
            let of = voters.iter().flatten().collect::<BTreeSet<_>>().len();
            let voters = answering.into_iter().map(|(_, node)| node).collect();
            return Err(RecoverError::MajorityAnswers { voters, of });
        }
        Ok(())
    }

    fn led(&self) -> RecoverError {
        RecoverError::Led { leader: self.plane.leader().map_or_else(|| NodeId::from("unknown"), |leader| leader.node.id) }
    }

    /// Who votes, by the last that this node knows of it.
    fn voting(&self) -> Membership {
        let metrics = self.plane.raft().metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.membership().clone()
    }

    /// The other voters that answer.
    async fn answering(&self) -> Vec<(u64, NodeId)> {
        let voting = self.voting();
        let voters: BTreeSet<u64> = voting.voter_ids().collect();
        let myself = self.plane.myself().raft_id();
        let others = voting.nodes().filter(|(id, node)| **id != myself && voters.contains(id) && !node.is_made_up());
        let probes = others.map(|(id, node)| (*id, node.clone())).map(async |(id, node)| {
            let view = self.plane.view();
            let address = view.by_raft_id(id).map_or(node.address, |(_, member)| member.address.clone());
            let to = Callee { address, raft_id: Some(id) };
            let answer = self.plane.caller().call(to, Lane::Control, call::PROBE, Vec::new(), PROBE).await;
            answer.ok().map(|_| (id, node.id))
        });
        join_all(probes).await.into_iter().flatten().collect()
    }

    fn agreed_lease(&self) -> LeaseConfig {
        let agreed = self.plane.view().cluster.as_ref().map_or(0, |cluster| cluster.lease);
        LeaseConfig { length: Duration::from_millis(agreed.into()).max(self.lease) }
    }
}
