//! openraft's own tests of stores and state machines.

use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};

use super::super::{DataDir, LogStore, Machine, SimDisk, raft::TypeConfig};
use crate::{cluster::NodeId, host::Host};

struct InMemory;

impl StoreBuilder<TypeConfig, LogStore, Machine> for InMemory {
    async fn build(&self) -> Result<((), LogStore, Machine), StorageError<TypeConfig>> {
        let (store, snapshots) = LogStore::in_memory();
        Ok(((), store, Machine::new(Host::current(), snapshots).0))
    }
}

struct OnSimDisk;

impl StoreBuilder<TypeConfig, LogStore, Machine> for OnSimDisk {
    async fn build(&self) -> Result<((), LogStore, Machine), StorageError<TypeConfig>> {
        let host = Host::current();
        let (_, store, snapshots) = SimDisk::default().open(&host, &NodeId::from("a"));
        Ok(((), store, Machine::new(host, snapshots).0))
    }
}

#[tokio::test]
async fn the_store_in_memory_passes() {
    Suite::test_all(InMemory).await.expect("a store as openraft wants it");
}

#[tokio::test]
async fn the_store_on_a_simulated_disk_passes() {
    Suite::test_all(OnSimDisk).await.expect("a store as openraft wants it");
}

struct OnDisk;

impl StoreBuilder<TypeConfig, LogStore, Machine, tempfile::TempDir> for OnDisk {
    async fn build(&self) -> Result<(tempfile::TempDir, LogStore, Machine), StorageError<TypeConfig>> {
        let host = Host::current();
        let dir = tempfile::tempdir().expect("a directory");
        let opened = DataDir::open(&host, dir.path(), None).await.expect("a new directory is opened");
        Ok((dir, opened.store, Machine::new(host, opened.snapshots).0))
    }
}

#[tokio::test]
async fn the_store_on_disk_passes() {
    Suite::test_all(OnDisk).await.expect("a store as openraft wants it");
}
