//! Messages to actors of other nodes.

use casty::AskError;

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn send_and_ask_reach_an_actor_of_another_node_in_order() {
    let systems = cluster(2).await;
    systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    let far = systems[1].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    for number in 1..=100 {
        far.send(Add(number)).await.unwrap();
    }
    assert_eq!(far.ask(Add(0)).await.unwrap(), 5050);
    far.send(Add(1)).confirmed().await.unwrap();
    assert_eq!(far.ask(Add(0)).await.unwrap(), 5051);
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_travels_and_works_on_a_third_node() {
    let systems = cluster(3).await;
    let first = systems[0].spawn(Puppet::on(&systems[0])).await.unwrap();
    systems[1].spawn(Puppet::on(&systems[1])).name("second").await.unwrap();
    let second = systems[2].lookup::<Puppet>("second").await.unwrap().unwrap();
    let far = systems[0].lookup::<Puppet>("second").await.unwrap().unwrap();

    // From one to two, which asks one.
    assert_eq!(far.ask(AskFor(first.clone(), 3)).await.unwrap(), 3);
    // From three to two: a reference to one that was in no message before.
    systems[0].spawn(Puppet::on(&systems[0])).name("third").await.unwrap();
    let third = systems[2].lookup::<Puppet>("third").await.unwrap().unwrap();
    assert_eq!(second.ask(AskFor(third.clone(), 4)).await.unwrap(), 4);
    assert_eq!(third.ask(Add(0)).await.unwrap(), 4);
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_another_node_reaches_the_asker_and_the_actor_is_restarted_there() {
    let systems = cluster(2).await;
    systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    let far = systems[1].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    assert_eq!(far.ask(Add(7)).await.unwrap(), 7);
    let failed = far.ask(Fail("no luck".into())).await;
    let Err(AskError::Failed { failure, .. }) = &failed else { panic!("{failed:?}") };
    assert!(failure.to_string().contains("no luck"), "{failure}");
    assert_eq!(far.ask(Add(1)).await.unwrap(), 1, "it was made anew, and the reference is as good as before");
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_is_stopped_from_another_node() {
    let systems = cluster(2).await;
    let puppet = systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    let far = systems[1].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    far.stop().await.unwrap();
    far.stopped().await;
    assert!(!puppet.is_alive());
    assert!(matches!(far.ask(Add(1)).await, Err(AskError::Stopped { .. })));
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_and_nothing_else_is_harmed() {
    let systems = cluster(2).await;
    systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    let far = systems[1].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    let large = far.ask(Fail("x".repeat(17 << 20))).await;
    assert!(matches!(large, Err(AskError::TooLarge { .. })), "it is over 16 MiB");
    assert_eq!(far.ask(Add(1)).await.unwrap(), 1);
    end(systems).await;
}
