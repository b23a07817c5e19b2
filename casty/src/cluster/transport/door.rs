//! Where connections come in: accepted, greeted, and passed on to the lane that they are for.

use std::{
    collections::VecDeque,
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use tokio::{sync::mpsc, task::AbortHandle};

use super::greet::{self, Greeted};
use crate::{
    cluster::{
        myself::Myself,
        wire::handshake::{Lane, Peer, RefuseCode},
    },
    host::{Host, Listener},
};

/// Connections that have not said who they are, at most. One more, and the oldest goes.
const STRANGERS: usize = 256;
/// After an accept that failed, as without file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Says whether a peer that has proved who it is may stay.
pub(crate) type Judge = Arc<dyn Fn(&Peer) -> Result<(), (RefuseCode, String)> + Send + Sync>;

/// Where greeted connections go.
pub(crate) struct Door {
    pub(crate) host: Host,
    pub(crate) myself: Arc<Myself>,
    pub(crate) judge: Judge,
    pub(crate) data: mpsc::Sender<Greeted>,
    pub(crate) control: mpsc::Sender<Greeted>,
    pub(crate) refused: Arc<Refusals>,
}

/// Connections that did not get in.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    begun: AtomicU64,
    /// Those that have been told of as well: who sees one here finds it in the log.
    count: AtomicU64,
}

impl Refusals {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Acquire)
    }

    /// The first ones are told one by one, then each power of two.
    pub(super) fn note(&self, from: &dyn fmt::Display, why: &str) {
        let count = self.begun.fetch_add(1, Relaxed) + 1;
        if count <= 10 || count.is_power_of_two() {
            tracing::warn!(%from, why, refused_so_far = count, "a connection was refused");
        }
        self.count.fetch_add(1, Release);
    }
}

impl Door {
    /// Lets connections in for as long as the task lives.
    pub(crate) async fn run(self, listener: Listener) {
        let door = Arc::new(self);
        let mut strangers: VecDeque<(AbortHandle, SocketAddr)> = VecDeque::new();
        loop {
            match listener.accept().await {
                Ok((stream, from)) => {
                    strangers.retain(|(greeting, _)| !greeting.is_finished());
                    if strangers.len() >= STRANGERS
                        && let Some((oldest, from)) = strangers.pop_front()
                    {
                        oldest.abort();
                        door.refused.note(&from, "too many connections have not said who they are; this one was the oldest");
                    }
                    let greeting = door.clone().greet(stream, from);
                    strangers.push_back((door.host.spawn(greeting).abort_handle(), from));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    door.host.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn greet(self: Arc<Self>, stream: crate::host::Stream, from: SocketAddr) {
        match greet::admit(&self.host, &self.myself, stream, |peer| (self.judge)(peer)).await {
            Ok(greeted) => {
                let to = if greeted.peer.lane == Lane::Data { &self.data } else { &self.control };
                // Nobody takes it any more at the end of the node.
                let _ = to.send(greeted).await;
            }
            // Who looked for itself found out.
            Err(error) if error.refused() == Some(RefuseCode::Itself) => {}
            Err(error) if error.is_a_refusal() => {
                let why = error.to_string();
                if error.refused() == Some(RefuseCode::ClusterId) {
                    self.myself.refuses(&why);
                }
                self.refused.note(&from, &why);
            }
            Err(error) => tracing::debug!(%from, %error, "a connection broke before it was greeted"),
        }
    }
}
