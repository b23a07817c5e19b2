//! Who connects and is no node of the cluster.

use std::time::Duration;

use casty::{DistributedBuilder, StartError};
use tokio::net::TcpStream;

use crate::common::*;

const NOT_CASTY: u8 = 1;
const VERSION: u8 = 2;

/// It is refused by the first node of the pair, and told so.
async fn is_refused(pair: &Pair, stranger: DistributedBuilder, parts: &[&str]) {
    let address = pair.address();
    let error = refused(stranger.seeds([&address])).await;
    assert!(matches!(&error, StartError::Refused { by, .. } if *by == address), "{error:?}");
    says(&error, &[&format!("refused by {address}")]);
    says(&error, parts);
    pair.has_refused(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_secret() {
    let pair = Pair::with_secret().await;
    is_refused(&pair, node("c").secret("guessed"), &["the secrets of the two nodes differ", "give all nodes"]).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_secret() {
    let pair = Pair::with_secret().await;
    is_refused(&pair, node("c"), &["needs a secret", "give both sides the same"]).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_a_secret_that_the_cluster_has_not() {
    let pair = Pair::start(|node| node).await;
    is_refused(&pair, node("c").secret("known"), &["needs a secret", "or neither"]).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_asks_and_does_not_read_the_answers() {
    const ASKS: u64 = 100;
    let pair = Pair::start(|node| node).await;
    let (b, refused) = (cluster(&pair.b), || cluster(&pair.b).refused_connections());
    let mut stranger = Stranger::connect(b.address()).await;
    stranger.greet("c", "Data", 1).await;
    for request in 1..=ASKS {
        let mut ask = request.to_le_bytes().to_vec();
        ask.extend_from_slice(&0u64.to_le_bytes());
        ask.push(1);
        ask.extend_from_slice(&b.incarnation().0.to_le_bytes());
        ask.extend_from_slice(b"\x04Fill\x04\x00echo\x00");
        // A megabyte.
        ask.extend_from_slice(&[0xce, 0, 0x10, 0, 0]);
        stranger.frame(1, &ask).await;
    }
    until(|| refused() > 0).await;
    let rest = stranger.rest().await;
    assert!(rest.len() < 64 << 20, "{} bytes", rest.len());
    // Who reads gets them all, however many they are.
    let echo = soon(pair.a.lookup::<Echo>("echo")).await.unwrap().unwrap();
    let all = futures_util::future::join_all((0..ASKS).map(|_| echo.ask(Fill(1 << 20))));
    assert!(soon(all).await.into_iter().all(|answer| answer.unwrap().len() == 1 << 20));
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster() {
    let pair = Pair::start(|node| node).await;
    is_refused(&pair, node("c").cluster_name("other"), &["\"casty\"", "\"other\"", "an address or a setting wrong"]).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster_of_the_same_name() {
    let (pair, other) = (Pair::start(|node| node).await, Pair::start(|node| node).await);
    // Each would be the other's seed, were it not in a cluster already: only a hand-made connection gets so far.
    let mut stranger = Stranger::connect(&pair.address()).await;
    stranger.hello((1, 1), "None").await;
    stranger.introduce_of("c", Some(7), "Data", 1).await;
    let refuse = stranger.next_of::<Refuse>(kind::REFUSE).await;
    says(&refuse.text, &["clusters never merge", "start the nodes of one of them without their data"]);
    pair.has_refused(1).await;
    assert!(pair.goes_on_and_tells().await);
    other.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_a_later_version() {
    let pair = Pair::with_secret().await;
    let mut later = Stranger::connect(&pair.address()).await;
    later.hello((7, 9), "Secret").await;
    assert_eq!(later.take(8).await, b"CASTY\0\x01\0");
    let refuse = later.next_of::<Refuse>(kind::REFUSE).await;
    assert_eq!(refuse.code, VERSION);
    says(&refuse.text, &["versions 1 to 1", "7 to 9", "one step of an upgrade at a time"]);
    // And one whose handshake is another.
    let mut later = Stranger::connect(&pair.address()).await;
    later.write(b"CASTY\0\x02\0what follows is unknown").await;
    assert_eq!(later.take(8).await, b"CASTY\0\x01\0");
    let refuse = later.next_of::<Refuse>(kind::REFUSE).await;
    assert_eq!(refuse.code, VERSION);
    says(&refuse.text, &["format 1", "format 2"]);
    pair.has_refused(2).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_client() {
    let pair = Pair::with_secret().await;
    let mut tls = Stranger::connect(&pair.address()).await;
    // The beginning of a ClientHello.
    tls.write(b"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03").await;
    assert_eq!(tls.take(8).await, b"CASTY\0\x01\0");
    let refuse = tls.next_of::<Refuse>(kind::REFUSE).await;
    assert_eq!(refuse.code, NOT_CASTY);
    says(&refuse.text, &["looks like TLS", "do both sides have TLS"]);
    pair.has_refused(1).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_browser() {
    let pair = Pair::with_secret().await;
    let mut browser = Stranger::connect(&pair.address()).await;
    browser.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = String::from_utf8(browser.rest().await).unwrap();
    says(&answer, &["HTTP/1.1 400", "looks like HTTP", "is the port right?"]);
    pair.has_refused(1).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_at_random() {
    let pair = Pair::with_secret().await;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..100_u64 {
        let mut stranger = Stranger::connect(&pair.address()).await;
        let mut bytes = if round % 2 == 0 { b"CASTY\0\x01\0".to_vec() } else { Vec::new() };
        for _ in 0..64 {
            // xorshift
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        // It may have been closed half-way.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stranger.0, &bytes).await;
        stranger.rest().await;
    }
    pair.has_refused(100).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_given_up_half_way() {
    let pair = Pair::with_secret().await;
    let mut half = Stranger::connect(&pair.address()).await;
    half.preamble().await;
    drop(half);
    // One that stays open, and one that stops within its words: both are closed by the node.
    let mut silent = Stranger::connect(&pair.address()).await;
    let mut slow = Stranger::connect(&pair.address()).await;
    slow.hello((1, 1), "Secret").await;
    silent.rest().await;
    slow.rest().await;
    pair.has_refused(3).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_claims_4_gib() {
    let pair = Pair::start(|node| node).await;
    for (session, lane) in (1..).zip(["Data", "Control", "Bulk"]) {
        let before = pair.refused();
        let mut stranger = Stranger::connect(&pair.address()).await;
        stranger.greet("stranger", lane, session).await;
        stranger.write(&[0xff, 0xff, 0xff, 0xff, 1, 2, 3]).await;
        let said = String::from_utf8_lossy(&stranger.rest().await).into_owned();
        println!("    {lane}: {said}");
        says(&said, &["4294967295"]);
        pair.has_refused(before + 1).await;
    }
    // Nor is a frame of a kind that there is not, or whose content makes no sense.
    for (session, (lane, kind)) in (10..).zip([("Data", 200), ("Data", 1), ("Control", 1), ("Control", 32)]) {
        let before = pair.refused();
        let mut stranger = Stranger::connect(&pair.address()).await;
        stranger.greet("stranger", lane, session).await;
        stranger.frame(kind, &[0xff; 5]).await;
        let said = String::from_utf8_lossy(&stranger.rest().await).into_owned();
        println!("    {lane} {kind}: {said}");
        pair.has_refused(before + 1).await;
    }
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_say_nothing() {
    let pair = Pair::with_secret().await;
    let address = pair.address();
    let mut silent = Vec::new();
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let to = address.clone();
    let crowd = tokio::spawn(async move {
        let mut ready = Some(ready);
        for count in 0..1_000 {
            silent.extend(TcpStream::connect(&to).await);
            if count == 500 {
                let _ = ready.take().map(|ready| ready.send(()));
            }
        }
        silent
    });
    is_ready.await.unwrap();
    let begun = std::time::Instant::now();
    let c = soon(node("c").secret("known").seeds([&address]).start()).await.unwrap();
    println!("    joined within {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(cluster(&c).members().len(), 3);
    let silent = crowd.await.unwrap();
    println!("    {} silent ones, {} refused", silent.len(), pair.refused());
    pair.has_refused(700).await;
    soon(c.shutdown()).await;
    drop(silent);
    pair.works().await;
    pair.shutdown().await;
}
