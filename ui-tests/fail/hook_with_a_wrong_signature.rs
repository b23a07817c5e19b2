use casty::prelude::*;

#[actor]
struct Worker;

#[actor]
impl Worker {
    fn on_start(&self) {}

    fn on_stop(&mut self, _ctx: Context<Self>) {}

    fn pre_restart(&mut self, _ctx: &mut Context<Self>, _failure: &Failure) {}

    async fn post_restart() {}

    fn on_child_failure(&mut self, _child: &AnyRef) {}
}

fn main() {}
