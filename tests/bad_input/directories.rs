//! Data directories that cannot be used.

use std::{fs, path::Path};

use casty::{DistributedBuilder, StartError};

use crate::common::*;

fn durable(id: &str, dir: &Path) -> DistributedBuilder {
    node(id).data_dir(dir)
}

async fn is_refused(node: DistributedBuilder, dir: &Path, parts: &[&str]) {
    let error = refused(node).await;
    assert!(matches!(&error, StartError::Data { path, .. } if path == dir), "{error:?}");
    says(&error, &[&dir.display().to_string()]);
    says(&error, parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_another_node_uses() {
    let dir = tempfile::tempdir().unwrap();
    let first = soon(durable("a", dir.path()).start()).await.unwrap();
    is_refused(durable("a", dir.path()), dir.path(), &["in use by another process", "another directory"]).await;
    assert_eq!(cluster(&first).members().len(), 1);
    soon(first.shutdown()).await;
    // It is free again at once.
    soon(soon(durable("a", dir.path()).start()).await.unwrap().shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    soon(soon(durable("a", dir.path()).start()).await.unwrap().shutdown()).await;
    let file = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&file).unwrap();
    fs::write(&file, b"this is no database, and never was").unwrap();
    is_refused(durable("a", dir.path()), dir.path(), &["is damaged", "move it away"]).await;
    fs::write(&file, &good[..good.len() / 3]).unwrap();
    is_refused(durable("a", dir.path()), dir.path(), &["is damaged", "move it away"]).await;
    fs::write(&file, &good).unwrap();
    soon(soon(durable("a", dir.path()).start()).await.unwrap().shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_another_node() {
    let dir = tempfile::tempdir().unwrap();
    soon(soon(durable("a", dir.path()).start()).await.unwrap().shutdown()).await;
    is_refused(durable("b", dir.path()), dir.path(), &["belongs to the node a, not to b", ".node_id(..)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_a_file_or_may_not_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    is_refused(durable("a", &file), &file, &["may this process write there?"]).await;
    // Nobody writes there, whoever asks.
    let nowhere = Path::new("/proc/no-such-directory");
    is_refused(durable("a", nowhere), nowhere, &["may this process write there?"]).await;
    let locked = dir.path().join("locked");
    fs::create_dir(&locked).unwrap();
    let mut permissions = fs::metadata(&locked).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&locked, permissions).unwrap();
    // A privileged process may write all the same.
    if fs::write(locked.join("probe"), b"").is_err() {
        is_refused(durable("a", &locked), &locked, &["may this process write there?"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_node_of_another_cluster() {
    let dir = tempfile::tempdir().unwrap();
    soon(soon(durable("c", dir.path()).start()).await.unwrap().shutdown()).await;
    let pair = Pair::start(|node| node).await;
    // It goes on as what it was: a cluster of its own, and says so by its members.
    let c = soon(durable("c", dir.path()).seeds([pair.address()]).start()).await.unwrap();
    assert_eq!(cluster(&c).members().len(), 1);
    soon(c.shutdown()).await;
    assert!(pair.goes_on_and_tells().await);
}
