//! The socket and the clock of the core.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::{
    core::Swim,
    news::{Action, Opinion, Peer, SwimEvent},
    seal::Seal,
};
use crate::{
    cluster::{Incarnation, NodeId, NodeKey},
    host::{Datagrams, Host},
    sync::lock,
};

/// What others ask of the driver.
#[derive(Debug)]
pub(crate) enum SwimCommand {
    /// Go on asking these until they are known to be there.
    SetPeers(Vec<Peer>),
    /// Probe this node out of turn: its renewals are missing.
    Doubt(NodeKey),
    /// This node is down and gone for good.
    Forget(NodeId),
    /// Timers of this thread are that late.
    Lag(Duration),
    /// Seal datagrams so from now on.
    Seal(Seal),
    /// Tell others that this node goes away; then end.
    Leave,
}

/// How many commands may wait.
const COMMANDS: usize = 64;
/// How many packets are read before timers have their turn.
const BUDGET: usize = 128;
/// As long as a UDP datagram gets.
const LONGEST: usize = 65_536;

/// For those who ask things of the driver and read what it knows.
#[derive(Debug, Clone)]
pub(crate) struct SwimHandle {
    pub(crate) commands: mpsc::Sender<SwimCommand>,
    pub(crate) opinions: Arc<Opinions>,
}

/// What this node thinks of others, for anyone to read.
#[derive(Debug, Default)]
pub(crate) struct Opinions {
    members: Mutex<HashMap<NodeId, (Incarnation, Opinion, SocketAddr)>>,
    /// Datagrams without a seal of this cluster.
    pub(crate) refused: AtomicU64,
    /// Sealed packets that made no sense.
    pub(crate) garbage: AtomicU64,
    /// Errors of the socket, such as a peer's port being closed.
    pub(crate) socket_errors: AtomicU64,
    /// Events that nobody took in time.
    pub(crate) events_lost: AtomicU64,
    lag_micros: AtomicU64,
}

impl Opinions {
    pub(crate) fn of(&self, node: &NodeKey) -> Opinion {
        match lock(&self.members).get(&node.id) {
            Some((incarnation, opinion, _)) if *incarnation == node.incarnation => *opinion,
            Some((incarnation, ..)) if *incarnation > node.incarnation => Opinion::Down,
            _ => Opinion::Unknown,
        }
    }

    #[cfg(test)]
    pub(crate) fn members(&self) -> Vec<super::news::Member> {
        let members = lock(&self.members);
        let member =
            |(id, (incarnation, opinion, address)): (&NodeId, &(Incarnation, Opinion, SocketAddr))| super::news::Member {
                key: NodeKey { id: id.clone(), incarnation: *incarnation },
                address: *address,
                opinion: *opinion,
            };
        members.iter().map(member).collect()
    }
}

/// Owns the socket and the core.
pub(crate) struct Driver {
    host: Host,
    socket: Datagrams,
    core: Swim,
    /// Without one nothing is said, and nobody heard.
    seal: Option<Seal>,
    commands: mpsc::Receiver<SwimCommand>,
    events: mpsc::Sender<SwimEvent>,
    opinions: Arc<Opinions>,
    started: tokio::time::Instant,
}

impl Driver {
    /// `events` says which opinions to look at; one that finds it full is lost.
    pub(crate) fn new(
        host: Host,
        socket: Datagrams,
        core: Swim,
        seal: Option<Seal>,
        events: mpsc::Sender<SwimEvent>,
    ) -> (SwimHandle, Self) {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let opinions = Arc::new(Opinions::default());
        let started = host.now();
        let driver = Self { host, socket, core, seal, commands, events, opinions: opinions.clone(), started };
        (SwimHandle { commands: sender, opinions }, driver)
    }

    /// Until it is told to stop, or all handles are gone.
    pub(crate) async fn run(mut self) {
        let mut buffer = vec![0; LONGEST];
        loop {
            self.carry_out().await;
            let Some(deadline) = self.core.next_deadline() else { return };
            let due = self.host.sleep_until(self.started + deadline);
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    None => return,
                    Some(command) => self.obey(command),
                },
                received = self.socket.recv_from(&mut buffer) => {
                    self.take(received.ok().map(|(length, _)| &buffer[..length]));
                    self.read(&mut buffer);
                }
                () = due => {
                    // What came in time is read before anybody is judged.
                    self.read(&mut buffer);
                }
            }
            self.core.handle_time(self.now());
        }
    }

    fn now(&self) -> Duration {
        self.host.now().saturating_duration_since(self.started)
    }

    fn obey(&mut self, command: SwimCommand) {
        let now = self.now();
        match command {
            SwimCommand::SetPeers(peers) => self.core.set_peers(peers),
            SwimCommand::Doubt(node) => self.core.doubt(now, &node),
            SwimCommand::Forget(node) => {
                self.core.forget(now, &node);
                self.publish();
            }
            SwimCommand::Lag(lag) => self.core.set_lag(lag),
            SwimCommand::Seal(seal) => self.seal = Some(seal),
            SwimCommand::Leave => self.core.leave(now),
        }
    }

    /// Reads what is there.
    fn read(&mut self, buffer: &mut [u8]) {
        for _ in 0..BUDGET {
            let Some(received) = self.socket.recv_from(buffer).now_or_never() else { return };
            self.take(received.ok().map(|(length, _)| &buffer[..length]));
        }
    }

    fn take(&mut self, received: Option<&[u8]>) {
        let Some(datagram) = received else {
            // "Refused", after a peer's process has ended, comes up here.
            self.opinions.socket_errors.fetch_add(1, Relaxed);
            return;
        };
        let now = self.now();
        let Some(seal) = &self.seal else { return };
        match seal.open(datagram) {
            Some(packet) => self.core.handle_datagram(now, packet),
            None => _ = self.opinions.refused.fetch_add(1, Relaxed),
        }
    }

    async fn carry_out(&mut self) {
        while let Some(action) = self.core.next_action() {
            match action {
                Action::Send { to, packet } => {
                    if let Some(seal) = &self.seal
                        && self.socket.send_to(&seal.seal(&packet), to).await.is_err()
                    {
                        self.opinions.socket_errors.fetch_add(1, Relaxed);
                    }
                }
                Action::Tell(event) => {
                    self.publish();
                    if self.events.try_send(event).is_err() {
                        self.opinions.events_lost.fetch_add(1, Relaxed);
                    }
                }
            }
        }
        self.opinions.garbage.store(self.core.garbage(), Relaxed);
        self.opinions.lag_micros.store(u64::try_from(self.core.lag().as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    fn publish(&self) {
        let mut members = lock(&self.opinions.members);
        members.clear();
        for member in self.core.members() {
            members.insert(member.key.id, (member.key.incarnation, member.opinion, member.address));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::swim::{Identity, SwimConfig};

    const MS: Duration = Duration::from_millis(1);

    struct Node {
        handle: SwimHandle,
        events: mpsc::Receiver<SwimEvent>,
        key: NodeKey,
        address: SocketAddr,
        running: tokio::task::JoinHandle<()>,
    }

    async fn node(host: &Host, name: &str, incarnation: u64, secret: &[u8]) -> Node {
        unsealed(host, name, incarnation, Some(Seal::new("test", Some(secret)))).await
    }

    async fn unsealed(host: &Host, name: &str, incarnation: u64, seal: Option<Seal>) -> Node {
        let socket = host.datagrams(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = socket.local_addr().unwrap();
        let key = NodeKey { id: name.into(), incarnation: Incarnation(incarnation) };
        let core = Swim::new(Identity::new(key.clone(), address), SwimConfig::fast(), incarnation);
        let (sender, events) = mpsc::channel(64);
        let (handle, driver) = Driver::new(host.clone(), socket, core, seal, sender);
        Node { handle, events, key, address, running: host.spawn(driver.run()) }
    }

    impl Node {
        async fn knows(&self, other: &Self) {
            let peer = Peer { id: other.key.id.clone(), address: other.address };
            self.handle.commands.send(SwimCommand::SetPeers(vec![peer])).await.unwrap();
        }

        async fn comes_to(&mut self, wanted: SwimEvent) {
            while let Some(event) = self.events.recv().await {
                if event == wanted {
                    return;
                }
            }
            panic!("never {wanted:?}");
        }
    }

    #[tokio::test]
    async fn nodes_meet_over_sockets_and_notice_an_end() {
        let host = Host::current();
        let (mut a, mut b) = (node(&host, "a", 1, b"s").await, node(&host, "b", 1, b"s").await);
        let mut c = node(&host, "c", 1, b"s").await;
        for other in [&b, &c] {
            other.knows(&a).await;
        }
        let meeting = async {
            a.comes_to(SwimEvent::Alive(c.key.clone())).await;
            b.comes_to(SwimEvent::Alive(c.key.clone())).await;
            c.comes_to(SwimEvent::Alive(b.key.clone())).await;
            assert_eq!(a.handle.opinions.of(&c.key), Opinion::Alive);
            c.running.abort();
            a.handle.commands.send(SwimCommand::Doubt(c.key.clone())).await.unwrap();
            a.comes_to(SwimEvent::Suspect(c.key.clone())).await;
            b.comes_to(SwimEvent::Down(c.key.clone())).await;
            assert_eq!(b.handle.opinions.of(&c.key), Opinion::Down);
            b.handle.commands.send(SwimCommand::Leave).await.unwrap();
            a.comes_to(SwimEvent::Down(b.key.clone())).await;
            b.running.await.unwrap();
        };
        host.timeout(Duration::from_secs(20), meeting).await.unwrap();
    }

    #[tokio::test]
    async fn who_does_not_know_the_key_yet_is_silent() {
        let host = Host::current();
        let (mut a, b) = (unsealed(&host, "a", 1, None).await, unsealed(&host, "b", 1, None).await);
        b.knows(&a).await;
        let key = crate::cluster::swim::SealKey::new(&host);
        a.handle.commands.send(SwimCommand::Seal(key.seal("test"))).await.unwrap();
        host.sleep(300 * MS).await;
        assert!(a.handle.opinions.members().is_empty() && b.handle.opinions.members().is_empty());
        assert_eq!(a.handle.opinions.refused.load(Relaxed), 0);
        b.handle.commands.send(SwimCommand::Seal(key.seal("test"))).await.unwrap();
        host.timeout(Duration::from_secs(20), a.comes_to(SwimEvent::Alive(b.key.clone()))).await.unwrap();
    }

    #[tokio::test]
    async fn who_has_another_secret_is_counted_and_not_heard() {
        let host = Host::current();
        let (a, b) = (node(&host, "a", 1, b"s").await, node(&host, "b", 1, b"other").await);
        b.knows(&a).await;
        let stranger = host.datagrams(([127, 0, 0, 1], 0).into()).await.unwrap();
        stranger.send_to(&[7; 1200], a.address).await.unwrap();
        stranger.send_to(&[], a.address).await.unwrap();
        let refusing = async {
            while a.handle.opinions.refused.load(Relaxed) < 4 {
                host.sleep(10 * MS).await;
            }
        };
        host.timeout(Duration::from_secs(20), refusing).await.unwrap();
        assert!(a.handle.opinions.members().is_empty() && b.handle.opinions.members().is_empty());
    }
}
