use casty::prelude::*;

#[actor]
struct Plain;

#[actor]
impl Plain {
    fn on_start(&mut self) {}

    fn on_stop(&mut self, ctx: &Context<Self>) {
        assert!(ctx.children().is_empty());
    }

    fn pre_restart(&mut self, failure: &Failure) -> casty::Result<()> {
        println!("{failure}");
        Ok(())
    }

    fn post_restart(&mut self, _ctx: &mut Context<Self>) {}

    fn on_child_failure(&mut self, _failure: &Failure) -> Option<Directive> {
        None
    }
}

#[actor]
struct Later;

#[actor]
impl Later {
    async fn on_start(&mut self, ctx: &mut Context<Self>) -> casty::Result<()> {
        ctx.spawn(|| Plain).name("plain").await?;
        Ok(())
    }

    async fn on_stop(&mut self) -> casty::Result<()> {
        Ok(())
    }

    async fn pre_restart(&mut self, _: &Failure, _: &mut Context<Self>) {}

    async fn post_restart(&mut self) {}

    async fn on_child_failure(&mut self, child: &AnyRef, failure: &casty::Failure, ctx: &mut Context<Self>) -> Option<Directive> {
        println!("{child:?} {failure} {:?}", ctx.me());
        Some(Directive::Stop)
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let later = system.spawn(|| Later).await?;
    later.stop().await?;
    later.stopped().await;
    Ok(())
}
