//! Good nodes that something bad happens to, and a peer made by hand.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use casty::{Cluster, ClusterEvents, DistributedBuilder, Member, MemberStatus, StartError, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

/// Long enough for anything that ends at all, a shutdown that finds no majority included.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(LONG, what).await.expect("it takes too long")
}

/// Waits until it is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    soon(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[actor]
#[derive(Default)]
pub(crate) struct Echo;

#[message(reply = usize)]
pub(crate) struct Say(pub(crate) String);

/// Wants a text of this length.
#[message(reply = String)]
pub(crate) struct Fill(pub(crate) usize);

#[actor]
impl Echo {
    #[handler]
    fn say(&self, Say(text): Say) -> usize {
        text.len()
    }

    #[handler]
    fn fill(&self, Fill(length): Fill) -> String {
        "x".repeat(length)
    }
}

pub(crate) fn node(id: &str) -> DistributedBuilder {
    ActorSystem::distributed("127.0.0.1:0").node_id(id)
}

pub(crate) fn cluster(system: &ActorSystem) -> Cluster {
    system.cluster().expect("it is a node")
}

/// Two good nodes. What becomes of them is looked at in the end.
pub(crate) struct Pair {
    pub(crate) a: ActorSystem,
    pub(crate) b: ActorSystem,
    members: Vec<Member>,
    events: ClusterEvents,
}

impl Pair {
    pub(crate) async fn start(settings: impl Fn(DistributedBuilder) -> DistributedBuilder) -> Self {
        let a = soon(settings(node("a")).start()).await.expect("a starts");
        let seed = cluster(&a).address().to_owned();
        let b = soon(settings(node("b")).seeds([seed]).start()).await.expect("b starts");
        for system in [&a, &b] {
            soon(cluster(system).wait_for_members(2)).await.expect("two are up");
        }
        let (members, events) = (cluster(&a).members(), cluster(&a).events());
        soon(b.spawn(|| Echo).name("echo")).await.expect("the name is free");
        Self { a, b, members, events }
    }

    /// With the secret that [`node`]s are not given.
    pub(crate) async fn with_secret() -> Self {
        Self::start(|node| node.secret("known")).await
    }

    pub(crate) fn address(&self) -> String {
        cluster(&self.a).address().to_owned()
    }

    pub(crate) fn refused(&self) -> u64 {
        cluster(&self.a).refused_connections()
    }

    pub(crate) async fn has_refused(&self, count: u64) {
        until(|| self.refused() >= count).await;
    }

    pub(crate) async fn works(&self) {
        let echo = soon(self.a.lookup::<Echo>("echo")).await.expect("a lease").expect("its name is known");
        assert_eq!(soon(echo.ask(Say("hello".into()))).await.expect("it answers"), 5);
    }

    /// Nothing came of it: the same members, in the same state, and they talk.
    pub(crate) async fn goes_on(self) {
        assert!(!self.goes_on_and_tells().await, "nobody of another cluster came by");
    }

    /// The same. Returns whether it told of somebody of another cluster.
    pub(crate) async fn goes_on_and_tells(mut self) -> bool {
        let mut told = false;
        self.works().await;
        assert_eq!(cluster(&self.a).members(), self.members);
        assert!(self.members.iter().all(|member| member.status == MemberStatus::Up));
        while let Ok(event) = tokio::time::timeout(Duration::from_millis(1), self.events.next()).await {
            use casty::ClusterEvent::{Late, LeaderChanged, OtherCluster};
            told |= matches!(event, Some(OtherCluster { .. }));
            let harmless = matches!(event, Some(Late(_) | LeaderChanged(Some(_)) | OtherCluster { .. }));
            assert!(harmless, "{event:?}");
        }
        self.shutdown().await;
        told
    }

    pub(crate) async fn shutdown(self) {
        soon(self.b.shutdown()).await;
        soon(self.a.shutdown()).await;
    }
}

/// Why it does not start.
pub(crate) async fn refused(node: DistributedBuilder) -> StartError {
    match soon(node.start()).await {
        Ok(system) => panic!("{:?} has started", system.cluster()),
        Err(error) => {
            println!("    {error}");
            error
        }
    }
}

/// The error says all of this.
#[track_caller]
pub(crate) fn says(error: &impl std::fmt::Display, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
}

/// What the nodes of this process log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn of_this_process() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            let logged = tracing_subscriber::fmt().with_ansi(false).with_env_filter("warn,openraft=off");
            logged.with_writer(move || writer.clone()).init();
            log
        });
        log.clone()
    }

    /// Some line has all of this.
    #[track_caller]
    pub(crate) fn has(&self, parts: &[&str]) {
        let log = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        assert!(log.lines().any(|line| parts.iter().all(|part| line.contains(part))), "no line with {parts:?} in:\n{log}");
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The kinds of frames that a handshake has.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 64;
    pub(crate) const WELCOME: u8 = 65;
    pub(crate) const PROOF: u8 = 66;
    pub(crate) const ACCEPT: u8 = 67;
    pub(crate) const BEGIN: u8 = 68;
    pub(crate) const REFUSE: u8 = 69;
}

#[derive(Serialize)]
pub(crate) struct Hello {
    pub(crate) version_min: u16,
    pub(crate) version_max: u16,
    pub(crate) auth: &'static str,
    #[serde(serialize_with = "bytes::serialize")]
    pub(crate) nonce: [u8; 32],
}

mod bytes {
    pub(super) fn serialize<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }
}

#[derive(Serialize)]
struct Proven {
    #[serde(serialize_with = "bytes::serialize")]
    introduction: Vec<u8>,
    #[serde(serialize_with = "bytes::serialize")]
    proof: Vec<u8>,
}

#[derive(Serialize)]
struct Introduction {
    cluster: &'static str,
    cluster_id: Option<u128>,
    node: &'static str,
    incarnation: u64,
    raft_id: u64,
    advertise: &'static str,
    lane: Option<&'static str>,
    session: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refuse {
    pub(crate) code: u8,
    pub(crate) text: String,
}

/// The other side of a connection, whose bytes the test makes itself.
pub(crate) struct Stranger<S = TcpStream>(pub(crate) S);

impl Stranger {
    pub(crate) async fn connect(address: &str) -> Self {
        Self(soon(TcpStream::connect(address)).await.expect("it listens"))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stranger<S> {
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("it reads");
    }

    pub(crate) async fn preamble(&mut self) {
        self.write(b"CASTY\0\x01\0").await;
    }

    pub(crate) async fn frame(&mut self, kind: u8, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len() + 1).expect("it is short").to_le_bytes().to_vec();
        frame.push(kind);
        frame.extend_from_slice(payload);
        self.write(&frame).await;
    }

    pub(crate) async fn say<T: Serialize>(&mut self, kind: u8, value: &T) {
        self.frame(kind, &rmp_serde::to_vec_named(value).expect("it has bytes")).await;
    }

    pub(crate) async fn hello(&mut self, versions: (u16, u16), auth: &'static str) {
        self.preamble().await;
        self.say(kind::HELLO, &Hello { version_min: versions.0, version_max: versions.1, auth, nonce: [7; 32] }).await;
    }

    /// A whole handshake as a node that needs no secret.
    pub(crate) async fn greet(&mut self, node: &'static str, lane: &'static str, session: u64) {
        self.hello((1, 1), "None").await;
        self.introduce_of(node, None, lane, session).await;
        assert_eq!(self.next().await.0, kind::ACCEPT);
        self.say(kind::BEGIN, &()).await;
    }

    /// What follows a `Hello` without a secret.
    pub(crate) async fn introduce_of(&mut self, node: &'static str, cluster_id: Option<u128>, lane: &'static str, session: u64) {
        assert_eq!(&self.take(8).await, b"CASTY\0\x01\0");
        assert_eq!(self.next().await.0, kind::WELCOME);
        let introduction = Introduction {
            cluster: "casty",
            cluster_id,
            node,
            incarnation: 1,
            raft_id: 1,
            advertise: "127.0.0.1:1",
            lane: Some(lane),
            session: Some(session),
        };
        let introduction = rmp_serde::to_vec_named(&introduction).expect("it has bytes");
        self.say(kind::PROOF, &Proven { introduction, proof: Vec::new() }).await;
    }

    pub(crate) async fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        soon(self.0.read_exact(&mut bytes)).await.expect("more comes");
        bytes
    }

    pub(crate) async fn next(&mut self) -> (u8, Vec<u8>) {
        let length = self.take(4).await.try_into().expect("four");
        let mut frame = self.take(u32::from_le_bytes(length) as usize).await;
        let kind = frame.remove(0);
        (kind, frame)
    }

    pub(crate) async fn next_of<T: DeserializeOwned>(&mut self, wanted: u8) -> T {
        let (kind, payload) = self.next().await;
        assert_eq!(kind, wanted);
        rmp_serde::from_slice(&payload).expect("it makes sense")
    }

    /// What the other side says until it closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // It may reset the connection where bytes are left that it does not want.
        let _ = soon(self.0.read_to_end(&mut bytes)).await;
        bytes
    }
}
