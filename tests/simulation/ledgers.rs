//! The entities of a run.

#[path = "../ledgers/entities.rs"]
mod entities;

use casty::{Cluster, ClusterError, ReplicationConfig};
pub(crate) use casty_tests::ledgers::{Act, Done, Op, Operation, Outcome};

pub(crate) use self::entities::{Ledger, accept_loss, order};
use self::entities::{Majority, OneBackup, Only};
use crate::mortals;

/// An entity, by its type and id.
pub(crate) type Name = (&'static str, &'static str);

pub(crate) const LEDGERS: [Name; 7] =
    [("one", "a"), ("one", "b"), ("majority", "a"), ("majority", "b"), ("all", "a"), ("all", "b"), ("only", "")];

/// The types whose settings are changed in a run, one at a time.
pub(crate) const CHANGED: [&str; 3] = ["one", "majority", "only"];

/// Has one backup, or both, asked of the changes of a type. Its programs say one, so that they start in either case; and one
/// copy of three may always be lost.
pub(crate) async fn change_settings(cluster: &Cluster, kind: &str, both: bool) -> Result<(), ClusterError> {
    let config = ReplicationConfig { factor: 3, sync_count: if both { 2 } else { 1 }, ..ReplicationConfig::default() };
    match kind {
        "one" => cluster.change_replication::<OneBackup>(config).await,
        "majority" => cluster.change_replication::<Majority>(config).await,
        "mortal" | "strict" => mortals::change_settings(cluster, kind, config).await,
        _ => cluster.change_replication::<Only>(config).await,
    }
}
