//! The end of a system.

use std::sync::atomic::Ordering::SeqCst;

use futures_util::future::{Either, select};

use super::ActorSystem;
use crate::{
    StopReason,
    actor::{AnyRef, current},
    system::Event,
};

pub(super) async fn shutdown(system: &ActorSystem) {
    if system.close() {
        // In a task of its own: whoever called may give up, or be an actor that ends with the rest.
        let ending = system.clone();
        system.host().spawn(async move {
            let over = Over(ending.clone());
            end(&ending).await;
            drop(over);
        });
    }
    if current(system).is_none() {
        // The sender lives as long as the system does.
        let _ = system.0.over.subscribe().wait_for(|over| *over).await;
    }
}

/// Tells everybody who waits for the end, however it came about.
struct Over(ActorSystem);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.0.over.set(true);
    }
}

async fn end(system: &ActorSystem) {
    let limit = system.shutdown_timeout();
    if let Some(cluster) = system.0.cluster.get() {
        // Entities go on elsewhere, and are served here until they do.
        cluster.hand_over().await;
    }
    system.0.ending.store(true, SeqCst);
    let roots = system.0.directory.roots();
    for root in &roots {
        root.clone().stop(StopReason::Shutdown);
    }
    let all_ended = async {
        for root in &roots {
            AnyRef::of(root.clone()).stopped().await;
        }
    };
    if system.host().timeout(limit, all_ended).await.is_err() {
        for root in &roots {
            if !root.is_gone() {
                system.emit(&Event::Killed { actor: root.label(), after: limit });
                root.clone().kill();
            }
        }
    }
    if let Some(cluster) = system.0.cluster.get() {
        cluster.shut_down().await;
    }
    system.0.bus.close();
    system.0.scheduler.close();
    system.0.deadlines.close();
}

pub(super) async fn serve(system: &ActorSystem) -> crate::Result<()> {
    let mut over = system.0.over.subscribe();
    let told = std::pin::pin!(async { _ = over.wait_for(|over| *over).await });
    let signalled = std::pin::pin!(signal());
    match select(told, signalled).await {
        Either::Left(_) => {}
        Either::Right((signal, _)) => {
            let signal = signal?;
            tracing::info!(signal, "shutting down");
            shutdown(system).await;
        }
    }
    Ok(())
}

#[cfg(unix)]
async fn signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| "SIGINT"),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "ctrl-c")
}
