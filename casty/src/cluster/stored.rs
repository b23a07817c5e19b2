//! What a node finds of itself when it starts.

use super::{
    NodeId, StartError,
    control::{Closer, DataDir, Identity, LogStore, OpenError, Snapshots},
    settings::Settings,
};
use crate::host::Host;

pub(super) struct Stored {
    pub(super) identity: Identity,
    pub(super) store: LogStore,
    pub(super) snapshots: Snapshots,
    pub(super) closer: Option<Closer>,
}

pub(super) async fn open(control: &Host, settings: &Settings) -> Result<Stored, StartError> {
    let Some(path) = &settings.data_dir else {
        let node_id = settings.node_id.clone().unwrap_or_else(|| NodeId::from(format!("node-{:08x}", control.random() as u32)));
        let identity = Identity::new(control, node_id);
        let (store, snapshots) = LogStore::in_memory();
        return Ok(Stored { identity, store, snapshots, closer: None });
    };
    #[cfg(feature = "testkit")]
    if let Some(disk) = control.disk::<super::control::SimDisk>(path) {
        let node_id = settings.node_id.clone().unwrap_or_else(|| NodeId::from(format!("node-{:08x}", control.random() as u32)));
        let (identity, store, snapshots) = disk.open(control, &node_id);
        return Ok(Stored { identity, store, snapshots, closer: None });
    }
    let opened = DataDir::open(control, path, settings.node_id.clone()).await;
    let dir = opened.map_err(|error| StartError::Data { path: path.clone(), problem: way_out(&error) })?;
    if let Some(previous) = &dir.previous {
        tracing::info!(path = %path.display(), previous = ?previous.incarnation, "going on from a data directory");
    }
    let closer = Some(dir.closer());
    Ok(Stored { identity: dir.identity, store: dir.store, snapshots: dir.snapshots, closer })
}

fn way_out(error: &OpenError) -> String {
    let way = match error {
        OpenError::Locked { .. } => "stop that process, or give this node another directory",
        OpenError::Corrupt { .. } => "move it away, and the node starts as a new one that gets everything from the others",
        OpenError::NewerFormat { .. } => "run the version that wrote it, or a later one",
        OpenError::OtherNode { .. } => "leave `.node_id(..)` out, or give this node another directory",
        OpenError::Io { .. } => "is there room on the disk, and may this process write there?",
    };
    format!("{error}; {way}")
}
