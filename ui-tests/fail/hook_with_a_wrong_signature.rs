use casty::prelude::*;

#[actor]
struct Worker;

#[actor]
impl Worker {
    fn on_start(&self) {}

    fn on_stop(&mut self, ctx: Context<Self>) {}

    fn pre_restart(&mut self, ctx: &mut Context<Self>, failure: &Failure) {}

    async fn post_restart() {}

    fn on_child_failure(&mut self, child: &AnyRef) {}
}

fn main() {}
