//! An actor that does as it is told, and a log of what happened.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use casty::prelude::*;

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Logs its life and does what messages say.
#[actor]
#[supervised(backoff_initial = 10ms)]
pub(crate) struct Puppet {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    pub(crate) count: u64,
}

impl Puppet {
    pub(crate) fn new(name: &'static str, log: &Log) -> impl Fn() -> Self + Send + Sync + 'static {
        let log = log.clone();
        move || Self { name, log: log.clone(), count: 0 }
    }
}

/// Notes its text.
#[message(local)]
pub(crate) struct Note(pub(crate) &'static str);

/// How many notes the instance took.
#[message(reply = u64)]
pub(crate) struct Count;

#[message(local)]
pub(crate) struct Fail(pub(crate) &'static str);

#[message(reply = u64, local)]
pub(crate) struct Panic(pub(crate) &'static str);

/// Waits within the handler.
#[message]
pub(crate) struct Wait(pub(crate) Duration);

#[message]
pub(crate) struct StopYourself;

/// Makes a child that is a puppet too.
#[message(reply = ActorRef<Puppet>, local)]
pub(crate) struct Adopt(pub(crate) &'static str, pub(crate) SupervisorConfig);

#[actor]
impl Puppet {
    fn on_start(&mut self) {
        self.log.note(format!("start {}", self.name));
    }

    fn on_stop(&mut self) {
        self.log.note(format!("stop {}", self.name));
    }

    #[handler]
    fn note(&mut self, Note(text): Note) {
        self.count += 1;
        self.log.note(text);
    }

    #[handler]
    fn count(&self, _: Count) -> u64 {
        self.count
    }

    #[handler]
    fn fail(&mut self, Fail(why): Fail) -> casty::Result<()> {
        Err(why.into())
    }

    #[handler]
    fn panic(&mut self, Panic(why): Panic) -> u64 {
        panic!("{why}")
    }

    #[handler]
    async fn wait(&mut self, Wait(time): Wait) {
        tokio::time::sleep(time).await;
        self.log.note(format!("waited {}", self.name));
    }

    #[handler]
    fn stop_yourself(&mut self, _: StopYourself, ctx: &Context<Self>) {
        ctx.stop();
    }

    #[handler]
    async fn adopt(&mut self, Adopt(name, supervision): Adopt, ctx: &Context<Self>) -> casty::Result<ActorRef<Self>> {
        Ok(ctx.spawn(Self::new(name, &self.log)).name(name).supervision(supervision).await?)
    }
}

/// Panics when it is dropped unhandled; a handler forgets it.
#[message(local)]
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "message dropped");
    }
}
