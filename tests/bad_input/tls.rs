//! Who comes to a node with TLS and has none, or certificates that are none to it; and files that hold something else.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use casty::{DistributedBuilder, StartError, Tls};
use rcgen::{CertificateParams, date_time_ymd};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
        version::TLS13,
    },
};

use crate::{certificates::Authority, common::*};

const NO_TLS: u8 = 12;

async fn pair(authority: &Authority) -> Pair {
    Pair::start(|node| node.tls(authority.node("good"))).await
}

/// It does not start, and says why; the pair has refused it if `counted`.
async fn is_refused(pair: &Pair, node: DistributedBuilder, parts: &[&str]) {
    let (address, before) = (pair.address(), pair.refused());
    let error = refused(node.seeds([&address])).await;
    assert!(matches!(&error, StartError::Refused { by, .. } if *by == address), "{error:?}");
    says(&error, parts);
    pair.has_refused(before + 1).await;
}

fn in_s(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    now.checked_add_signed(seconds).unwrap()
}

fn until_in_s(params: &mut CertificateParams, seconds: i64) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(in_s(seconds));
}

/// A file with the CAs of both.
fn both(of: &Authority, and: &Authority) -> PathBuf {
    let text = |authority: &Authority| std::fs::read_to_string(authority.ca()).unwrap();
    of.write("both.pem", &(text(of) + &text(and)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_tls() {
    let (authority, log) = (Authority::new(), Log::of_this_process());
    let pair = pair(&authority).await;
    is_refused(&pair, node("c"), &["within TLS only", "give all nodes `.tls(..)`, or none"]).await;
    is_refused(&pair, node("c").secret("known"), &["within TLS only"]).await;
    log.has(&["a connection was refused", "within TLS only, and a plain connection came"]);
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_tls_where_there_is_none() {
    let (authority, log) = (Authority::new(), Log::of_this_process());
    let pair = Pair::start(|node| node).await;
    let with_tls = node("c").tls(authority.node("c"));
    is_refused(&pair, with_tls, &["this node has TLS, and the node there has none"]).await;
    log.has(&["a connection was refused", "this looks like TLS", "a casty node without TLS is here"]);
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_authority() {
    let (authority, other, log) = (Authority::new(), Authority::new(), Log::of_this_process());
    let pair = pair(&authority).await;
    // It does not take the cluster's certificates.
    let of_another = node("c").tls(other.node("c"));
    is_refused(&pair, of_another, &["the other side's certificate is refused", "of none of the CAs", "one CA"]).await;
    log.has(&["a connection was refused", "the other side refuses this node's certificate", "of none of the CAs"]);
    // It does, and they do not take its own.
    let trusting = Tls { ca: both(&other, &authority), ..other.node("c") };
    let parts = ["the other side refuses this node's certificate", "of none of the CAs that are known there"];
    is_refused(&pair, node("c").tls(trusting), &parts).await;
    log.has(&["a connection was refused", "the other side's certificate is refused", "of none of the CAs"]);
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_certificate_does_not_name_it() {
    let authority = Authority::new();
    let elsewhere = authority.certified("elsewhere", &["node1.example", "10.0.0.1"], |_| {});
    // What others dial is known from the beginning.
    let error = refused(node("a").tls(elsewhere.clone())).await;
    assert!(matches!(&error, StartError::Tls { path, .. } if *path == elsewhere.certificate), "{error:?}");
    says(&error, &["elsewhere.pem", "\"127.0.0.1\" is dialled", "node1.example", "10.0.0.1", "subjectAltName", ".advertise(..)"]);
    // By another name than it knows of.
    let by_name = authority.certified("named", &["localhost"], |_| {});
    let a = soon(node("a").advertise("localhost:0").tls(by_name).start()).await.unwrap();
    let port = cluster(&a).address().rsplit_once(':').unwrap().1.to_owned();
    let seed = format!("127.0.0.1:{port}");
    let error = refused(node("c").tls(authority.node("c")).seeds([&seed])).await;
    says(&error, &["refused by 127.0.0.1", "\"127.0.0.1\" is dialled", "localhost", "seeds"]);
    until(|| cluster(&a).refused_connections() >= 1).await;
    let c = soon(node("c").tls(authority.node("c")).seeds([cluster(&a).address()]).start()).await.unwrap();
    soon(cluster(&a).wait_for_members(2)).await.unwrap();
    soon(c.shutdown()).await;
    soon(a.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_have_expired() {
    let (authority, log) = (Authority::new(), Log::of_this_process());
    let expired = authority.certified("expired", &["127.0.0.1"], |params| until_in_s(params, -3600));
    let error = refused(node("a").tls(expired.clone())).await;
    assert!(matches!(&error, StartError::Tls { path, .. } if *path == expired.certificate), "{error:?}");
    says(&error, &["expired.pem", "the other nodes would refuse it", "it has expired, 360", "make it anew"]);
    // While its node runs.
    let short = authority.certified("short", &["127.0.0.1"], |params| until_in_s(params, 3));
    let a = soon(node("a").tls(short.clone()).start()).await.unwrap();
    let b = soon(node("b").tls(authority.node("b")).seeds([cluster(&a).address()]).start()).await.unwrap();
    soon(cluster(&a).wait_for_members(2)).await.unwrap();
    let end = in_s(5);
    until(|| in_s(0) >= end).await;
    // Who comes waits: it may be renewed, or the clock be wrong.
    let c = node("c").tls(authority.node("c")).seeds([cluster(&a).address()]).start();
    let waits = tokio::time::timeout(Duration::from_secs(7), c).await;
    assert!(waits.is_err(), "{:?}", waits.map(|started| started.err()));
    log.has(&["waiting for a cluster", "the other side's certificate is refused: it has expired", "make it anew"]);
    until(|| cluster(&a).refused_connections() >= 1).await;
    log.has(&["a connection was refused", "the other side refuses this node's certificate", "it has expired"]);
    log.has(&["short.pem", "this node's certificate runs out in 0 days and 0 hours", "put a new one in its place"]);
    // Those that were there before go on.
    assert_eq!(cluster(&b).members().len(), 2);
    assert!(cluster(&b).has_lease());
    // Somebody comes with it.
    let before = cluster(&b).refused_connections();
    let error = stranger(cluster(&b).address(), &authority, Some(&short)).await;
    says(&error, &["CertificateExpired"]);
    until(|| cluster(&b).refused_connections() > before).await;
    log.has(&["a connection was refused", "the other side's certificate is refused: it has expired"]);
    soon(b.shutdown()).await;
    soon(a.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_a_certificate() {
    let (authority, log) = (Authority::new(), Log::of_this_process());
    let pair = pair(&authority).await;
    let error = stranger(&pair.address(), &authority, None).await;
    says(&error, &["CertificateRequired"]);
    pair.has_refused(1).await;
    log.has(&["a connection was refused", "the other side has no certificate"]);
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_alone_is_not_enough_where_there_is_a_secret() {
    let authority = Authority::new();
    let pair = Pair::start(|node| node.tls(authority.node("good")).secret("known")).await;
    let guessed = node("c").tls(authority.node("c")).secret("guessed");
    is_refused(&pair, guessed, &["the secrets of the two nodes differ"]).await;
    is_refused(&pair, node("c").tls(authority.node("c")), &["needs a secret"]).await;
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_tls_that_is_too_old() {
    let (authority, log) = (Authority::new(), Log::of_this_process());
    let pair = pair(&authority).await;
    let mut old = Stranger::connect(&pair.address()).await;
    // A whole ClientHello of TLS 1.2 with one cipher and no extensions.
    let mut hello = vec![0x03, 0x03];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    let mut bytes = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
    bytes.extend(hello);
    let mut record = vec![0x16, 3, 1, 0, u8::try_from(bytes.len()).unwrap()];
    record.extend(bytes);
    old.write(&record).await;
    // An alert, and the end.
    assert_eq!(old.rest().await.first(), Some(&0x15));
    pair.has_refused(1).await;
    log.has(&["a connection was refused", "no TLS with the other side", "TLS 1.3"]);
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_tls() {
    let authority = Authority::new();
    let pair = pair(&authority).await;
    // A casty node's, in its own words.
    let mut plain = Stranger::connect(&pair.address()).await;
    plain.hello((1, 1), "None").await;
    assert_eq!(plain.take(8).await, b"CASTY\0\x01\0");
    let refuse = plain.next_of::<Refuse>(kind::REFUSE).await;
    assert_eq!(refuse.code, NO_TLS);
    println!("    {}", refuse.text);
    pair.has_refused(1).await;
    let mut browser = Stranger::connect(&pair.address()).await;
    browser.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    says(&String::from_utf8_lossy(&browser.rest().await), &["HTTP/1.1 400", "looks like HTTP"]);
    pair.has_refused(2).await;
    // And random ones, some of which begin as TLS does.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let beginnings: [&[u8]; 4] = [b"", b"\x16\x03\x01\x00\x20", b"\x16\x03\x03", b"\x17\x03\x03\x00\x10"];
    for round in 0..100 {
        let mut bytes = beginnings[round % 4].to_vec();
        bytes.extend((0..64).map(|_| random() as u8));
        let mut stranger = Stranger::connect(&pair.address()).await;
        // It may be refused before it has said everything.
        let _ = stranger.0.write_all(&bytes).await;
        let _ = stranger.0.shutdown().await;
        stranger.rest().await;
    }
    println!("    {} refused", pair.refused());
    pair.has_refused(50).await;
    // Who begins and goes away, and who says nothing.
    let mut silent = Stranger::connect(&pair.address()).await;
    silent.write(b"\x16\x03\x01\x00\xf8").await;
    let before = pair.refused();
    pair.has_refused(before + 1).await;
    drop(silent);
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_who_begin_tls_and_do_not_go_on() {
    let authority = Authority::new();
    let pair = pair(&authority).await;
    let mut silent = Vec::new();
    for _ in 0..500 {
        let mut stranger = Stranger::connect(&pair.address()).await;
        let _ = stranger.0.write_all(b"\x16\x03\x01\x00\xf8\x01").await;
        silent.push(stranger);
    }
    let begun = std::time::Instant::now();
    let c = soon(node("c").tls(authority.node("c")).seeds([pair.address()]).start()).await.unwrap();
    println!("    joined within {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10));
    soon(c.shutdown()).await;
    drop(silent);
    pair.works().await;
    pair.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_the_protocol_is_told_so_within_tls() {
    let authority = Authority::new();
    let pair = pair(&authority).await;
    for (session, lane) in (1..).zip(["Data", "Control", "Bulk"]) {
        let before = pair.refused();
        let stream = within_tls(&pair.address(), &authority, Some(&authority.node("stranger"))).await.unwrap();
        let mut stranger = Stranger(stream);
        stranger.greet("stranger", lane, session).await;
        stranger.write(&[0xff, 0xff, 0xff, 0xff]).await;
        let said = String::from_utf8_lossy(&stranger.rest().await).into_owned();
        println!("    {lane}: {said}");
        says(&said, &["4294967295"]);
        pair.has_refused(before + 1).await;
    }
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_of_another_cluster_holds_nobody_up_where_another_seed_is_right() {
    let (authority, other) = (Authority::new(), Authority::new());
    let wrong = soon(node("wrong").tls(other.node("wrong")).start()).await.unwrap();
    // It is asked after the other one.
    let right = soon(node("right").advertise("localhost:0").tls(authority.node("right")).start()).await.unwrap();
    let seeds = [&wrong, &right].map(|system| cluster(system).address().to_owned());
    assert!(seeds.is_sorted());
    let c = soon(node("c").tls(authority.node("c")).seeds(&seeds).start()).await.expect("it comes in");
    soon(cluster(&right).wait_for_members(2)).await.unwrap();
    // With nobody else it is refused.
    let error = refused(node("d").tls(authority.node("d")).seeds([cluster(&wrong).address()])).await;
    assert!(matches!(&error, StartError::Refused { by, .. } if *by == cluster(&wrong).address()), "{error:?}");
    for system in [c, right, wrong] {
        soon(system.shutdown()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_none() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (good, of_another) = (authority.node("good"), other.node("other"));
    let nothing = authority.write("nothing.pem", "");
    let garbled = authority.write("garbled.pem", "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n");
    let cut = authority.write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_certificate = authority.write("none.pem", no_certificate);
    let garbled_key = authority.write("garbled.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let missing = authority.ca().with_file_name("missing.pem");
    let directory = authority.dir().to_owned();
    let is_wrong = async |tls: Tls, path: &PathBuf, parts: &[&str]| {
        let error = refused(node("a").tls(tls)).await;
        assert!(matches!(&error, StartError::Tls { path: named, .. } if named == path), "{error:?}");
        says(&error, &[&path.display().to_string()]);
        says(&error, parts);
    };
    let ca = |ca: &PathBuf| Tls { ca: ca.clone(), ..good.clone() };
    let certificate = |certificate: &PathBuf| Tls { certificate: certificate.clone(), ..good.clone() };
    let key = |key: &PathBuf| Tls { key: key.clone(), ..good.clone() };
    for path in [&missing, &directory] {
        for tls in [ca(path), certificate(path), key(path)] {
            is_wrong(tls, path, &["cannot be read", "is the path right"]).await;
        }
    }
    for path in [&garbled, &cut] {
        for tls in [ca(path), certificate(path), key(path)] {
            is_wrong(tls, path, &["garbled", "PEM"]).await;
        }
    }
    is_wrong(ca(&nothing), &nothing, &["it has no certificate", "BEGIN CERTIFICATE"]).await;
    is_wrong(certificate(&nothing), &nothing, &["it has no certificate"]).await;
    is_wrong(key(&nothing), &nothing, &["it has no private key", "BEGIN PRIVATE KEY"]).await;
    is_wrong(ca(&no_certificate), &no_certificate, &["certificate that is none"]).await;
    is_wrong(certificate(&no_certificate), &no_certificate, &["its certificate is none"]).await;
    is_wrong(key(&garbled_key), &garbled_key, &["the key cannot be used"]).await;
    // Mixed up.
    is_wrong(certificate(&good.key), &good.key, &["a private key and no certificate", "mixed up"]).await;
    is_wrong(key(&good.certificate), &good.certificate, &["a certificate and no private key", "mixed up"]).await;
    is_wrong(key(&of_another.key), &of_another.key, &["not the one of the certificate in", "good.pem"]).await;
    is_wrong(ca(&of_another.ca), &good.certificate, &["the other nodes would refuse it", "of none of the CAs"]).await;
    is_wrong(ca(&good.certificate), &good.certificate, &["the other nodes would refuse it"]).await;
    soon(soon(node("a").tls(good).start()).await.unwrap().shutdown()).await;
}

/// What TLS says to somebody who comes with the certificate, or with none, at the latest when it reads.
async fn stranger(address: &str, authority: &Authority, tls: Option<&Tls>) -> std::io::Error {
    let mut stream = match within_tls(address, authority, tls).await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    let error = soon(stream.read_to_end(&mut Vec::new())).await.unwrap_err();
    assert!(error.get_ref().is_some_and(|error| error.is::<rustls::Error>()), "{error:?}");
    println!("    {error}");
    error
}

async fn within_tls(address: &str, authority: &Authority, tls: Option<&Tls>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.ca()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_protocol_versions(&[&TLS13]).unwrap().with_root_certificates(roots);
    let config = match tls {
        Some(Tls { certificate, key, .. }) => {
            let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}
