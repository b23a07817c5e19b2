//! How a node comes into its cluster: it asks its seeds, and once a majority of them has said that there is none, makes one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{
    ClusterError, Incarnation, StartError,
    control::{Answer, CallError, Command, JoinRefused, Lane, Plane, Probed, RaftNode, call},
    lease::LeaseConfig,
    settings::check_address,
    transport::Callee,
    wire::{self, handshake::Versions},
};

/// How long a seed has to answer.
const PROBE: Duration = Duration::from_millis(1000);
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the cluster has to let this node in, each time it is asked.
const JOIN: Duration = Duration::from_secs(3);
/// So many rounds whoever has the lowest address has to make the cluster; then any other does.
const PATIENCE: u32 = 10;
/// So often it is said what is waited for.
const TELL: Duration = Duration::from_secs(5);

/// Why a node is not in.
pub(super) enum NotIn {
    /// For good.
    Start(StartError),
    /// A start of this node that is not older is known: this one has to take a greater incarnation.
    Older(Incarnation),
}

/// Why a member that was taken for dead is not back.
pub(super) enum NotBack {
    /// It never will be.
    GivenUp,
    Yet(ClusterError),
}

impl From<StartError> for NotIn {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

/// Makes this node a member, and returns once it knows that it is one.
pub(super) async fn enter(plane: &Plane, seeds: &[String], lease: LeaseConfig) -> Result<(), NotIn> {
    // Another process of this node's id may be about to end.
    let in_use = lease.length * 6;
    let through = if seeds.is_empty() || is_initialised(plane).await {
        if seeds.is_empty() && !is_initialised(plane).await {
            initialise(plane, BTreeMap::new()).await?;
        }
        None
    } else {
        find(plane, seeds, in_use).await?
    };
    join(plane, through, seeds, lease, in_use).await
}

/// Says now and then what is waited for.
struct Telling(Instant);

impl Telling {
    fn new(plane: &Plane) -> Self {
        Self(plane.host().now())
    }

    fn is_due(&mut self, plane: &Plane) -> bool {
        let now = plane.host().now();
        let due = now.saturating_duration_since(self.0) >= TELL;
        if due {
            self.0 = now;
        }
        due
    }
}

fn in_use_by(plane: &Plane, address: &str) -> NotIn {
    StartError::NodeIdInUse { node: plane.myself().key().id.clone(), address: address.into() }.into()
}

fn other_lease(agreed: u32, own: u32) -> StartError {
    let preset = |millis| match millis {
        _ if millis == LeaseConfig::FAST.millis() => " (`RaftConfig::fast()`)",
        _ if millis == LeaseConfig::DEFAULT.millis() => " (`RaftConfig::default()`)",
        _ if millis == LeaseConfig::RELAXED.millis() => " (`RaftConfig::relaxed()`)",
        _ => "",
    };
    let reason = format!(
        "its leases are {agreed} ms long{}, and this node's {own} ms{}: give all nodes the same `.raft(..)`; to change it, stop all of them first",
        preset(agreed),
        preset(own)
    );
    StartError::Refused { by: "the cluster".into(), reason }
}

async fn is_initialised(plane: &Plane) -> bool {
    plane.raft().is_initialized().await.unwrap_or(false)
}

/// Makes a cluster of this node and the `others` that were heard.
async fn initialise(plane: &Plane, mut others: BTreeMap<u64, RaftNode>) -> Result<(), StartError> {
    let myself = plane.myself();
    others.insert(myself.raft_id(), RaftNode::new(myself.key().id.clone(), myself.address().clone()));
    let chance = plane.host().random();
    others.values_mut().for_each(|node| node.begun = Some(chance));
    tracing::info!(nodes = others.values().filter(|node| !node.is_made_up()).count(), "making a new cluster");
    if let Err(error) = plane.raft().initialize(others).await {
        // Another of them was quicker.
        tracing::debug!(%error, "raft has been initialised already");
    }
    Ok(())
}

/// Finds somebody who belongs to a cluster, or makes one with those who were heard, or is made part of one.
async fn find(plane: &Plane, seeds: &[String], in_use: Duration) -> Result<Option<Callee>, NotIn> {
    let own = seeds.iter().map(|seed| Arc::from(seed.as_str()));
    let mut all: BTreeSet<Arc<str>> = own.collect();
    let mut complete = 0;
    let begun = plane.host().now();
    let mut telling = Telling::new(plane);
    loop {
        if is_initialised(plane).await {
            return Ok(None);
        }
        let answers = join_all(all.iter().map(|seed| probe(plane, seed))).await;
        // Whoever refuses this node need not be of the cluster that another one belongs to.
        if let Some(member) = member_among(&all, &answers) {
            return Ok(Some(member));
        }
        let mut round = Round::default();
        for (seed, answer) in all.iter().zip(answers) {
            match answer {
                Seed::Itself => round.counts_itself = true,
                Seed::Heard(probed) => _ = round.heard.insert(probed.raft_id, probed),
                Seed::Refuses(reason) if seeds.iter().any(|own| **own == **seed) => {
                    return Err(StartError::Refused { by: seed.to_string(), reason }.into());
                }
                // It may be about to end.
                Seed::SameId(_) if plane.host().now().saturating_duration_since(begun) > in_use => {
                    return Err(in_use_by(plane, seed));
                }
                // It need not reach itself under the address that others dial.
                Seed::Silent(_) if seed == plane.myself().address() => round.counts_itself = true,
                Seed::SameId(reason) | Seed::Refuses(reason) | Seed::Silent(reason) => {
                    round.silent.push((seed.clone(), reason));
                }
            }
        }
        let known = all.len();
        all.extend(
            round.heard.values().flat_map(|other| other.seeds.iter().cloned()).filter(|seed| check_address("", seed).is_ok()),
        );
        // Others have seeds that this node has not asked yet.
        if known == all.len()
            && plane.myself().cluster_id().is_none()
            && let Some(voters) = round.voters(|| plane.host().random())
        {
            complete += 1;
            let lowest = round.heard.values().all(|other| *plane.myself().address() < other.address);
            if lowest || complete > PATIENCE {
                initialise(plane, voters).await?;
                return Ok(None);
            }
        }
        if telling.is_due(plane) {
            let reasons: Vec<_> = round.silent.iter().map(|(seed, reason)| format!("{seed}: {reason}")).collect();
            tracing::warn!(seeds = reasons.join("; "), "waiting for a cluster, or for a majority of the seeds to make one");
        }
        plane.host().sleep(PAUSE).await;
    }
}

/// Who of them belongs to a cluster, if anybody does.
fn member_among(all: &BTreeSet<Arc<str>>, answers: &[Seed]) -> Option<Callee> {
    all.iter().zip(answers).find_map(|(seed, answer)| match answer {
        Seed::Heard(probed) if probed.cluster_id.is_some() => {
            Some(Callee { address: seed.clone(), raft_id: Some(probed.raft_id) })
        }
        _ => None,
    })
}

/// What the seeds said when they were asked once, all of them.
#[derive(Default)]
struct Round {
    /// Whether this node is a seed itself, to itself or to another.
    counts_itself: bool,
    heard: BTreeMap<u64, Probed>,
    /// Those that may belong to a cluster, and why nobody knows.
    silent: Vec<(Arc<str>, String)>,
}

impl Round {
    /// The first voters of a cluster besides this node, if it may make one.
    ///
    /// Silence is no emptiness: a majority of the seeds has to have said that there is no cluster. But any two majorities only
    /// have *a* node in common, which may vote for both if few are enough to be a majority of each. So there are as many
    /// voters as seeds, made-up ones in the place of silent ones. Then whoever commits anything has the votes of a majority
    /// of all seeds, and so has any other: one of those has voted for both. It has voted once a term, and for nobody whose
    /// log was behind its own, which had what was committed. The made-up voters go with the first change of the voters,
    /// which such a majority commits as well.
    ///
    /// That holds among nodes that have the same seeds in mind: those of any of them that was heard (each asks until it has
    /// heard of no more). A node that is nobody's seed has no vote, or two such ones would count as part of one set each.
    /// What is one seed under two names is two while it is silent, which asks for more votes, never for fewer.
    fn voters(&self, mut made_up: impl FnMut() -> u64) -> Option<BTreeMap<u64, RaftNode>> {
        let present = self.heard.len() + 1;
        if !self.counts_itself || present <= self.silent.len() {
            return None;
        }
        let heard = self.heard.values().map(|it| (it.raft_id, RaftNode::new(it.node.clone(), it.address.clone())));
        let silent = self.silent.iter().map(|(seed, _)| (made_up(), RaftNode::made_up(seed.clone())));
        Some(silent.chain(heard).collect())
    }
}

enum Seed {
    Itself,
    Heard(Probed),
    Silent(String),
    /// It is another node of this one's id.
    SameId(String),
    /// It will never take this node.
    Refuses(String),
}

async fn probe(plane: &Plane, seed: &str) -> Seed {
    let to = Callee { address: seed.into(), raft_id: None };
    match plane.caller().call(to, Lane::Control, call::PROBE, Vec::new(), PROBE).await {
        Ok(answer) => match wire::decode::<Probed>(&answer) {
            Ok(probed) if probed.raft_id == plane.myself().raft_id() => Seed::Itself,
            Ok(probed) => Seed::Heard(probed),
            Err(error) => Seed::Silent(error.to_string()),
        },
        Err(CallError::Itself) => Seed::Itself,
        Err(error @ CallError::SameId { .. }) => Seed::SameId(error.to_string()),
        Err(CallError::Refused(reason)) => Seed::Refuses(reason),
        Err(error) => Seed::Silent(error.to_string()),
    }
}

/// What this node asks of the leader to be let in.
fn request(plane: &Plane, lease: LeaseConfig, returns: bool) -> Command {
    let myself = plane.myself();
    Command::Join {
        node: myself.key().clone(),
        raft_id: myself.raft_id(),
        address: myself.address().clone(),
        protocol: (Versions::SPOKEN.min, Versions::SPOKEN.max),
        takes_over: false,
        lease: lease.millis(),
        returns,
    }
}

/// Asks the leader to be let in until it is.
async fn join(
    plane: &Plane,
    mut through: Option<Callee>,
    seeds: &[String],
    lease: LeaseConfig,
    in_use: Duration,
) -> Result<(), NotIn> {
    let myself = plane.myself();
    let host = plane.host();
    // Since when the leaders say so; each new one has to wait a while before it can know better.
    let mut in_use_since = None;
    let mut telling = Telling::new(plane);
    let mut others = seeds.iter().cycle();
    loop {
        // Each time, as its part in raft may have begun anew meanwhile.
        let join = request(plane, lease, false);
        let answer = plane.at_leader_through::<Answer>(through.clone(), call::JOIN, &join, JOIN).await;
        match answer {
            Ok(Answer::Joined { cluster_id, generation }) => {
                myself.belongs_to(cluster_id, generation);
                // It may have been taken for dead again before it heard of any of this.
                if let Ok(arrived) = host.timeout(JOIN, arrive(plane)).await {
                    return arrived;
                }
            }
            Ok(Answer::Refused(JoinRefused::NewerIncarnation(known))) => return Err(NotIn::Older(known)),
            Ok(Answer::Refused(JoinRefused::GivenUp)) => return Err(NotIn::Older(myself.key().incarnation)),
            Ok(Answer::Refused(JoinRefused::IdInUse { address, .. })) => {
                let since = *in_use_since.get_or_insert_with(|| host.now());
                if host.now().saturating_duration_since(since) > in_use {
                    return Err(in_use_by(plane, &address));
                }
            }
            // Who leads goes by this node's id.
            Err(ClusterError::NodeIdInUse { address }) => {
                let since = *in_use_since.get_or_insert_with(|| host.now());
                if host.now().saturating_duration_since(since) > in_use {
                    return Err(in_use_by(plane, &address));
                }
            }
            Ok(Answer::Refused(JoinRefused::OtherLease(agreed))) => return Err(other_lease(agreed, lease.millis()).into()),
            Ok(Answer::Refused(JoinRefused::NoCluster)) => {}
            Ok(other) => tracing::warn!(answer = %other, "an answer to a join that makes no sense"),
            Err(error) => {
                in_use_since = None;
                if telling.is_due(plane) {
                    tracing::warn!(%error, "waiting to be let into the cluster");
                }
                // Whoever was asked may have gone for good.
                through = others.next().map(|seed| Callee { address: seed.as_str().into(), raft_id: None });
            }
        }
        host.sleep(PAUSE).await;
    }
}

/// Waits until this node has heard that it is a member.
async fn arrive(plane: &Plane) -> Result<(), NotIn> {
    let mut applied = plane.published().applied();
    loop {
        applied.borrow_and_update();
        if plane.view().is_up(plane.myself().key()) {
            return Ok(());
        }
        if applied.changed().await.is_err() {
            return Err(StartError::Setting("the node has ended".into()).into());
        }
    }
}

/// A member that was taken for dead comes back under the same incarnation.
pub(super) async fn rejoin(plane: &Plane, seed: Option<&String>, lease: LeaseConfig) -> Result<(), NotBack> {
    let join = request(plane, lease, true);
    let through = seed.map(|seed| Callee { address: seed.as_str().into(), raft_id: None });
    let answer = plane.at_leader_through::<Answer>(through, call::JOIN, &join, JOIN).await.map_err(NotBack::Yet)?;
    let none = |reason: String| Err(NotBack::Yet(ClusterError::NotMember { reason }));
    match answer {
        Answer::Joined { .. } => Ok(()),
        Answer::Refused(JoinRefused::GivenUp) => Err(NotBack::GivenUp),
        Answer::Refused(why) => none(why.to_string()),
        other => none(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(counts_itself: bool, heard: u64, silent: usize) -> Round {
        let probed = |raft_id: u64| Probed {
            node: format!("n{raft_id}").as_str().into(),
            raft_id,
            address: format!("n{raft_id}:1").into(),
            cluster_id: None,
            seeds: Vec::new(),
        };
        Round {
            counts_itself,
            heard: (1..=heard).map(|raft_id| (raft_id, probed(raft_id))).collect(),
            silent: (0..silent).map(|at| (format!("s{at}:1").into(), String::new())).collect(),
        }
    }

    /// How many of the voters besides this node are real, and how many made up.
    fn voters(round: &Round) -> Option<(usize, usize)> {
        let mut next = 100;
        let voters = round.voters(|| {
            next += 1;
            next
        })?;
        let made_up = voters.values().filter(|node| node.is_made_up()).count();
        Some((voters.len() - made_up, made_up))
    }

    #[test]
    fn the_first_voters_are_as_many_as_the_seeds() {
        assert_eq!(voters(&round(true, 0, 0)), Some((0, 0)));
        assert_eq!(voters(&round(true, 2, 2)), Some((2, 2)));
        assert_eq!(voters(&round(true, 2, 1)), Some((2, 1)));
        assert_eq!(voters(&round(true, 4, 0)), Some((4, 0)));
    }

    #[test]
    fn half_of_the_seeds_make_nothing_and_neither_does_who_is_none() {
        assert_eq!(voters(&round(true, 0, 1)), None);
        assert_eq!(voters(&round(true, 1, 2)), None);
        assert_eq!(voters(&round(false, 3, 0)), None);
    }
}
