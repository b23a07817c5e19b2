use casty::prelude::*;

#[message(reply = u64, local)]
struct Ask<const N: u32>(u64);

#[message(local)]
struct Tell<const N: u32>;

#[message(reply = Result<u64, String>)]
enum Domain {
    Fine(u64),
    Wrong { why: String },
}

#[actor]
#[derive(Default)]
struct Worker {
    count: u64,
}

#[actor]
impl Worker {
    #[handler]
    fn shared(&self, Ask(n): Ask<0>) -> u64 {
        self.count + n
    }

    #[handler]
    fn exclusive(&mut self, message: Ask<1>) -> u64 {
        self.add(message.0)
    }

    #[handler]
    fn with_context(&mut self, Ask(n): Ask<2>, ctx: &Context<Self>) -> u64 {
        n + ctx.children().len() as u64
    }

    #[handler]
    fn with_a_context_to_change(&mut self, mut message: Ask<3>, ctx: &mut Context<Self>) -> u64 {
        message.0 += 1;
        ctx.stop_all_children();
        message.0
    }

    #[handler]
    async fn later(&self, Ask(n @ 0..): Ask<4>) -> u64 {
        self.count + n
    }

    #[handler]
    async fn later_with_context(&mut self, Ask(n): Ask<5>, ctx: &casty::Context<Self>) -> u64 {
        assert!(ctx.me().is_alive());
        self.add(n)
    }

    #[handler]
    async fn later_with_a_context_to_change(&mut self, Ask(n): Ask<6>, _: &mut casty::Context<Worker>) -> casty::Result<u64> {
        Ok(u64::from(u8::try_from(n)?))
    }

    #[handler]
    fn fallible(&mut self, Ask(n): Ask<7>) -> casty::Result<u64> {
        n.checked_add(1).ok_or_else(|| "too much".into())
    }

    #[handler]
    fn deferred(&mut self, Ask(n): Ask<8>) -> Later<Ask<8>> {
        let (reply, later) = Later::new();
        reply.send(n);
        later
    }

    #[handler]
    async fn deferred_and_fallible(&mut self, Ask(n): Ask<9>) -> casty::Result<Later<Ask<9>>> {
        Ok(Later::now(n))
    }

    #[handler]
    fn nothing(&mut self, _: Tell<0>) {}

    #[handler]
    async fn nothing_later(&self, Tell: Tell<1>) -> casty::Result<()> {
        Ok(())
    }

    #[handler]
    fn domain(&self, message: Domain) -> Result<u64, String> {
        match message {
            Domain::Fine(n) => Ok(n),
            Domain::Wrong { why } => Err(why),
        }
    }

    #[handler]
    fn r#type(&self, _: Tell<3>) {}

    #[handler]
    fn about_itself(&mut self, About(one): About<Self>) {
        self.count = one.map_or(0, |one| one.count);
    }

    fn add(&mut self, n: u64) -> u64 {
        self.count += n;
        self.count
    }

    fn associated() {}
}

#[message(local)]
struct About<T>(Option<T>);

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    Worker::associated();
    let worker = system.spawn(Worker::default).await?;
    assert_eq!(worker.ask(Ask::<0>(1)).await?, 1);
    assert_eq!(worker.ask(Ask::<1>(2)).await?, 2);
    assert_eq!(worker.ask(Ask::<2>(3)).await?, 3);
    assert_eq!(worker.ask(Ask::<3>(4)).await?, 5);
    assert_eq!(worker.ask(Ask::<4>(5)).await?, 7);
    assert_eq!(worker.ask(Ask::<5>(6)).await?, 8);
    assert_eq!(worker.ask(Ask::<6>(7)).await?, 7);
    assert_eq!(worker.ask(Ask::<7>(8)).await?, 9);
    assert_eq!(worker.ask(Ask::<8>(9)).await?, 9);
    assert_eq!(worker.ask(Ask::<9>(10)).await?, 10);
    assert_eq!(worker.ask(Domain::Wrong { why: "so".into() }).await?, Err("so".to_string()));
    worker.ask(Tell::<0>).await?;
    worker.ask(Tell::<1>).await?;
    worker.ask(About(Some(Worker { count: 1 }))).await?;
    assert_eq!(worker.ask(Domain::Fine(1)).await?, Ok(1));
    Ok(())
}
