//! Several threads at once.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use casty::prelude::*;

fn run<F: Future<Output = casty::Result<()>>>(threads: usize, test: impl FnOnce(ActorSystem) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
    runtime
        .block_on(async {
            let system = ActorSystem::new();
            let result = test(system.clone()).await;
            system.shutdown().await;
            result
        })
        .unwrap();
}

/// Checks that what each sender sends comes in order.
#[actor]
struct Orderly {
    next: Vec<u64>,
    total: u64,
}

#[message]
struct Numbered(usize, u64);

#[message(reply = u64)]
struct Total;

#[actor]
impl Orderly {
    #[handler]
    fn numbered(&mut self, Numbered(sender, n): Numbered) {
        assert_eq!(self.next[sender], n, "out of order");
        self.next[sender] += 1;
        self.total += 1;
    }

    #[handler]
    fn total(&self, _: Total) -> u64 {
        self.total
    }
}

const SENDERS: usize = 4;
const EACH: u64 = 20_000;

async fn send_all(system: ActorSystem, mailbox: Mailbox) -> casty::Result<()> {
    let orderly = system
        .spawn(|| Orderly { next: vec![0; SENDERS], total: 0 })
        .mailbox(mailbox)
        .supervision(SupervisorConfig::stop())
        .await?;
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let orderly = orderly.clone();
        senders.push(tokio::spawn(async move {
            for n in 0..EACH {
                // Sends and asks of one sender keep one order, whether the asker runs the handler itself or not.
                if n % 16 == 0 {
                    orderly.ask(Numbered(sender, n)).await?;
                } else {
                    orderly.send(Numbered(sender, n)).await?;
                }
            }
            Ok::<_, Failure>(())
        }));
    }
    for sender in senders {
        sender.await??;
    }
    assert_eq!(orderly.ask(Total).await?, SENDERS as u64 * EACH);
    Ok(())
}

#[test]
fn messages_of_one_sender_come_in_order() {
    for threads in [1, 2, 4] {
        run(threads, |system| send_all(system, Mailbox::unbounded()));
    }
}

#[test]
fn messages_of_one_sender_come_in_order_through_a_full_mailbox() {
    for threads in [1, 2, 4] {
        run(threads, |system| send_all(system, Mailbox::bounded(8, Overflow::Wait)));
    }
}

#[actor]
struct Worker;

#[message(reply = u64)]
struct Block(u64);

#[message(reply = u64)]
struct Quick(u64);

#[message(reply = u64)]
struct Nap(u64);

#[actor]
impl Worker {
    #[handler]
    fn block(&mut self, Block(ms): Block) -> u64 {
        std::thread::sleep(Duration::from_millis(ms));
        ms
    }

    #[handler]
    fn quick(&mut self, Quick(n): Quick) -> u64 {
        n
    }

    #[handler]
    async fn nap(&mut self, Nap(ms): Nap) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }
}

/// Sends to others, and then blocks its thread.
#[actor]
struct Blocker(Vec<ActorRef<Worker>>);

#[message]
struct SendAndBlock;

#[actor]
impl Blocker {
    #[handler]
    fn act(&mut self, _: SendAndBlock) -> casty::Result<()> {
        for worker in &self.0 {
            worker.try_send(Quick(1)).map_err(|error| error.to_string())?;
        }
        std::thread::sleep(Duration::from_millis(1500));
        Ok(())
    }
}

#[test]
fn an_actor_does_not_wait_behind_one_that_blocks_its_thread() {
    run(2, |system| async move {
        for others in [1, 5] {
            let mut workers = Vec::new();
            for _ in 0..others {
                workers.push(system.spawn(|| Worker).await?);
            }
            let given = workers.clone();
            let blocker = system.spawn(move || Blocker(given.clone())).await?;
            blocker.send(SendAndBlock).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
            let began = Instant::now();
            for worker in &workers {
                worker.ask(Quick(1)).await?;
            }
            assert!(began.elapsed() < Duration::from_millis(800), "{:?}", began.elapsed());
            blocker.stop().await?;
            blocker.stopped().await;
        }
        Ok(())
    });
}

#[test]
fn slow_handlers_that_are_asked_together_run_beside_each_other() {
    run(4, |system| async move {
        let (a, b) = (system.spawn(|| Worker).await?, system.spawn(|| Worker).await?);
        // It takes one ask to see that the handler is slow.
        a.ask(Block(5)).await?;
        let began = Instant::now();
        let (one, two) = tokio::join!(a.ask(Block(500)), b.ask(Block(500)));
        assert_eq!(one? + two?, 1000);
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
        let began = Instant::now();
        let (one, two) = tokio::join!(a.ask(Nap(300)), b.ask(Nap(300)));
        assert_eq!(one? + two?, 600);
        assert!(began.elapsed() < Duration::from_millis(550), "{:?}", began.elapsed());
        Ok(())
    });
}

/// Waits for a future on a thread without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// Fails at random, stops at random, and is asked by many at once.
#[actor]
#[supervised(max_restarts = 100000, backoff_initial = 1us, backoff_max = 1us)]
#[derive(Default)]
struct Flaky {
    seen: u64,
}

#[message(reply = u64)]
struct Step(u64);

#[actor]
impl Flaky {
    #[handler]
    async fn step(&mut self, Step(n): Step, ctx: &mut Context<Self>) -> casty::Result<u64> {
        self.seen += 1;
        match n % 97 {
            13 => return Err("unlucky".into()),
            17 => tokio::task::yield_now().await,
            29 => ctx.stop(),
            _ => {}
        }
        Ok(n)
    }
}

#[test]
fn every_ask_ends_whatever_happens_to_its_actor() {
    run(4, |system| async move {
        let mut askers = Vec::new();
        for asker in 0..8u64 {
            let system = system.clone();
            askers.push(tokio::spawn(async move {
                let (mut answered, mut failed, mut stopped) = (0, 0, 0);
                let mut flaky = system.spawn(Flaky::default).await?;
                for n in 0..5_000 {
                    match flaky.ask(Step(n * 31 + asker)).await {
                        Ok(_) => answered += 1,
                        Err(AskError::Failed { .. }) => failed += 1,
                        Err(AskError::Stopped { .. }) => {
                            stopped += 1;
                            flaky = system.spawn(Flaky::default).await?;
                        }
                        Err(other) => return Err(other.into()),
                    }
                }
                Ok::<_, Failure>((answered, failed, stopped))
            }));
        }
        for asker in askers {
            let (answered, failed, stopped) = asker.await??;
            assert_eq!(answered + failed + stopped, 5_000);
            assert!(answered > 4_000 && failed > 0 && stopped > 0);
        }
        Ok(())
    });
}

#[test]
fn an_actor_can_be_asked_from_a_thread_that_tokio_does_not_know() {
    run(2, |system| async move {
        let worker = system.spawn(|| Worker).await?;
        let asking = std::thread::spawn(move || {
            // Its handler needs tokio's timers, which this thread has not.
            (block_on(worker.ask(Nap(5))), block_on(worker.ask(Quick(3))))
        });
        while !asking.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (napped, quick) = asking.join().expect("it does not panic");
        assert_eq!((napped?, quick?), (5, 3));
        Ok(())
    });
}

/// Asks one that passes something on, and then passes something on itself.
#[actor]
#[derive(Default)]
struct Middle {
    inner: Option<ActorRef<Self>>,
    outer: Option<ActorRef<Counter>>,
}

#[message(local)]
struct Connect(Option<ActorRef<Middle>>, ActorRef<Counter>);

#[message(reply = ())]
struct Pass;

#[actor]
#[derive(Default)]
struct Counter(u64);

#[message]
struct Up;

#[actor]
impl Counter {
    #[handler]
    fn up(&mut self, _: Up) {
        self.0 += 1;
    }

    #[handler]
    fn total(&self, _: Total) -> u64 {
        self.0
    }
}

#[actor]
impl Middle {
    #[handler]
    fn connect(&mut self, Connect(inner, outer): Connect) {
        (self.inner, self.outer) = (inner, Some(outer));
    }

    #[handler]
    async fn pass(&mut self, _: Pass) -> casty::Result<()> {
        if let Some(inner) = &self.inner {
            inner.ask(Pass).await?;
        }
        match &self.outer {
            Some(counter) => Ok(counter.send(Up).await?),
            None => Err("not connected".into()),
        }
    }
}

#[test]
fn no_actor_is_forgotten_when_asks_run_within_asks() {
    run(1, |system| async move {
        let (one, two) = (system.spawn(Counter::default).await?, system.spawn(Counter::default).await?);
        let (inner, outer) = (system.spawn(Middle::default).await?, system.spawn(Middle::default).await?);
        inner.ask(Connect(None, one.clone())).await?;
        outer.ask(Connect(Some(inner), two.clone())).await?;
        for n in 1..=3000u64 {
            outer.send(Pass).await?;
            for counter in [&one, &two] {
                let counted = async {
                    while counter.ask(Total).await? < n {
                        tokio::task::yield_now().await;
                    }
                    Ok::<_, AskError>(())
                };
                let Ok(counted) = tokio::time::timeout(Duration::from_secs(3), counted).await else {
                    return Err(format!("message {n} was forgotten").into());
                };
                counted?;
            }
        }
        Ok(())
    });
}
