//! Actors that wait for each other across nodes, or pass on what they were asked.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::AskError;

/// Asks on, and at the end of the list answers.
#[message(reply = Result<u64, String>)]
struct Round {
    rest: Vec<ActorRef<Ring>>,
    by_name: bool,
}

#[actor]
struct Ring;

#[actor]
impl Ring {
    #[handler]
    async fn round(&mut self, Round { mut rest, by_name }: Round) -> Result<u64, String> {
        if rest.is_empty() {
            return Ok(1);
        }
        let next = rest.remove(0);
        let round = Round { rest, by_name };
        let asked = if by_name { next.recipient::<Round>().ask(round).await } else { next.ask(round).await };
        match asked {
            Ok(answer) => answer.map(|count| count + 1),
            Err(AskError::Cycle { .. }) => Err("cycle".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[casty::test]
async fn a_circle_over_nodes_is_seen() {
    let net = Arc::<Net>::default();
    let (one, two, three) = (net.node("one"), net.node("two"), net.node("three"));
    let a = one.spawn(|| Ring).await.unwrap();
    let (b, c) = (two.spawn(|| Ring).await.unwrap(), two.spawn(|| Ring).await.unwrap());
    let d = three.spawn(|| Ring).await.unwrap();
    // The same numbers on different nodes are different actors.
    assert!(a.id() == b.id() || a.id() == d.id());
    for by_name in [false, true] {
        let round = |path: &[&ActorRef<Ring>]| {
            let rest = path[1..].iter().map(|actor| carried(actor, &one)).collect();
            let first = carried(path[0], &one);
            async move { first.ask(Round { rest, by_name }).await.unwrap() }
        };
        assert_eq!(round(&[&a, &b, &c, &d]).await, Ok(4));
        let cycle = Err("cycle".to_owned());
        assert_eq!(round(&[&a, &b, &a]).await, cycle);
        assert_eq!(round(&[&a, &b, &d, &a]).await, cycle);
        assert_eq!(round(&[&a, &b, &c, &a]).await, cycle, "by way of an actor that is asked within its node");
        assert_eq!(round(&[&b, &c, &d, &b]).await, cycle, "to an actor that waits within its node");
        assert_eq!(round(&[&b, &d, &c, &b]).await, cycle, "closed within a node");
        assert_eq!(round(&[&a, &b, &c, &d]).await, Ok(4), "and nothing is left of them");
    }
}

/// Passes on, and answers late.
#[actor]
struct Front {
    to: ActorRef<Sum>,
    open: Vec<Reply<Ask>>,
}

#[message(reply = u64)]
struct Ask;

#[message(reply = u64)]
struct Answer(ActorRef<Client>);

#[actor]
impl Front {
    #[handler]
    fn add(&mut self, add: Add, ctx: &Context<Self>) -> Later<Add> {
        ctx.forward(&self.to, add)
    }

    #[handler]
    fn ask(&mut self, _: Ask) -> Later<Ask> {
        let (reply, later) = Later::new();
        self.open.push(reply);
        later
    }

    #[handler]
    async fn answer(&mut self, Answer(client): Answer) -> casty::Result<u64> {
        let busy = client.ask(Add(1)).timeout(Duration::from_millis(20)).await;
        assert!(matches!(busy, Err(AskError::Timeout { .. })), "it waits for a late answer, so there is no circle: {busy:?}");
        self.open.drain(..).for_each(|reply| reply.send(7));
        Ok(1)
    }
}

#[message(reply = u64)]
struct Go(ActorRef<Front>);

#[actor]
struct Client;

#[actor]
impl Client {
    #[handler]
    async fn go(&mut self, Go(front): Go) -> casty::Result<u64> {
        Ok(front.ask(Ask).await?)
    }

    #[handler]
    fn add(&mut self, Add(n): Add) -> u64 {
        n
    }
}

#[casty::test]
async fn who_waits_for_a_late_answer_closes_no_circle() {
    let Pair { sum, here, there, .. } = Pair::new().await;
    let front = there.spawn(move || Front { to: sum.clone(), open: Vec::new() }).await.unwrap();
    let client = here.spawn(|| Client).await.unwrap();
    let asker = client.clone();
    let going = Go(carried(&front, &here));
    let going = tokio::spawn(async move { asker.ask(going).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(front.ask(Answer(carried(&client, &there))).await.unwrap(), 1);
    assert_eq!(going.await.unwrap().unwrap(), 7);
}

#[casty::test]
async fn a_message_is_forwarded_with_its_asker() {
    let Pair { sum, here, there, .. } = Pair::new().await;
    let to = sum.clone();
    let front = here.spawn(move || Front { to: to.clone(), open: Vec::new() }).await.unwrap();
    assert_eq!(front.ask(Add(2)).await.unwrap(), 2);
    assert_eq!(carried(&front, &there).ask(Add(3)).await.unwrap(), 5);
    sum.stop().await.unwrap();
    sum.stopped().await;
    let asked = front.ask(Add(1)).await;
    assert!(matches!(asked, Err(AskError::NotAnswered { .. })), "who forwarded it has had it: {asked:?}");
}
