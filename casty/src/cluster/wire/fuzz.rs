//! What the fuzzers call with any bytes: nothing here may panic, and what is read must be written as it was.

use bytes::BytesMut;

use super::{
    CallFrame, DataFrame, Frame, FrameReader, Kinds, Pieces, Whole,
    handshake::{Handshake, HandshakeError, Lane, Local, Peer, Secret, Step, Versions},
};
use crate::cluster::{Incarnation, NodeId};

const LIMIT: u32 = 64 * 1024;

/// Reads bytes as the frames of a lane. The first byte says which, and in how large parts the others come.
pub(crate) fn fuzz_frames(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let kinds = if how & 1 == 0 { Kinds::Data } else { Kinds::Calls };
    let (mut reader, mut buffer) = (FrameReader::new(kinds, LIMIT), BytesMut::new());
    let mut large = Pieces::new(LIMIT);
    for part in data.chunks(usize::from(how >> 1) + 1) {
        buffer.extend_from_slice(part);
        loop {
            match reader.next(&mut buffer) {
                Ok(Some(frame)) if kinds == Kinds::Data => data_frame(&frame, Some(&mut large)),
                Ok(Some(frame)) => call_frame(&frame),
                Ok(None) => break,
                Err(error) => return drop(error.to_string()),
            }
        }
    }
    assert!(large.held() <= data.len());
}

fn data_frame(frame: &Frame, large: Option<&mut Pieces>) {
    let read = match DataFrame::decode(frame) {
        Ok(read) => read,
        Err(error) => return drop(error.to_string()),
    };
    let mut written = Vec::new();
    read.encode(&mut written, LIMIT).expect("what was read is no longer than what may be written");
    assert_eq!((written[4], &written[5..]), (frame.kind as u8, &frame.payload[..]));
    match (read, large) {
        (DataFrame::Piece { stream, last, bytes }, Some(large)) => match large.take(stream, last, bytes) {
            Ok(Some(Whole::Frame(frame))) => data_frame(&frame, None),
            Ok(Some(Whole::Over { beginning, .. })) => drop(Whole::numbers(&beginning)),
            Ok(None) => {}
            Err(error) => drop(error.to_string()),
        },
        (DataFrame::Request(request), _) => assert_eq!(request.chain.iter().count(), request.chain.len()),
        _ => {}
    }
}

fn call_frame(frame: &Frame) {
    match CallFrame::decode(frame) {
        Ok(read) => {
            let mut written = Vec::new();
            read.encode(&mut written, LIMIT).expect("what was read is no longer than what may be written");
            assert_eq!((written[4], &written[5..]), (frame.kind as u8, &frame.payload[..]));
        }
        Err(error) => drop(error.to_string()),
    }
}

/// Has bytes as a peer of either side, which must not take them for a node that knows the secret; and changes bytes of a
/// conversation between two nodes without a secret.
pub(crate) fn fuzz_handshake(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let at_once = usize::from(how) + 1;
    let secret = Some(Secret::from(b"nobody knows it".to_vec()));
    let (connecting, _) = Handshake::connect(local("a", secret.clone()), Lane::Data, 1).expect("the names are short");
    let accepting = Handshake::accept(local("b", secret)).expect("the names are short");
    for side in [connecting, accepting] {
        assert!(talk(side, data, at_once, &mut Vec::new()).is_err(), "a stranger was taken for a node");
    }
    let open = Handshake::accept(local("b", None)).expect("the names are short");
    if let Ok(peer) = talk(open, data, at_once, &mut Vec::new()) {
        assert!(peer.node.as_str() != "b" && !peer.advertise.is_empty());
    }
    meddle(data, at_once);
}

/// A conversation whose bytes are changed on the way, as `data` says: pairs of a place and a difference.
fn meddle(data: &[u8], at_once: usize) {
    let (mut client, mut to_server) = Handshake::connect(local("a", None), Lane::Bulk, 1).expect("the names are short");
    let mut server = Handshake::accept(local("b", None)).expect("the names are short");
    let mut changes = data.chunks_exact(2);
    for _ in 0..4 {
        let mut to_client = Vec::new();
        change(&mut to_server, changes.next());
        if step(&mut server, &to_server, at_once, &mut to_client).is_err() {
            return;
        }
        to_server.clear();
        change(&mut to_client, changes.next());
        if step(&mut client, &to_client, at_once, &mut to_server).is_err() {
            return;
        }
    }
}

fn change(bytes: &mut [u8], change: Option<&[u8]>) {
    if let (Some(&[place, difference]), false) = (change, bytes.is_empty()) {
        let place = usize::from(place) % bytes.len();
        bytes[place] ^= difference;
    }
}

/// Feeds one side all of `data`, accepting every peer.
fn talk(mut side: Handshake, data: &[u8], at_once: usize, output: &mut Vec<u8>) -> Result<Peer, HandshakeError> {
    match step(&mut side, data, at_once, output)? {
        Some(peer) => Ok(peer),
        None => Err(side.closed(&BytesMut::new())),
    }
}

fn step(side: &mut Handshake, data: &[u8], at_once: usize, output: &mut Vec<u8>) -> Result<Option<Peer>, HandshakeError> {
    let mut input = BytesMut::new();
    for part in data.chunks(at_once) {
        input.extend_from_slice(part);
        let mut step = side.feed(&mut input, output);
        if let Ok(Step::Judge(_)) = step {
            step = side.verdict(Ok(()), output);
        }
        match step {
            Ok(Step::Done(peer)) => return Ok(Some(peer)),
            Ok(_) => {}
            Err(error) => {
                let _ = error.to_string();
                assert!(output.len() < 16 * 1024, "a short answer will do");
                return Err(error);
            }
        }
    }
    Ok(None)
}

fn local(node: &str, secret: Option<Secret>) -> Local {
    Local {
        versions: Versions::SPOKEN,
        cluster: "fuzzed".into(),
        cluster_id: Some(1),
        node: NodeId::from(node),
        incarnation: Incarnation(1),
        raft_id: 1,
        advertise: "localhost:1".into(),
        secret,
        nonce: [7; 32],
    }
}
