//! Two sides that meet, well or badly.

use super::*;
use crate::cluster::{Incarnation, NodeId};

pub(in crate::cluster::wire) fn local(node: &str) -> Local {
    Local {
        versions: Versions { min: 1, max: 1 },
        cluster: "shop".into(),
        cluster_id: Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        node: NodeId::from(node),
        incarnation: Incarnation(3),
        raft_id: node.bytes().map(u64::from).sum(),
        advertise: format!("{node}.example:7400"),
        secret: Some(Secret::from(b"open sesame".to_vec())),
        nonce: [node.len() as u8; 32],
    }
}

/// What each side came to, and all that each sent.
struct Met {
    connecting: Result<Peer, HandshakeError>,
    accepting: Result<Peer, HandshakeError>,
    sent: [Vec<u8>; 2],
}

type Verdict = Result<(), (RefuseCode, String)>;

fn meet(connecting: Local, accepting: Local) -> Met {
    meet_judged(connecting, accepting, &[Ok(()), Ok(())], 4_096)
}

/// Lets two sides meet, with what each thinks of the other, the bytes coming `at_once`.
fn meet_judged(connecting: Local, accepting: Local, verdicts: &[Verdict; 2], at_once: usize) -> Met {
    let (client, first) = Handshake::connect(connecting, Lane::Data, 42).unwrap();
    let mut sides = [client, Handshake::accept(accepting).unwrap()];
    let mut wires = [first.clone(), Vec::new()];
    let mut inputs = [BytesMut::new(), BytesMut::new()];
    let mut ends = [None, None];
    let mut sent = [first, Vec::new()];
    for _ in 0..10_000 {
        for side in 0..2 {
            let arriving = wires[1 - side].len().min(at_once);
            inputs[side].extend(wires[1 - side].drain(..arriving));
            if ends[side].is_some() {
                continue;
            }
            let mut output = Vec::new();
            let step = match sides[side].feed(&mut inputs[side], &mut output) {
                Ok(Step::Judge(_)) => sides[side].verdict(verdicts[side].clone(), &mut output),
                step => step,
            };
            match step {
                Ok(Step::More) => {}
                Ok(Step::Judge(peer)) => panic!("{peer:?} is to be judged twice"),
                Ok(Step::Done(peer)) => ends[side] = Some(Ok(peer)),
                Err(error) => ends[side] = Some(Err(error)),
            }
            sent[side].extend(&output);
            wires[side].extend(output);
        }
        if wires.iter().all(Vec::is_empty) {
            break;
        }
    }
    let mut ends =
        ends.into_iter().zip(&sides).zip(&inputs).map(|((end, side), input)| end.unwrap_or_else(|| Err(side.closed(input))));
    Met { connecting: ends.next().unwrap(), accepting: ends.next().unwrap(), sent }
}

#[track_caller]
fn refused(met: &Met, code: RefuseCode, says: &[&str]) {
    let (Err(connecting), Err(accepting)) = (&met.connecting, &met.accepting) else {
        panic!("{:?} and {:?}", met.connecting, met.accepting)
    };
    assert_eq!((connecting.code(), accepting.code()), (Some(code), Some(code)), "{connecting} / {accepting}");
    for said in says {
        assert!(connecting.to_string().contains(said), "{connecting}");
        assert!(accepting.to_string().contains(said), "{accepting}");
    }
}

/// What the accepting side says to `bytes`, and its error.
fn says_to(bytes: &[u8]) -> (Result<Step, HandshakeError>, Vec<u8>) {
    let (mut side, mut output) = (Handshake::accept(local("accepting")).unwrap(), Vec::new());
    let end = side.feed(&mut BytesMut::from(bytes), &mut output);
    (end, output)
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn two_nodes_of_a_cluster_meet() {
    for at_once in [1, 2, 3, 100, 4_096] {
        let met = meet_judged(local("a"), local("bb"), &[Ok(()), Ok(())], at_once);
        let (a, bb) = (met.accepting.unwrap(), met.connecting.unwrap());
        assert_eq!((a.node.as_str(), bb.node.as_str()), ("a", "bb"));
        assert_eq!((a.lane, a.session, a.version), (Lane::Data, 42, 1));
        assert_eq!((bb.lane, bb.session, bb.version), (Lane::Data, 42, 1));
        assert_eq!(bb.advertise, "bb.example:7400");
        assert_eq!((bb.incarnation, bb.raft_id, bb.cluster_id), (Incarnation(3), 196, local("bb").cluster_id));
    }
}

#[test]
fn nodes_without_a_secret_meet_too() {
    let bare = |node| Local { secret: None, ..local(node) };
    let met = meet(bare("a"), bare("bb"));
    assert!(met.connecting.is_ok() && met.accepting.is_ok());
}

#[test]
fn a_node_without_a_cluster_yet_meets_one_that_has() {
    let met = meet(Local { cluster_id: None, ..local("a") }, local("bb"));
    assert_eq!(met.accepting.unwrap().cluster_id, None);
    assert_eq!(met.connecting.unwrap().cluster_id, local("bb").cluster_id);
}

#[test]
fn frames_that_follow_the_handshake_are_left_in_the_input() {
    let (mut client, first) = Handshake::connect(local("a"), Lane::Data, 1).unwrap();
    let mut server = Handshake::accept(local("bb")).unwrap();
    let (mut to_server, mut to_client) = (BytesMut::from(&first[..]), Vec::new());
    assert_eq!(server.feed(&mut to_server, &mut to_client), Ok(Step::More));
    let mut proof = Vec::new();
    assert_eq!(client.feed(&mut BytesMut::from(&to_client[..]), &mut proof), Ok(Step::More));
    let mut accept = Vec::new();
    assert!(matches!(server.feed(&mut BytesMut::from(&proof[..]), &mut accept), Ok(Step::Judge(_))));
    assert_eq!(server.verdict(Ok(()), &mut accept), Ok(Step::More));
    let mut begin = Vec::new();
    assert!(matches!(client.feed(&mut BytesMut::from(&accept[..]), &mut begin), Ok(Step::Judge(_))));
    assert!(matches!(client.verdict(Ok(()), &mut begin), Ok(Step::Done(_))));
    begin.extend_from_slice(b"the first request");
    let mut input = BytesMut::from(&begin[..]);
    assert!(matches!(server.feed(&mut input, &mut Vec::new()), Ok(Step::Done(_))));
    assert_eq!(input, b"the first request"[..]);
    assert_eq!(server.feed(&mut input, &mut Vec::new()), Err(HandshakeError::Over));
    assert_eq!(server.verdict(Ok(()), &mut Vec::new()), Err(HandshakeError::Over));
}

#[test]
fn different_secrets_are_refused() {
    let met = meet(Local { secret: Some(Secret::from(b"guess".to_vec())), ..local("a") }, local("bb"));
    refused(&met, RefuseCode::WrongSecret, &["secrets of the two nodes differ"]);
}

#[test]
fn who_does_not_know_the_secret_learns_nothing_of_the_cluster() {
    let met = meet(Local { secret: Some(Secret::from(b"guess".to_vec())), ..local("a") }, local("bb"));
    let met_bare = meet(Local { secret: None, ..local("a") }, local("bb"));
    for sent in [&met.sent[1], &met_bare.sent[1]] {
        assert!(!contains(sent, "bb") && !contains(sent, "shop") && !contains(sent, "open sesame"));
    }
}

#[test]
fn a_secret_on_one_side_only_is_refused() {
    let met = meet(Local { secret: None, ..local("a") }, local("bb"));
    refused(&met, RefuseCode::NeedsSecret, &["this cluster needs a secret"]);
    let met = meet(local("a"), Local { secret: None, ..local("bb") });
    refused(&met, RefuseCode::NeedsSecret, &["the peer needs a secret"]);
}

#[test]
fn an_accepting_side_that_wants_no_proof_is_refused_by_a_connecting_side_with_a_secret() {
    let (mut client, _) = Handshake::connect(local("a"), Lane::Data, 1).unwrap();
    let mut impostor = Handshake::accept(Local { secret: None, ..local("bb") }).unwrap();
    let mut welcome = Vec::new();
    let body = Welcome { version: 1, auth: hello::Auth::None, nonce: [0; 32].into() };
    impostor.say(Kind::Welcome, &body, &mut welcome).unwrap();
    let mut output = Vec::new();
    let error = client.feed(&mut BytesMut::from(&welcome[..]), &mut output).unwrap_err();
    assert_eq!(error.code(), Some(RefuseCode::NeedsSecret));
    assert!(!contains(&output, "shop"));
}

#[test]
fn a_proof_that_comes_back_is_no_proof() {
    // The impostor sends the connecting side's own proof back to it.
    let (mut client, _) = Handshake::connect(local("a"), Lane::Data, 1).unwrap();
    let mut impostor = Handshake::accept(local("bb")).unwrap();
    let (mut welcome, mut proof, mut output) = (Vec::new(), Vec::new(), Vec::new());
    let body = Welcome { version: 1, auth: hello::Auth::Secret, nonce: [0; 32].into() };
    impostor.say(Kind::Welcome, &body, &mut welcome).unwrap();
    client.feed(&mut BytesMut::from(&welcome[..]), &mut proof).unwrap();
    proof[4] = Kind::Accept as u8;
    let error = client.feed(&mut BytesMut::from(&proof[..]), &mut output).unwrap_err();
    assert_eq!(error.code(), Some(RefuseCode::WrongSecret));
}

#[test]
fn a_recorded_conversation_proves_nothing_to_another_nonce() {
    let recorded = meet(local("a"), local("bb")).sent[0].clone();
    let mut side = Handshake::accept(Local { nonce: [99; 32], ..local("bb") }).unwrap();
    let error = side.feed(&mut BytesMut::from(&recorded[..]), &mut Vec::new()).unwrap_err();
    assert_eq!(error.code(), Some(RefuseCode::WrongSecret));
}

#[test]
fn versions_that_do_not_overlap_are_refused_naming_both() {
    let met = meet(Local { versions: Versions { min: 4, max: 6 }, ..local("a") }, local("bb"));
    refused(&met, RefuseCode::Version, &["1 to 1", "4 to 6"]);
}

#[test]
fn the_latest_version_of_both_is_spoken() {
    let with = |node, min, max| Local { versions: Versions { min, max }, ..local(node) };
    let met = meet(with("a", 1, 5), with("bb", 3, 9));
    assert_eq!((met.connecting.unwrap().version, met.accepting.unwrap().version), (5, 5));
}

#[test]
fn another_cluster_is_refused_naming_both() {
    let met = meet(Local { cluster: "test".into(), ..local("a") }, local("bb"));
    refused(&met, RefuseCode::ClusterName, &["\"shop\"", "\"test\""]);
    let met = meet(Local { cluster_id: Some(7), ..local("a") }, local("bb"));
    refused(&met, RefuseCode::ClusterId, &["00000000000000000000000000000007", "0123456789abcdef0123456789abcdef"]);
}

#[test]
fn two_nodes_of_one_id_are_refused_naming_both_addresses() {
    let met = meet(Local { raft_id: 1, advertise: "elsewhere:1".into(), ..local("bb") }, local("bb"));
    refused(&met, RefuseCode::SameNode, &["elsewhere:1", "bb.example:7400"]);
}

#[test]
fn a_node_that_dials_itself_finds_out() {
    refused(&meet(local("bb"), local("bb")), RefuseCode::Itself, &["itself"]);
}

#[test]
fn either_side_may_refuse_who_is_known_by_then() {
    let no = || Err((RefuseCode::Fenced, "a later start is known".to_owned()));
    let met = meet_judged(local("a"), local("bb"), &[Ok(()), no()], 4_096);
    refused(&met, RefuseCode::Fenced, &["a later start is known"]);
    let met = meet_judged(local("a"), local("bb"), &[no(), Ok(())], 4_096);
    refused(&met, RefuseCode::Fenced, &["a later start is known"]);
}

#[test]
fn a_busy_node_says_so_before_it_has_heard_anything() {
    let (mut client, _) = Handshake::connect(local("a"), Lane::Control, 1).unwrap();
    let refusal = Handshake::refusal(RefuseCode::Busy, "too many connections");
    let error = client.feed(&mut BytesMut::from(&refusal[..]), &mut Vec::new()).unwrap_err();
    assert_eq!(error, HandshakeError::Refused { code: RefuseCode::Busy, text: "too many connections".into() });
}

#[test]
fn strangers_are_told_by_what_they_say() {
    for (bytes, text) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "this looks like HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\n", "this looks like HTTP"),
        (b"CONNECT a:1 HTTP/1.1\r\n", "this looks like HTTP"),
        (&[0x16, 3, 1, 2, 0, 1, 0], "this looks like TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "this looks like SSH"),
        (&[0; 64], "no casty node's"),
        (b"CASTLE of bytes", "no casty node's"),
    ] {
        let (end, said) = says_to(bytes);
        let error = end.unwrap_err();
        assert_eq!(error.code(), Some(RefuseCode::NotCasty));
        assert!(error.to_string().contains(text), "{error}");
        assert!(contains(&said, text));
    }
    assert!(says_to(b"GET / HTTP/1.1\r\n\r\n").1.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
}

#[test]
fn a_connecting_side_recognises_a_stranger_by_its_answer() {
    for (bytes, text) in
        [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "this looks like HTTP"), (&[0x15, 3, 1, 0, 2, 2, 70], "this looks like TLS")]
    {
        let (mut client, _) = Handshake::connect(local("a"), Lane::Data, 1).unwrap();
        let error = client.feed(&mut BytesMut::from(bytes), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_stranger_that_hangs_up_early_is_told_all_the_same() {
    let mut side = Handshake::accept(local("bb")).unwrap();
    let mut input = BytesMut::from(&[0x16, 3, 1][..]);
    assert_eq!(side.feed(&mut input, &mut Vec::new()), Ok(Step::More));
    assert_eq!(side.closed(&input).code(), Some(RefuseCode::NotCasty));
    assert_eq!(Handshake::accept(local("bb")).unwrap().closed(&BytesMut::new()), HandshakeError::Closed);
}

#[test]
fn another_format_of_handshake_is_refused_naming_both() {
    let (end, said) = says_to(b"CASTY\0\x02\x00and what follows");
    let error = end.unwrap_err();
    assert_eq!(error.code(), Some(RefuseCode::Version));
    assert!(error.to_string().contains("format 1, the peer in format 2"), "{error}");
    assert!(said.starts_with(&PREAMBLE));
}

#[test]
fn what_is_no_handshake_is_refused() {
    let with_preamble = |bytes: &[u8]| [&PREAMBLE, bytes].concat();
    for (bytes, text) in [
        (with_preamble(&[0xff; 4]), "4294967295 bytes is over the limit of 4096"),
        (with_preamble(&[0, 0, 0, 0]), "length 0"),
        (with_preamble(&[2, 0, 0, 0, 1]), "kind 1 are unknown in a handshake"),
        (with_preamble(&[2, 0, 0, 0, 64, 0xc0]), "a frame `Hello`"),
        (with_preamble(&[2, 0, 0, 0, 66, 0xc0]), "a frame `Proof` out of turn"),
    ] {
        let (end, said) = says_to(&bytes);
        let error = end.unwrap_err();
        assert_eq!(error.code(), Some(RefuseCode::Malformed));
        assert!(error.to_string().contains(text), "{error}");
        assert!(contains(&said, text));
    }
}

#[test]
fn a_refusal_does_no_harm_in_a_log() {
    let (mut client, _) = Handshake::connect(local("a"), Lane::Data, 1).unwrap();
    let refusal = Handshake::refusal(RefuseCode::Busy, &format!("\x1b[2Jline\nline{}", "ü".repeat(5_000)));
    assert!(refusal.len() < 1_100);
    let Err(HandshakeError::Refused { text, .. }) = client.feed(&mut BytesMut::from(&refusal[..]), &mut Vec::new()) else {
        panic!()
    };
    assert!(text.len() <= 1_000 && text.starts_with(" [2Jline line"));
}

#[test]
fn a_node_that_cannot_introduce_itself_is_told_before_it_connects() {
    let nameless = Local { node: NodeId::from(""), ..local("a") };
    assert!(matches!(Handshake::connect(nameless, Lane::Data, 1), Err(HandshakeError::Local { .. })));
    let long = Local { cluster: "x".repeat(256), ..local("a") };
    let error = Handshake::accept(long).unwrap_err();
    assert!(error.to_string().contains("256 bytes, and the limit is 255"), "{error}");
}

#[test]
fn a_name_that_would_write_into_logs_is_refused() {
    let with = Local { advertise: "a\nb".into(), ..local("a") };
    assert!(Handshake::accept(with).unwrap_err().to_string().contains("control characters"));
    let peer = Introduction { advertise: "a\nb".into(), ..Introduction::of(&local("a"), None) };
    let error = local("bb").meet(peer, 1, Lane::Data, 1).unwrap_err();
    assert_eq!(error.code(), Some(RefuseCode::Malformed));
}

#[test]
fn a_later_version_may_say_more() {
    #[derive(serde::Serialize)]
    struct Later {
        speaks: Vec<String>,
        nonce: serde_bytes::ByteArray<32>,
        auth: hello::Auth,
        version_max: u16,
        version_min: u16,
    }
    let later =
        Later { speaks: vec!["more".into()], nonce: [0; 32].into(), auth: hello::Auth::Secret, version_max: 9, version_min: 1 };
    let mut bytes = PREAMBLE.to_vec();
    let start = crate::cluster::wire::begin_frame(&mut bytes, Kind::Hello);
    codec::encode(&later, &mut bytes).unwrap();
    start.end(&mut bytes, FRAME_LIMIT).unwrap();
    assert_eq!(says_to(&bytes).0, Ok(Step::More));
}

#[test]
fn the_longest_names_fit() {
    let long = |node: &str| Local {
        cluster: "c".repeat(255),
        node: NodeId::from(node.repeat(255)),
        advertise: "d".repeat(255),
        ..local("a")
    };
    let met = meet(long("a"), long("b"));
    assert!(met.connecting.is_ok() && met.accepting.is_ok());
}

#[test]
fn a_secret_is_not_shown() {
    assert!(!format!("{:?}", local("a")).contains("sesame"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A change here breaks clusters that run two builds: see `golden.rs`.
#[test]
fn the_bytes_of_a_handshake() {
    let met = meet(local("a"), local("bb"));
    assert_eq!(hex(&met.sent[0]), GOLDEN_CONNECTING.concat());
    assert_eq!(hex(&met.sent[1]), GOLDEN_ACCEPTING.concat());
    assert_eq!(hex(&Handshake::refusal(RefuseCode::Busy, "no")), GOLDEN_REFUSAL);
}

const GOLDEN_CONNECTING: [&str; 8] = [
    "4341535459000100",
    "500000004084ab76657273696f6e5f6d696e01ab76657273696f6e5f6d617801a461757468a6536563726574a56e6f6e6365",
    "c4200101010101010101010101010101010101010101010101010101010101010101",
    "ad0000004282ac696e74726f64756374696f6ec47488a7636c7573746572a473686f70aa636c75737465725f6964c4100123",
    "456789abcdef0123456789abcdefa46e6f6465a161ab696e6361726e6174696f6e03a7726166745f696461a9616476657274",
    "697365ae612e6578616d706c653a37343030a46c616e65a444617461a773657373696f6e2aa570726f6f66c4204b3397a582",
    "623adb270a1474927a0c27746c63353022f70601230d0d39dc201a",
    "0200000044c0",
];

const GOLDEN_ACCEPTING: [&str; 7] = [
    "4341535459000100",
    "3f0000004183a776657273696f6e01a461757468a6536563726574a56e6f6e6365c420020202020202020202020202020202",
    "0202020202020202020202020202020202",
    "ac0000004382ac696e74726f64756374696f6ec47388a7636c7573746572a473686f70aa636c75737465725f6964c4100123",
    "456789abcdef0123456789abcdefa46e6f6465a26262ab696e6361726e6174696f6e03a7726166745f6964ccc4a961647665",
    "7274697365af62622e6578616d706c653a37343030a46c616e65c0a773657373696f6ec0a570726f6f66c42099674166d861",
    "e10bc5849f68188ed6df0b3697e39d28de8b3cb6d881b543174b",
];

const GOLDEN_REFUSAL: &str = "4341535459000100100000004582a4636f646509a474657874a26e6f";
