//! All frames there and back, and all that comes instead of them.

use bytes::{Bytes, BytesMut};
use proptest::{collection::vec, prelude::*};

use super::{flags::*, *};

/// What frames of every kind are made of.
#[derive(Debug, Clone)]
struct Parts {
    kind: u8,
    numbers: [u64; 3],
    byte: u8,
    truth: bool,
    name: String,
    to_name: Option<String>,
    chain: ChainBuf,
    body: Vec<u8>,
}

impl Parts {
    fn any() -> impl Strategy<Value = Self> {
        let actor = || (".{0,20}", any::<u64>());
        let chain = vec(actor(), 0..=32).prop_map(|actors| {
            let mut chain = ChainBuf::default();
            actors.iter().for_each(|(node, actor)| chain.push(node, *actor).unwrap());
            chain
        });
        let texts = (".{0,60}", proptest::option::of(".{0,300}"), chain, vec(any::<u8>(), 0..300));
        (any::<(u8, [u64; 3], u8, bool)>(), texts).prop_map(|((kind, numbers, byte, truth), (name, to_name, chain, body))| Self {
            kind,
            numbers,
            byte,
            truth,
            name,
            to_name,
            chain,
            body,
        })
    }

    fn data(&self) -> DataFrame<'_> {
        let (body, text) = (&self.body[..], &self.name[..]);
        let [watcher, actor, incarnation] = self.numbers;
        let (request, nonce, received) = (watcher, watcher, watcher);
        match self.kind % 14 {
            0 => DataFrame::Request(Request {
                request,
                actor,
                flags: self.byte & (ASK | CONFIRM | IDEMPOTENT | AGAIN | LEFT_BEHIND),
                target_incarnation: incarnation,
                name: text,
                to_name: self.to_name.as_deref(),
                chain: self.chain.as_chain(),
                body,
            }),
            1 => DataFrame::Answer { request, status: AnswerStatus::ALL[usize::from(self.byte % 3)], body },
            2 => DataFrame::Ack { received },
            3 => DataFrame::Pause { actor },
            4 => DataFrame::Resume { actor },
            5 => DataFrame::Piece { stream: actor as u32, last: self.truth, bytes: body },
            6 => DataFrame::Watch { watcher, actor, incarnation },
            7 => DataFrame::Unwatch { watcher, actor, incarnation },
            8 => DataFrame::Terminated { watcher, actor, incarnation, reason: self.byte, text },
            9 => DataFrame::Stop { actor, incarnation },
            10 => DataFrame::Ping { nonce },
            11 => DataFrame::Pong { nonce },
            12 => DataFrame::Goodbye { code: self.byte, text },
            _ => DataFrame::Find { request, name: text },
        }
    }

    fn call(&self) -> CallFrame<'_> {
        let (request, body) = (self.numbers[0], &self.body[..]);
        match self.kind % 5 {
            0 => CallFrame::Call { request, method: self.byte, body },
            1 => CallFrame::Reply { request, status: ReplyStatus::Error, body },
            2 => CallFrame::Ping { nonce: request },
            3 => CallFrame::Pong { nonce: request },
            _ => CallFrame::Goodbye { code: self.byte, text: &self.name },
        }
    }
}

/// The kinds whose frames have one length only.
const FIXED: [Kind; 8] = [Kind::Ack, Kind::Pause, Kind::Resume, Kind::Watch, Kind::Unwatch, Kind::Stop, Kind::Ping, Kind::Pong];

fn cut(kinds: Kinds, bytes: &[u8]) -> Frame {
    let mut buffer = BytesMut::from(bytes);
    let frame = FrameReader::new(kinds, FRAME_LIMIT).next(&mut buffer).unwrap().unwrap();
    assert!(buffer.is_empty());
    frame
}

fn encoded(frames: &[Parts]) -> Vec<u8> {
    let mut out = Vec::new();
    frames.iter().for_each(|parts| parts.data().encode(&mut out, FRAME_LIMIT).unwrap());
    out
}

fn request(body: &[u8]) -> Request<'_> {
    Request {
        request: 1,
        actor: 2,
        flags: ASK,
        target_incarnation: 3,
        name: "shop::Deposit",
        to_name: None,
        chain: Chain::default(),
        body,
    }
}

#[test]
fn a_body_may_be_appended_to_a_request_that_has_begun() {
    let (mut whole, mut appended) = (Vec::new(), Vec::new());
    request(b"the body").encode(&mut whole, FRAME_LIMIT).unwrap();
    let start = request(b"").begin(&mut appended).unwrap();
    appended.extend_from_slice(b"the body");
    start.end(&mut appended, FRAME_LIMIT).unwrap();
    assert_eq!(whole, appended);
}

#[test]
fn names_that_do_not_fit_are_refused_before_anything_is_written() {
    let (long, longer) = ("x".repeat(256), "x".repeat(65_535));
    let mut out = b"before".to_vec();
    let error = Request { name: &long, ..request(b"") }.encode(&mut out, FRAME_LIMIT).unwrap_err();
    assert_eq!(error, WireError::NameTooLong { field: "message name", bytes: 256, limit: 255 });
    let error = Request { to_name: Some(&longer), ..request(b"") }.encode(&mut out, FRAME_LIMIT).unwrap_err();
    assert_eq!(error, WireError::NameTooLong { field: "registered name", bytes: 65_535, limit: 65_534 });
    let error = request(&[0; 1_000]).encode(&mut out, 900).unwrap_err();
    assert!(matches!(error, WireError::TooLong { limit: 900, .. }));
    assert_eq!(out, b"before");
    Request { to_name: Some(&longer[1..]), name: &long[1..], ..request(b"") }.encode(&mut out, FRAME_LIMIT).unwrap();
}

#[test]
fn a_chain_that_claims_more_than_32_actors_is_refused() {
    let mut out = Vec::new();
    request(b"").encode(&mut out, FRAME_LIMIT).unwrap();
    *out.last_mut().unwrap() = 33;
    out.extend([0; 9 * 33]);
    assert_eq!(DataFrame::read(Kind::Request, &out[5..]), Err(WireError::ChainTooLong { actors: 33, limit: 32 }));
}

#[test]
fn numbers_that_stand_for_nothing_are_refused() {
    let text = |kind, payload: &[u8]| DataFrame::read(kind, payload).unwrap_err().to_string();
    assert!(text(Kind::Answer, &[0, 0, 0, 0, 0, 0, 0, 0, 12]).contains("12 is no status of a frame `Answer`"));
    assert!(text(Kind::Piece, &[0, 0, 0, 0, 2]).contains("frame `Piece`"));
    let mut flagged = Vec::new();
    request(b"").encode(&mut flagged, FRAME_LIMIT).unwrap();
    flagged[5 + 16] = 0x80;
    assert!(text(Kind::Request, &flagged[5..]).contains("128 is no set of flags"));
    assert!(text(Kind::Goodbye, &[0, 0xff]).contains("not UTF-8"));
    assert!(CallFrame::read(Kind::Reply, &[0, 0, 0, 0, 0, 0, 0, 0, 3]).is_err());
}

#[test]
fn frames_of_one_lane_are_unknown_on_another() {
    assert!(matches!(DataFrame::read(Kind::Call, &[0; 9]), Err(WireError::UnknownKind { kind: 32, .. })));
    assert!(matches!(CallFrame::read(Kind::Request, &[0; 9]), Err(WireError::UnknownKind { kind: 1, .. })));
}

#[test]
fn a_body_outlives_its_frame_without_a_copy() {
    let mut out = Vec::new();
    request(b"the body").encode(&mut out, FRAME_LIMIT).unwrap();
    let frame = cut(Kinds::Data, &out);
    let DataFrame::Request(Request { body, .. }) = DataFrame::decode(&frame).unwrap() else { panic!() };
    let kept: Bytes = frame.payload.slice_ref(body);
    assert_eq!((kept.as_ptr(), &kept[..]), (body.as_ptr(), &b"the body"[..]));
}

proptest! {
    #[test]
    fn frames_of_the_data_lane_come_out_as_they_went_in(parts in Parts::any()) {
        let mut out = Vec::new();
        parts.data().encode(&mut out, FRAME_LIMIT).unwrap();
        let frame = cut(Kinds::Data, &out);
        prop_assert_eq!(frame.kind, parts.data().kind());
        prop_assert_eq!(DataFrame::decode(&frame).unwrap(), parts.data());
    }

    #[test]
    fn calls_come_out_as_they_went_in(parts in Parts::any()) {
        let mut out = Vec::new();
        parts.call().encode(&mut out, FRAME_LIMIT).unwrap();
        let frame = cut(Kinds::Calls, &out);
        prop_assert_eq!(frame.kind, parts.call().kind());
        prop_assert_eq!(CallFrame::decode(&frame).unwrap(), parts.call());
    }

    #[test]
    fn a_frame_that_ends_early_is_refused_unless_its_last_field_is_of_any_length(parts in Parts::any()) {
        let mut out = Vec::new();
        parts.data().encode(&mut out, FRAME_LIMIT).unwrap();
        let (kind, payload) = (parts.data().kind(), &out[5..]);
        for end in 0..payload.len() {
            if DataFrame::read(kind, &payload[..end]).is_ok() {
                prop_assert!(!FIXED.contains(&kind), "{kind:?}");
            }
        }
    }

    #[test]
    fn bytes_after_the_last_field_are_refused(parts in Parts::any(), more in vec(any::<u8>(), 1..9)) {
        let mut out = Vec::new();
        parts.data().encode(&mut out, FRAME_LIMIT).unwrap();
        out.extend_from_slice(&more);
        let kind = parts.data().kind();
        if FIXED.contains(&kind) {
            let trailing = DataFrame::read(kind, &out[5..]).unwrap_err();
            prop_assert_eq!(trailing.to_string().contains(&format!("{} bytes after its last field", more.len())), true);
        }
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(bytes in vec(any::<u8>(), 0..400)) {
        fuzz::fuzz_frames(&bytes);
        fuzz::fuzz_handshake(&bytes);
        for lane in 0..=u8::MAX {
            if let Ok(kind) = Kinds::Data.of(lane) {
                let _ = DataFrame::read(kind, &bytes);
            }
            if let Ok(kind) = Kinds::Calls.of(lane) {
                let _ = CallFrame::read(kind, &bytes);
            }
        }
    }

    #[test]
    fn changed_frames_are_frames_or_an_error(
        parts in vec(Parts::any(), 1..4),
        changes in vec(any::<(usize, u8)>(), 1..6),
        at_once in 0..64_u8,
    ) {
        let mut bytes = vec![at_once << 1];
        bytes.extend(encoded(&parts));
        for (place, change) in changes {
            let place = 1 + place % (bytes.len() - 1);
            bytes[place] ^= change;
        }
        fuzz::fuzz_frames(&bytes);
    }
}
