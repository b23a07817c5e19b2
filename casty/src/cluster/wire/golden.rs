//! The bytes of each frame, as they are on the wire. A change here breaks clusters that run two builds: it needs a new
//! protocol version, and the old bytes stay readable.

use super::{flags::*, *};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn data(frame: DataFrame<'_>, golden: &str) {
    let mut out = Vec::new();
    frame.encode(&mut out, FRAME_LIMIT).unwrap();
    assert_eq!(hex(&out), golden.replace([' ', '\n'], ""));
    assert_eq!(DataFrame::read(frame.kind(), &out[5..]), Ok(frame));
}

#[track_caller]
fn call(frame: CallFrame<'_>, golden: &str) {
    let mut out = Vec::new();
    frame.encode(&mut out, FRAME_LIMIT).unwrap();
    assert_eq!(hex(&out), golden.replace([' ', '\n'], ""));
    assert_eq!(CallFrame::read(frame.kind(), &out[5..]), Ok(frame));
}

#[test]
fn a_request() {
    let mut chain = ChainBuf::default();
    chain.push("n1", 5).unwrap();
    let request = Request {
        request: 0x0102_0304_0506_0708,
        actor: 9,
        flags: ASK | IDEMPOTENT,
        target_incarnation: 3,
        name: "Hi",
        to_name: Some("bob"),
        chain: chain.as_chain(),
        body: &[0x80],
    };
    data(
        DataFrame::Request(request),
        "2f000000 01 0807060504030201 0900000000000000 05 0300000000000000 02 4869 0300 626f62 01 02 6e31 0500000000000000 80",
    );
    data(
        DataFrame::Request(Request { to_name: None, chain: Chain::default(), ..request }),
        "21000000 01 0807060504030201 0900000000000000 05 0300000000000000 02 4869 ffff 00 80",
    );
}

#[test]
fn the_other_frames_of_the_data_lane() {
    let (watcher, actor, incarnation) = (1, 2, 3);
    let of_three = "0100000000000000 0200000000000000 0300000000000000";
    data(DataFrame::Answer { request: 1, status: AnswerStatus::Refused, body: b"x" }, "0b000000 02 0100000000000000 01 78");
    data(DataFrame::Ack { received: 258 }, "09000000 03 0201000000000000");
    data(DataFrame::Pause { actor }, "09000000 04 0200000000000000");
    data(DataFrame::Resume { actor }, "09000000 05 0200000000000000");
    data(DataFrame::Piece { stream: 7, last: true, bytes: b"xy" }, "08000000 06 07000000 01 7879");
    data(DataFrame::Watch { watcher, actor, incarnation }, &format!("19000000 07 {of_three}"));
    data(DataFrame::Unwatch { watcher, actor, incarnation }, &format!("19000000 08 {of_three}"));
    data(
        DataFrame::Terminated { watcher, actor, incarnation, reason: 4, text: "no" },
        &format!("1c000000 09 {of_three} 04 6e6f"),
    );
    data(DataFrame::Stop { actor, incarnation }, "11000000 0a 0200000000000000 0300000000000000");
    data(DataFrame::Ping { nonce: 1 }, "09000000 0b 0100000000000000");
    data(DataFrame::Pong { nonce: 1 }, "09000000 0c 0100000000000000");
    data(DataFrame::Goodbye { code: 2, text: "bye" }, "05000000 0d 02 627965");
    data(DataFrame::Find { request: 1, name: "bob" }, "0c000000 0e 0100000000000000 626f62");
    data(DataFrame::Slot { slot: 513, bytes: b"bob" }, "06000000 0f 0102 626f62");
}

#[test]
fn the_numbers_of_what_became_of_a_request() {
    let numbers: Vec<u8> = AnswerStatus::ALL.iter().map(|&status| status as u8).collect();
    assert_eq!(numbers, (0..3).collect::<Vec<_>>());
}

#[test]
fn calls() {
    call(CallFrame::Call { request: 1, method: 2, body: b"x" }, "0b000000 20 0100000000000000 02 78");
    call(CallFrame::Reply { request: 1, status: ReplyStatus::Ok, body: b"x" }, "0b000000 21 0100000000000000 00 78");
    call(CallFrame::Reply { request: 1, status: ReplyStatus::Error, body: b"" }, "0a000000 21 0100000000000000 01");
    call(CallFrame::Reply { request: 1, status: ReplyStatus::UnknownMethod, body: b"" }, "0a000000 21 0100000000000000 02");
    call(CallFrame::Ping { nonce: 1 }, "09000000 0b 0100000000000000");
    call(CallFrame::Pong { nonce: 1 }, "09000000 0c 0100000000000000");
    call(CallFrame::Goodbye { code: 2, text: "bye" }, "05000000 0d 02 627965");
}

#[test]
fn a_value() {
    #[derive(serde::Serialize)]
    enum Colour {
        Red,
        Rgb(u8, u8, u8),
    }
    #[derive(serde::Serialize)]
    struct Value {
        name: &'static str,
        count: u64,
        colours: [Colour; 2],
        none: Option<u8>,
    }
    let mut out = Vec::new();
    encode(&Value { name: "a", count: 300, colours: [Colour::Red, Colour::Rgb(1, 2, 3)], none: None }, &mut out).unwrap();
    let golden = "84 a46e616d65 a161 a5636f756e74 cd012c a7636f6c6f757273 92 a3526564 81 a3526762 93010203 a46e6f6e65 c0";
    assert_eq!(hex(&out), golden.replace(' ', ""));
}
