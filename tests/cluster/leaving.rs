//! Going for good, and going to come back.

use std::{env, fs, path::PathBuf, process, time::Duration};

use casty::{ClusterEvent, MemberStatus, prelude::*};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_is_no_member_any_more() {
    let mut systems = cluster(3).await;
    let mut events = of(&systems[0]).events();
    let gone = systems.pop().unwrap();
    of(&gone).leave().await.unwrap();
    // Before anybody could have noticed a silence.
    until("it is in no list", async || systems.iter().all(|system| status(system, "n3").is_none())).await;
    loop {
        match events.next().await {
            Some(ClusterEvent::MemberLeft { id }) if id.as_str() == "n3" => break,
            Some(ClusterEvent::MemberDown { id, .. }) => panic!("{id} left, and was taken for dead"),
            Some(_) => {}
            None => panic!("the events ended"),
        }
    }
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_can_leave_and_another_leads() {
    let mut systems = cluster(3).await;
    until("somebody leads", async || systems.iter().any(|system| of(system).is_leader())).await;
    let leader = systems.iter().position(|system| of(system).is_leader()).unwrap();
    let gone = systems.remove(leader);
    let id = of(&gone).node_id().to_string();
    of(&gone).leave().await.unwrap();
    until("the rest have another leader", async || {
        systems.iter().all(|system| {
            let leader = of(system).leader();
            leader.is_some_and(|leader| leader.as_str() != id) && status(system, &id).is_none()
        })
    })
    .await;
    systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_data_directory_is_away_and_comes_back() {
    let dir = Dir::new("away");
    let mut systems = cluster(2).await;
    let seed = of(&systems[0]).address().to_owned();
    let kept = node("kept", &[&seed]).data_dir(&dir.0).start().await.unwrap();
    let before = of(&kept).incarnation();
    systems.push(kept);
    all_see(&systems, 3).await;

    systems.pop().unwrap().shutdown().await;
    until("it is away", async || systems.iter().all(|system| status(system, "kept") == Some(MemberStatus::Away))).await;

    // Its name is in the directory.
    let back = ActorSystem::distributed("127.0.0.1:0").seeds([seed]).data_dir(&dir.0).start().await.unwrap();
    assert_eq!(of(&back).node_id().as_str(), "kept");
    assert!(of(&back).incarnation() > before);
    until("it is up again", async || systems.iter().all(|system| status(system, "kept") == Some(MemberStatus::Up))).await;
    systems.push(back);
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_comes_back_from_its_disks_after_all_of_it_was_down() {
    let dirs: Vec<_> = (0..3).map(|i| Dir::new(&format!("all-{i}"))).collect();
    let addresses = free_addresses(3);
    let start = async |i: usize| {
        let node = ActorSystem::distributed(&addresses[i]).node_id(format!("n{i}")).seeds(addresses.clone());
        node.data_dir(&dirs[i].0).start().await.unwrap()
    };
    let (a, b, c) = tokio::join!(start(0), start(1), start(2));
    let systems = vec![a, b, c];
    all_see(&systems, 3).await;
    end(systems).await;

    let (a, b, c) = tokio::join!(start(0), start(1), start(2));
    let systems = vec![a, b, c];
    all_see(&systems, 3).await;
    systems[1].spawn(Puppet::on(&systems[1])).name("puppet").await.unwrap();
    until("the others find it", async || matches!(systems[2].lookup::<Puppet>("puppet").await, Ok(Some(_)))).await;
    end(systems).await;
}

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("casty-cluster-{}-{name}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_goes_on_alone_from_its_data_directory() {
    let dir = Dir::new("alone");
    let mut systems = cluster(2).await;
    let seed = of(&systems[0]).address().to_owned();
    let kept = node("kept", &[&seed]).data_dir(&dir.0).start().await.unwrap();
    systems.push(kept);
    all_see(&systems, 3).await;
    systems.pop().unwrap().shutdown().await;
    end(systems).await;

    // The majority has gone for good, and nobody agrees to anything.
    let waits = tokio::time::timeout(Duration::from_secs(2), node("kept", &[]).data_dir(&dir.0).start()).await;
    assert!(waits.is_err(), "{waits:?}");
    // That start lets go of the directory behind its caller's back.
    let deadline = tokio::time::Instant::now() + BOUND;
    let alone = loop {
        match node("kept", &[]).data_dir(&dir.0).recover_alone().start().await {
            Ok(alone) => break alone,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    alone.spawn(Puppet::on(&alone)).name("puppet").await.unwrap();
    let newcomer = node("new", &[of(&alone).address()]).start().await.unwrap();
    assert!(newcomer.lookup::<Puppet>("puppet").await.unwrap().is_some());
    end(vec![alone, newcomer]).await;
}

/// The flag was left in the unit file: at its next start the node would go on without those who agree without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_goes_on_alone_is_refused_where_there_is_nothing_to_recover() {
    let empty = Dir::new("alone-empty");
    let refused = node("n9", &[]).data_dir(&empty.0).recover_alone().start().await.unwrap_err();
    assert!(refused.to_string().contains("knows of no cluster"), "{refused}");

    let dir = Dir::new("alone-majority");
    let mut systems = cluster(2).await;
    let seed = of(&systems[0]).address().to_owned();
    let kept = node("kept", &[&seed]).data_dir(&dir.0).start().await.unwrap();
    systems.push(kept);
    all_see(&systems, 3).await;
    systems.pop().unwrap().shutdown().await;
    let refused = node("kept", &[&seed]).data_dir(&dir.0).recover_alone().start().await.unwrap_err();
    assert!(refused.to_string().contains("there is nothing to recover"), "{refused}");
    let kept = node("kept", &[&seed]).data_dir(&dir.0).start().await.unwrap();
    systems.push(kept);
    all_see(&systems, 3).await;
    end(systems).await;
}
