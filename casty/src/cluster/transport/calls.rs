//! Calls from node to node on the lanes of the control plane: a connection a node and lane, opened when needed.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::greet::{self, GreetError, Greeted};
use crate::{
    cluster::{
        control::{CallError, Calls, Lane, RaftNode},
        myself::Myself,
        wire::{
            CallFrame, FrameReader, Kinds, ReplyStatus,
            handshake::{self, RefuseCode},
        },
    },
    host::{Host, ReadHalf, WriteHalf},
    sync::lock,
};

/// Calls that wait for one connection, at most.
const QUEUE: usize = 1024;
/// So long dialling may take, whoever waits for it.
const DIAL: Duration = Duration::from_secs(5);
/// Without a call for so long, a connection is given up.
const IDLE: Duration = Duration::from_secs(30);
/// The longest frame of these lanes.
pub(super) const LIMIT: u32 = 16 << 20;

/// Whom a call is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Callee {
    pub(crate) address: Arc<str>,
    /// If whoever answers there is another, the call is not made.
    pub(crate) raft_id: Option<u64>,
}

/// Makes calls. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Caller(Arc<Inner>);

struct Inner {
    host: Host,
    myself: Arc<Myself>,
    lines: Mutex<HashMap<(Callee, Lane), mpsc::Sender<Call>>>,
    /// Where nodes said last that they are, by their raft ids: raft itself remembers where they were when they joined.
    addresses: Mutex<HashMap<u64, Arc<str>>>,
}

struct Call {
    method: u8,
    body: Vec<u8>,
    deadline: Instant,
    answer: oneshot::Sender<Result<Bytes, CallError>>,
}

impl Caller {
    /// `host` is where the connections live.
    pub(crate) fn new(host: Host, myself: Arc<Myself>) -> Self {
        Self(Arc::new(Inner { host, myself, lines: Mutex::default(), addresses: Mutex::default() }))
    }

    /// The node is at this address now.
    pub(crate) fn is_at(&self, raft_id: u64, address: &str) {
        let mut addresses = lock(&self.0.addresses);
        if addresses.get(&raft_id).is_none_or(|known| **known != *address) {
            addresses.insert(raft_id, address.into());
        }
    }

    /// Of nodes that are not known otherwise nothing is remembered.
    pub(crate) fn remember_only(&self, known: impl Fn(u64) -> bool) {
        lock(&self.0.addresses).retain(|raft_id, _| known(*raft_id));
    }

    /// Calls, and waits for the answer no longer than `limit`.
    pub(crate) async fn call(
        &self,
        to: Callee,
        lane: Lane,
        method: u8,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Bytes, CallError> {
        let host = &self.0.host;
        let (answer, answered) = oneshot::channel();
        let call = Call { method, body, deadline: host.now() + limit, answer };
        self.queue(&to, lane, call)?;
        // The line tells when time is up; this is for a line that is dropped.
        match host.timeout(limit + Duration::from_millis(100), answered).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(CallError::Failed("the connection was given up".into())),
            Err(_) => Err(CallError::Failed(format!("no answer within {limit:?}"))),
        }
    }

    fn queue(&self, to: &Callee, lane: Lane, mut call: Call) -> Result<(), CallError> {
        let mut lines = lock(&self.0.lines);
        for _ in 0..2 {
            if !lines.contains_key(&(to.clone(), lane)) {
                // Nodes come and go.
                lines.retain(|_, line| !line.is_closed());
            }
            let line = lines.entry((to.clone(), lane)).or_insert_with(|| {
                let (line, calls) = mpsc::channel(QUEUE);
                self.0.host.spawn(Line { inner: self.0.clone(), to: to.clone(), lane, calls }.run());
                line
            });
            match line.try_send(call) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    return Err(CallError::Unreachable("too many calls wait".into()));
                }
                Err(mpsc::error::TrySendError::Closed(back)) => {
                    lines.remove(&(to.clone(), lane));
                    call = back;
                }
            }
        }
        Err(CallError::Unreachable("the connection is being given up".into()))
    }
}

impl Calls for Caller {
    async fn call(
        &self,
        raft_id: u64,
        to: &RaftNode,
        lane: Lane,
        method: u8,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Bytes, CallError> {
        let known = lock(&self.0.addresses).get(&raft_id).cloned();
        let to = Callee { address: known.unwrap_or_else(|| to.address.clone()), raft_id: Some(raft_id) };
        Self::call(self, to, lane, method, body, limit).await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn why_not(error: GreetError, address: &Arc<str>) -> CallError {
    match error.refused() {
        Some(RefuseCode::Itself) => CallError::Itself,
        Some(RefuseCode::SameNode) => CallError::SameId { address: address.clone() },
        Some(
            RefuseCode::Version
            | RefuseCode::ClusterName
            | RefuseCode::ClusterId
            | RefuseCode::NeedsSecret
            | RefuseCode::WrongSecret
            | RefuseCode::Tls
            | RefuseCode::Fenced,
        ) => CallError::Refused(error.to_string()),
        _ => CallError::Unreachable(error.to_string()),
    }
}

/// Connects to who is meant, and to nobody else.
async fn dial(inner: &Arc<Inner>, to: &Callee, lane: Lane) -> Result<Greeted, CallError> {
    let Inner { host, myself, .. } = &**inner;
    let lane = match lane {
        Lane::Control => handshake::Lane::Control,
        Lane::Bulk => handshake::Lane::Bulk,
    };
    let dialled = greet::dial(host, myself, &to.address, lane, 0).await;
    if let Err(error) = &dialled
        && error.refused() == Some(RefuseCode::ClusterId)
    {
        myself.refuses(&format!("{}: {error}", to.address));
        if let Some(other) = greet::look(host, myself, &to.address).await {
            myself.met(other);
        }
    }
    let greeted = dialled.map_err(|error| why_not(error, &to.address))?;
    Caller(inner.clone()).is_at(greeted.peer.raft_id, &greeted.peer.advertise);
    match to.raft_id {
        Some(wanted) if wanted != greeted.peer.raft_id => {
            let text = format!("another start of {} is at {} by now", greeted.peer.node, to.address);
            Err(CallError::Unreachable(text))
        }
        _ => Ok(greeted),
    }
}

/// One connection's task.
struct Line {
    inner: Arc<Inner>,
    to: Callee,
    lane: Lane,
    calls: mpsc::Receiver<Call>,
}

/// Calls that were made, by their numbers.
type Waiting = BTreeMap<u64, Made>;

struct Made {
    at: Instant,
    deadline: Instant,
    answer: oneshot::Sender<Result<Bytes, CallError>>,
}

/// Tells those whose time is up. Returns whether one of them was made after the last word from the other side: then it may
/// be gone, or never get to the others.
fn tell_late(waiting: &mut Waiting, now: Instant, heard: Instant) -> bool {
    let mut is_silent = false;
    let late: Vec<_> = waiting.iter().filter(|(_, made)| made.deadline <= now).map(|(number, _)| *number).collect();
    for late in late.into_iter().filter_map(|number| waiting.remove(&number)) {
        is_silent |= late.at >= heard;
        let _ = late.answer.send(Err(CallError::Failed("no answer in time".into())));
    }
    is_silent
}

/// Takes those out whose time is up.
fn late_among(waiting: &mut VecDeque<Call>, now: Instant) -> impl Iterator<Item = Call> + use<> {
    let (late, others): (VecDeque<_>, _) = std::mem::take(waiting).into_iter().partition(|call| call.deadline <= now);
    *waiting = others;
    late.into_iter()
}

impl Line {
    async fn run(mut self) {
        let host = self.inner.host.clone();
        while let Ok(Some(first)) = host.timeout(IDLE, self.calls.recv()).await {
            let mut waiting = VecDeque::from([first]);
            match self.connect(&mut waiting).await {
                Ok(greeted) => {
                    let why = self.talk(greeted, waiting).await;
                    tracing::trace!(to = %self.to.address, %why, "a control connection ended");
                }
                Err(why) => {
                    for call in waiting.into_iter().chain(std::iter::from_fn(|| self.calls.try_recv().ok())) {
                        let _ = call.answer.send(Err(why.clone()));
                    }
                }
            }
        }
    }

    /// Dials, for as long as that takes: a heartbeat waits less for its answer than a handshake may need. Calls fail one by
    /// one as their time is up.
    async fn connect(&mut self, waiting: &mut VecDeque<Call>) -> Result<Greeted, CallError> {
        let Self { inner, to, lane, calls } = self;
        let host = &inner.host;
        let dialling = host.timeout(DIAL, dial(inner, to, *lane));
        tokio::pin!(dialling);
        loop {
            let earliest = waiting.iter().map(|call| call.deadline).min().unwrap_or_else(|| host.now() + DIAL);
            tokio::select! {
                biased;
                dialled = &mut dialling => {
                    return dialled.unwrap_or_else(|_| Err(CallError::Unreachable(format!("no connection within {DIAL:?}"))));
                }
                call = calls.recv(), if waiting.len() < QUEUE => match call {
                    Some(call) => waiting.push_back(call),
                    None => return Err(CallError::Unreachable("given up".into())),
                },
                () = host.sleep_until(earliest) => {
                    for late in late_among(waiting, host.now()) {
                        let _ = late.answer.send(Err(CallError::Unreachable("no connection in time".into())));
                    }
                }
            }
        }
    }

    /// Carries calls until the connection breaks. Those that have no answer then fail.
    async fn talk(&mut self, greeted: Greeted, early: VecDeque<Call>) -> String {
        let Greeted { stream, rest, said_cluster, .. } = greeted;
        let (read, write) = stream.into_split();
        let mut waiting = Waiting::new();
        let myself = self.inner.myself.clone();
        let why = tokio::select! {
            biased;
            why = self.carry(read, rest, write, early, &mut waiting) => why,
            () = myself.belongs_elsewhere_than(said_cluster) => "this node belongs to another cluster by now, or a later generation".into(),
        };
        for (_, made) in waiting {
            let _ = made.answer.send(Err(CallError::Failed(why.clone())));
        }
        why
    }

    async fn carry(
        &mut self,
        mut read: ReadHalf,
        mut buffer: BytesMut,
        mut write: WriteHalf,
        mut next: VecDeque<Call>,
        waiting: &mut Waiting,
    ) -> String {
        let host = self.inner.host.clone();
        let mut reader = FrameReader::new(Kinds::Calls, LIMIT);
        let mut number = 0;
        let mut frames = Vec::new();
        let mut heard = host.now();
        loop {
            let mut deadline = None;
            // All that wait go out together.
            while let Some(call) = next.pop_front().or_else(|| self.calls.try_recv().ok()) {
                number += 1;
                let frame = CallFrame::Call { request: number, method: call.method, body: &call.body };
                if let Err(error) = frame.encode(&mut frames, LIMIT) {
                    let _ = call.answer.send(Err(CallError::Unreachable(error.to_string())));
                    continue;
                }
                deadline = Some(deadline.map_or(call.deadline, |earlier: Instant| earlier.max(call.deadline)));
                waiting.insert(number, Made { at: host.now(), deadline: call.deadline, answer: call.answer });
            }
            if !frames.is_empty() {
                let limit = deadline.unwrap_or_else(|| host.now()).saturating_duration_since(host.now());
                match host.timeout(limit, write.write_all(&frames)).await {
                    Ok(Ok(())) => frames.clear(),
                    Ok(Err(error)) => return error.to_string(),
                    Err(_) => return "the other side reads nothing".into(),
                }
            }
            let earliest = waiting.values().map(|made| made.deadline).min().unwrap_or_else(|| host.now() + IDLE);
            tokio::select! {
                biased;
                read = read.read_buf(&mut buffer) => match read {
                    Ok(0) => return "the other side closed the connection".into(),
                    Ok(_) => heard = host.now(),
                    Err(error) => return error.to_string(),
                },
                call = self.calls.recv() => match call {
                    Some(call) => next.push_back(call),
                    None => return "given up".into(),
                },
                () = host.sleep_until(earliest) => {
                    if waiting.is_empty() {
                        return "idle".into();
                    }
                    if tell_late(waiting, host.now(), heard) {
                        return "no word in time".into();
                    }
                }
            }
            loop {
                match reader.next(&mut buffer) {
                    Ok(Some(frame)) => match CallFrame::decode(&frame) {
                        Ok(CallFrame::Reply { request, status, body }) => {
                            // Late answers are none.
                            let Some(made) = waiting.remove(&request) else { continue };
                            let _ = made.answer.send(match status {
                                ReplyStatus::Ok => Ok(frame.payload.slice_ref(body)),
                                ReplyStatus::Error | ReplyStatus::UnknownMethod => {
                                    Err(CallError::Remote(String::from_utf8_lossy(body).into_owned()))
                                }
                            });
                        }
                        Ok(CallFrame::Goodbye { text, .. }) => return format!("the other side says: {text}"),
                        Ok(_) => {}
                        Err(error) => return error.to_string(),
                    },
                    Ok(None) => break,
                    Err(error) => return error.to_string(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::{
        super::{callee, door::Refusals},
        *,
    };
    use crate::cluster::{Incarnation, NodeKey, wire::handshake::Peer};

    /// Answers after as many milliseconds as the method says.
    struct Server;

    impl callee::Serve for Server {
        async fn serve(self: Arc<Self>, _: Arc<Peer>, method: u8, body: Bytes) -> Result<Vec<u8>, String> {
            Host::current().sleep(Duration::from_millis(u64::from(method) * 10)).await;
            Ok(body.to_vec())
        }
    }

    fn myself(id: &str, raft_id: u64) -> Arc<Myself> {
        let key = NodeKey { id: id.into(), incarnation: Incarnation(1) };
        Arc::new(Myself::new(key, raft_id, "127.0.0.1:1".into(), "casty".into(), None))
    }

    /// A node that answers, and how many connections it got.
    async fn node(myself: Arc<Myself>) -> (Callee, Arc<AtomicUsize>) {
        let host = Host::current();
        let listener = host.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let to = Callee { address: listener.local_addr().unwrap().to_string().into(), raft_id: None };
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        host.clone().spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0;
                let Ok(greeted) = greet::admit(&host, &myself, stream, |_| Ok(())).await else { continue };
                counted.fetch_add(1, Relaxed);
                let refused = Arc::new(Refusals::default());
                host.spawn(callee::answer(host.clone(), myself.clone(), greeted, Arc::new(Server), refused));
            }
        });
        (to, count)
    }

    #[tokio::test]
    async fn a_dial_outlives_those_who_wait_for_it() {
        let (host, dialled) = (Host::current(), Arc::new(AtomicUsize::new(0)));
        let listener = host.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let to = Callee { address: listener.local_addr().unwrap().to_string().into(), raft_id: None };
        let (there, counted) = (myself("b", 2), dialled.clone());
        host.clone().spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0;
                counted.fetch_add(1, Relaxed);
                let (host, there) = (host.clone(), there.clone());
                host.clone().spawn(async move {
                    host.sleep(Duration::from_millis(500)).await;
                    let greeted = greet::admit(&host, &there, stream, |_| Ok(())).await.ok()?;
                    Some(callee::answer(host, there, greeted, Arc::new(Server), Arc::new(Refusals::default())).await)
                });
            }
        });
        let caller = Caller::new(Host::current(), myself("a", 1));
        let mut failed = 0;
        let begun = Host::current().now();
        while let Err(error) = caller.call(to.clone(), Lane::Control, 0, vec![7], Duration::from_millis(50)).await {
            assert!(matches!(error, CallError::Unreachable(_)), "{error:?}");
            failed += 1;
            assert!(Host::current().now() - begun < Duration::from_secs(10), "it gets there");
        }
        assert!(failed > 3, "{failed}");
        assert_eq!(dialled.load(Relaxed), 1);
    }

    #[tokio::test]
    async fn a_late_call_is_the_end_of_no_other() {
        let (to, connections) = node(myself("b", 2)).await;
        let caller = Caller::new(Host::current(), myself("a", 1));
        let call = |method, limit| caller.call(to.clone(), Lane::Control, method, vec![method], Duration::from_millis(limit));
        let others = async {
            for _ in 0..30 {
                call(1, 5_000).await.unwrap();
            }
        };
        let (late, slow, ()) = tokio::join!(call(255, 150), call(60, 10_000), others);
        assert!(matches!(late, Err(CallError::Failed(_))), "{late:?}");
        assert_eq!(slow.unwrap()[..], [60]);
        assert_eq!(connections.load(Relaxed), 1);
    }

    #[tokio::test]
    async fn who_says_nothing_in_time_is_dialled_anew() {
        let (to, connections) = node(myself("b", 2)).await;
        let caller = Caller::new(Host::current(), myself("a", 1));
        let call = |method, limit| caller.call(to.clone(), Lane::Control, method, vec![method], Duration::from_millis(limit));
        call(0, 5_000).await.unwrap();
        let (late, slow) = tokio::join!(call(255, 150), call(60, 10_000));
        assert!(late.is_err() && slow.is_err(), "{slow:?}");
        call(0, 5_000).await.unwrap();
        assert_eq!(connections.load(Relaxed), 2);
    }

    #[tokio::test]
    async fn clusters_that_nodes_came_to_belong_to_are_compared() {
        // In turns, whichever of both is the first to belong to one.
        for first in [0, 1] {
            let nodes = [myself("a", 1), myself("b", 2)];
            let (to, connections) = node(nodes[1].clone()).await;
            let caller = Caller::new(Host::current(), nodes[0].clone());
            let call = || caller.call(to.clone(), Lane::Control, 0, vec![7], Duration::from_secs(5));
            call().await.unwrap();
            nodes[first].belongs_to(1 << 100, 0);
            Host::current().sleep(Duration::from_millis(50)).await;
            call().await.unwrap();
            assert_eq!(connections.load(Relaxed), 2);
            nodes[1 - first].belongs_to(1 << 101, 0);
            Host::current().sleep(Duration::from_millis(50)).await;
            let error = call().await.unwrap_err();
            assert!(matches!(error, CallError::Refused(_)), "{error:?}");
        }
    }
}
