#![deny(warnings)]

use std::sync::Arc;

use casty::{Takes, prelude::*};

#[message(reply = u64)]
struct Add(u64);

#[message(reply = u64)]
struct AddTwice(u64);

#[actor]
#[sharded(name = "sums")]
#[derive(Default)]
struct Sum(u64);

#[actor]
impl Sum {
    #[handler]
    fn add(&mut self, Add(n): Add) -> u64 {
        self.0 += n;
        self.0
    }
}

#[actor]
#[singleton(name = "all")]
#[derive(Default)]
struct All(u64);

#[actor]
impl All {
    #[handler]
    fn add(&mut self, Add(n): Add) -> u64 {
        self.0 += n;
        self.0
    }
}

#[actor]
struct Plain {
    others: Vec<ActorRef<Plain>>,
    shared: Arc<ActorRef<Plain>>,
    anybody: Recipient<Add>,
}

#[actor]
impl Plain {
    #[handler]
    fn add(&mut self, Add(n): Add, ctx: &mut Context<Self>) -> Later<Add> {
        let sum = ctx.system().sharded::<Sum>().entity("s");
        let all = ctx.system().singleton::<All>();
        ctx.then(&sum, Add(n));
        ctx.then(&all, Add(n));
        ctx.then(&self.anybody, Add(n));
        ctx.then(&self.shared, Add(n));
        for other in &self.others {
            ctx.then(other, Add(n));
            ctx.then(&other, Add(n));
        }
        let me = ctx.me();
        ctx.then(&me, Add(n));
        match n {
            0 => ctx.forward(&sum, Add(n)),
            1 => ctx.forward(&all, Add(n)),
            2 => ctx.forward(&self.anybody, Add(n)),
            _ => ctx.forward(&me, Add(n)),
        }
    }

    #[handler]
    fn add_twice(&mut self, AddTwice(n): AddTwice, ctx: &mut Context<Self>) -> u64 {
        leave(ctx, &self.anybody, n);
        n
    }
}

fn leave<T: Takes<Add>>(ctx: &mut Context<Plain>, to: &T, n: u64) {
    ctx.then(to, Add(n));
    ctx.then(to, Add(n));
}

fn main() {}
