//! The handshake of a connection, over its stream.

use std::{io, net::SocketAddr, time::Duration};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[cfg(feature = "tls")]
use crate::cluster::tls::TlsError;
use crate::{
    cluster::{
        myself::Myself,
        wire::handshake::{Handshake, HandshakeError, Lane, Local, Peer, RefuseCode, Step, Versions},
    },
    host::{Host, Stream},
};

/// A handshake that takes longer fails.
pub(super) const LIMIT: Duration = Duration::from_secs(3);
/// One of several addresses that does not answer holds up the next no longer.
const CONNECT: Duration = Duration::from_secs(1);
/// Nor on the lanes of the control plane: where packets were lost, the next attempt is sooner there than the same one goes on.
const CONNECT_CONTROL: Duration = Duration::from_millis(300);

/// A connection whose other side is known.
pub(crate) struct Greeted {
    pub(crate) stream: Stream,
    /// What came behind the handshake.
    pub(crate) rest: BytesMut,
    pub(crate) peer: Peer,
    /// Which cluster this node said that it belongs to.
    pub(crate) said_cluster: Option<u128>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GreetError {
    #[error("{address} cannot be resolved: {error}")]
    Resolve { address: String, error: io::Error },
    #[error("{at} does not answer: {error}")]
    Connect { at: SocketAddr, error: io::Error },
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    #[error("the connection broke during the handshake: {0}")]
    Broken(io::Error),
    #[error("no handshake within {LIMIT:?}")]
    Late,
    #[cfg(feature = "tls")]
    #[error("{0}")]
    Tls(TlsError),
}

#[cfg(feature = "tls")]
impl From<TlsError> for GreetError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Broken(error) => Self::Broken(error),
            error => Self::Tls(error),
        }
    }
}

impl GreetError {
    /// Why one side refused the other, if that is it.
    pub(crate) fn refused(&self) -> Option<RefuseCode> {
        match self {
            Self::Handshake(error) => error.code(),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.is_for_good().then_some(RefuseCode::Tls),
            Self::Resolve { .. } | Self::Connect { .. } | Self::Broken(_) | Self::Late => None,
        }
    }

    /// Whether it is for what one side said, or did not say, that there is no connection.
    pub(super) fn is_a_refusal(&self) -> bool {
        !matches!(self, Self::Resolve { .. } | Self::Connect { .. } | Self::Broken(_))
    }

    fn broken(error: io::Error) -> Self {
        #[cfg(feature = "tls")]
        if let Some(error) = TlsError::of(&error) {
            return error.into();
        }
        Self::Broken(error)
    }
}

/// Connects to `address`, whichever of its addresses answers first in their order. One that has another's certificate is none
/// of its.
pub(crate) async fn dial(host: &Host, myself: &Myself, address: &str, lane: Lane, session: u64) -> Result<Greeted, GreetError> {
    connect(host, myself, myself.cluster_id(), address, lane, session).await
}

/// Connects to a node that refuses this one as of another cluster, and asks nothing but which that is. Whoever answers has
/// proved that it may say so, which no refusal does.
pub(crate) async fn look(host: &Host, myself: &Myself, address: &str) -> Option<u128> {
    connect(host, myself, None, address, Lane::Control, 0).await.ok()?.peer.cluster_id
}

/// As one who says to belong to that cluster.
async fn connect(
    host: &Host,
    myself: &Myself,
    said_cluster: Option<u128>,
    address: &str,
    lane: Lane,
    session: u64,
) -> Result<Greeted, GreetError> {
    let found = host.resolve(address).await;
    let found = found.map_err(|error| GreetError::Resolve { address: address.into(), error })?;
    among(host, myself, said_cluster, address, found, lane, session).await
}

/// The same, where the addresses are known.
async fn among(
    host: &Host,
    myself: &Myself,
    said_cluster: Option<u128>,
    address: &str,
    found: Vec<SocketAddr>,
    lane: Lane,
    session: u64,
) -> Result<Greeted, GreetError> {
    let limit = if lane == Lane::Data { CONNECT } else { CONNECT_CONTROL };
    let nowhere = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut last = GreetError::Resolve { address: address.into(), error: nowhere() };
    for at in found {
        match host.connect(at, limit).await {
            Ok(stream) => {
                let local = Local { cluster_id: said_cluster, ..local(host, myself) };
                let (handshake, hello) = Handshake::connect(local, lane, session)?;
                let greeting = async {
                    #[cfg(feature = "tls")]
                    let stream = match myself.tls() {
                        Some(tls) => tls.connect(stream, address).await?,
                        None => stream,
                    };
                    greet(stream, handshake, hello, |_| Ok(())).await
                };
                match host.timeout(LIMIT, greeting).await.unwrap_or(Err(GreetError::Late)) {
                    Ok(greeted) => return Ok(Greeted { said_cluster, ..greeted }),
                    #[cfg(feature = "tls")]
                    Err(error @ GreetError::Tls(_)) => last = error,
                    Err(error) => return Err(error),
                }
            }
            // What somebody said matters more.
            Err(_) if last.is_a_refusal() => {}
            Err(error) => last = GreetError::Connect { at, error },
        }
    }
    Err(last)
}

/// Answers who has connected. `judge` says whether a peer that has proved who it is may stay.
pub(super) async fn admit(
    host: &Host,
    myself: &Myself,
    stream: Stream,
    judge: impl Fn(&Peer) -> Result<(), (RefuseCode, String)>,
) -> Result<Greeted, GreetError> {
    let local = local(host, myself);
    let said_cluster = local.cluster_id;
    let greeting = async {
        let (stream, handshake) = accept(myself, stream, local).await?;
        greet(stream, handshake, Vec::new(), judge).await
    };
    let greeted = host.timeout(LIMIT, greeting).await.unwrap_or(Err(GreetError::Late))?;
    Ok(Greeted { said_cluster, ..greeted })
}

#[cfg(not(feature = "tls"))]
async fn accept(_: &Myself, stream: Stream, local: Local) -> Result<(Stream, Handshake), GreetError> {
    Ok((stream, Handshake::accept(local)?))
}

/// Puts the connection within TLS, if this node has it. Who talks without is told so without.
#[cfg(feature = "tls")]
async fn accept(myself: &Myself, mut stream: Stream, local: Local) -> Result<(Stream, Handshake), GreetError> {
    /// What a record of TLS begins with.
    const RECORDS: std::ops::RangeInclusive<u8> = 0x14..=0x17;
    let Some(tls) = myself.tls() else { return Ok((stream, Handshake::accept(local)?)) };
    let mut first = [0];
    if stream.peek(&mut first).await.map_err(GreetError::Broken)? > 0 && !RECORDS.contains(&first[0]) {
        return Ok((stream, Handshake::turn_away(local)?));
    }
    Ok((tls.accept(stream).await?, Handshake::accept(local)?))
}

async fn greet(
    mut stream: Stream,
    mut handshake: Handshake,
    mut output: Vec<u8>,
    judge: impl Fn(&Peer) -> Result<(), (RefuseCode, String)>,
) -> Result<Greeted, GreetError> {
    let mut input = BytesMut::with_capacity(1024);
    loop {
        let mut step = handshake.feed(&mut input, &mut output);
        if let Ok(Step::Judge(peer)) = &step {
            step = handshake.verdict(judge(peer), &mut output);
        }
        if !output.is_empty() {
            let written = stream.write_all(&output).await;
            // What was wrong matters more than that it could not be told.
            if step.is_ok()
                && let Err(error) = written
            {
                // And what the other side said before it closed.
                let why = stream.read_buf(&mut input).await.err().map(GreetError::broken);
                return Err(why.filter(GreetError::is_a_refusal).unwrap_or(GreetError::Broken(error)));
            }
            output.clear();
        }
        match step? {
            Step::Done(peer) => return Ok(Greeted { stream, rest: input, peer, said_cluster: None }),
            Step::More | Step::Judge(_) => {}
        }
        if stream.read_buf(&mut input).await.map_err(GreetError::broken)? == 0 {
            return Err(GreetError::Handshake(handshake.closed(&input)));
        }
    }
}

fn local(host: &Host, myself: &Myself) -> Local {
    let mut nonce = [0; 32];
    for part in nonce.chunks_mut(8) {
        part.copy_from_slice(&host.random().to_le_bytes());
    }
    Local {
        versions: Versions::SPOKEN,
        cluster: myself.cluster().to_string(),
        cluster_id: myself.cluster_id(),
        node: myself.key().id.clone(),
        incarnation: myself.key().incarnation,
        raft_id: myself.raft_id(),
        advertise: myself.address().to_string(),
        secret: myself.secret().cloned(),
        nonce,
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;
    use crate::cluster::{
        Incarnation, NodeKey,
        tls::{Authority, Configs, Handshakes, Running},
    };

    fn node(id: &str, raft_id: u64, by: &Authority) -> (Myself, Running) {
        let dir = tempfile::tempdir().unwrap();
        let configs = Configs::read(&by.write(dir.path(), "localhost")).unwrap();
        let (tls, running) = Handshakes::start(&Host::current(), configs).unwrap();
        let key = NodeKey { id: id.into(), incarnation: Incarnation(1) };
        (Myself::new(key, raft_id, "127.0.0.1:1".into(), "casty".into(), None).with_tls(Some(tls)), running)
    }

    /// Lets everybody in who comes and may.
    async fn listens((myself, running): (Myself, Running)) -> SocketAddr {
        let host = Host::current();
        let listener = host.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let at = listener.local_addr().unwrap();
        host.clone().spawn(async move {
            let _running = running;
            loop {
                let _ = admit(&host, &myself, listener.accept().await.unwrap().0, |_| Ok(())).await;
            }
        });
        at
    }

    #[tokio::test]
    async fn behind_another_nodes_address_the_right_one_is_found() {
        let (host, authority) = (Host::current(), Authority::new());
        let (a, _a) = node("a", 1, &authority);
        let (b, other) = (listens(node("b", 2, &authority)).await, listens(node("c", 3, &Authority::new())).await);
        let nobody = host.listen("127.0.0.1:0".parse().unwrap()).await.unwrap().local_addr().unwrap();
        let dial = |found: Vec<SocketAddr>| among(&host, &a, None, "localhost:1", found, Lane::Control, 0);
        for found in [vec![other, b], vec![nobody, other, nobody, b], vec![b, other]] {
            assert_eq!(dial(found).await.expect("it is found").peer.raft_id, 2);
        }
        let error = dial(vec![other, nobody]).await.err().expect("there is none");
        assert_eq!(error.refused(), Some(RefuseCode::Tls), "{error}");
    }
}
