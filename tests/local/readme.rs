//! The example in the README's chapter on testing. Doctests leave out what is `#[cfg(test)]`, so it runs here.

#[test]
fn the_readme_has_this_example() {
    let (_, example) = include_str!("readme.rs").split_once("// The example:\n").expect("it follows");
    assert!(include_str!("../../README.md").contains(example), "README.md and tests/local/readme.rs differ");
}

// The example:
use casty::prelude::*;
use std::time::Duration;

#[message]
#[derive(Clone, Debug, PartialEq)]
struct Alarm;

#[actor]
struct EggTimer {
    tell: Recipient<Alarm>,
}

#[actor]
impl EggTimer {
    fn on_start(&mut self, ctx: &mut Context<Self>) {
        ctx.schedule_once(Duration::from_secs(300), Alarm);
    }

    #[handler]
    async fn ring(&mut self, alarm: Alarm) -> casty::Result<()> {
        Ok(self.tell.send(alarm).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use casty::testkit::TestProbe;

    #[casty::test(virtual_time)]
    async fn an_egg_takes_five_minutes(system: ActorSystem) -> casty::Result<()> {
        let mut probe = TestProbe::<Alarm>::new(&system).await;
        let tell = probe.recipient();
        system.spawn(move || EggTimer { tell: tell.clone() }).await?;
        probe.expect_nothing(Duration::from_secs(299)).await;
        assert_eq!(probe.expect().await, Alarm);
        Ok(())
    }
}
