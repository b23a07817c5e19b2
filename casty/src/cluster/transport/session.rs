//! One connection of a link, from this node's side: dialled, greeted, read until it breaks.

use std::{sync::Arc, time::Duration};

use super::{
    greet::{self, Greeted},
    intake::Intake,
    link::{Link, backoff},
};
use crate::{
    cluster::wire::{AnswerStatus, DataFrame, FrameRef, Kind, Pieces, Whole, WireError, handshake::Lane},
    reply::{FarRefusal, Refusal},
};

/// So often it is looked whether a connection still says something.
pub(super) const QUIET: Duration = Duration::from_millis(1000);
/// So many looks in a row without a word end it. A node that is gone is known to be down long before; this is for what only
/// looks like a connection, and a worker that a handler blocks must not be taken for that.
pub(super) const PATIENCE: u32 = 10;
/// Attempts to connect, before those who wait are told.
const ATTEMPTS: u32 = 3;

/// Connects and carries messages until there is nothing to carry and no connection.
pub(super) async fn run(link: Arc<Link>) {
    let mut attempts = 0;
    loop {
        match connect(&link).await {
            // Closed meanwhile: another link may be there by now, and this connection would end that one's.
            Ok(_) if link.is_closed() => return,
            Ok(greeted) => {
                attempts = 0;
                let why = carry(&link, greeted).await;
                tracing::debug!(peer = %link.peer.id, why, "a link broke");
                if !link.broke(&why, true) {
                    return;
                }
            }
            Err(why) => {
                attempts += 1;
                tracing::debug!(peer = %link.peer.id, why, attempts, "no link");
                if attempts >= ATTEMPTS || link.is_closed() {
                    attempts = 0;
                    if !link.broke(&why, false) {
                        return;
                    }
                }
            }
        }
        link.network.host().sleep(backoff(attempts)).await;
        if link.is_closed() {
            return;
        }
    }
}

async fn connect(link: &Link) -> Result<Greeted, String> {
    let network = &link.network;
    let to = network.address_of(&link.peer).ok_or_else(|| format!("{} is no member any more", link.peer))?;
    let greeted = greet::dial(network.host(), network.myself(), &to, Lane::Data, network.next_session()).await;
    let greeted = greeted.map_err(|error| error.to_string())?;
    if greeted.peer.node != link.peer.id || greeted.peer.incarnation != link.peer.incarnation {
        return Err(format!("{to} is {}@{:?} now, not {}", greeted.peer.node, greeted.peer.incarnation, link.peer));
    }
    Ok(greeted)
}

/// Returns why it ended.
async fn carry(link: &Arc<Link>, Greeted { stream, rest, .. }: Greeted) -> String {
    let host = link.network.host().clone();
    let (mut read, half) = stream.into_split();
    let pen = link.pen();
    link.network.watch_again(link);
    let mut writer = host.spawn({
        let pen = pen.clone();
        async move { pen.write(half).await }
    });
    let mut intake = Intake::new(rest, link.network.max_frame());
    let mut pieces = Pieces::new(link.network.max_frame());
    let mut silent = 0;
    let tick = host.sleep(QUIET);
    tokio::pin!(tick);
    let why = loop {
        if let Err(why) = intake.each(|frame| handle(link, &mut pieces, frame)) {
            break why;
        }
        tokio::select! {
            biased;
            read = intake.read(&mut read) => match read {
                Ok(0) => break "the other side closed the connection".to_owned(),
                Ok(_) => silent = 0,
                Err(error) => break error.to_string(),
            },
            // The link was closed, or writing failed.
            written = &mut writer => break match written {
                Ok(Err(error)) => error.to_string(),
                _ => "the link was closed".to_owned(),
            },
            () = &mut tick => {
                if silent > PATIENCE {
                    break format!("no word for {:?}", QUIET * PATIENCE);
                }
                if silent > 0 {
                    intake.rest();
                    pen.rest();
                    link.tell(&DataFrame::Ping { nonce: u64::from(silent) });
                }
                silent += 1;
                tick.as_mut().reset(host.now() + QUIET);
            }
        }
    };
    writer.abort();
    why
}

fn handle(link: &Arc<Link>, pieces: &mut Pieces, frame: FrameRef<'_>) -> Result<(), String> {
    match DataFrame::read(frame.kind, frame.payload).map_err(|error| error.to_string())? {
        DataFrame::Answer { request, status, body } => {
            let Some((asker, twice)) = link.answered(request) else { return Ok(()) };
            match status {
                AnswerStatus::Ok | AnswerStatus::Delivered => link.network.with_system(|system| asker.answer(system, body)),
                AnswerStatus::Refused => {
                    let why = Refusal::decode(body).unwrap_or_else(|error| Refusal::bad_answer(&error));
                    // Not this time; but what became of it the first time nobody knows.
                    asker.refuse(if twice { why.after_all(FarRefusal::ConnectionLost) } else { why });
                }
            }
        }
        DataFrame::Ack { received } => link.confirm(received),
        DataFrame::Pause { actor } => link.pause(actor),
        DataFrame::Resume { actor } => link.resume(actor),
        DataFrame::Ping { nonce } => link.tell(&DataFrame::Pong { nonce }),
        DataFrame::Pong { .. } => {}
        DataFrame::Piece { stream, last, bytes } => match pieces.take(stream, last, bytes).map_err(|error| error.to_string())? {
            Some(Whole::Frame(whole)) if whole.kind == Kind::Piece => return Err("a piece of a piece".into()),
            Some(Whole::Frame(whole)) => return handle(link, pieces, whole.as_ref()),
            Some(Whole::Over { beginning, bytes }) => {
                let too_long = WireError::TooLong { claimed: bytes, limit: link.network.max_frame().into() };
                let Some((request, _)) = Whole::numbers(&beginning).filter(|_| beginning.kind == Kind::Answer) else {
                    return Err(too_long.to_string());
                };
                if let Some((asker, _)) = link.answered(request) {
                    asker.refuse(Refusal::bad_answer(&too_long));
                }
            }
            None => {}
        },
        DataFrame::Terminated { watcher, reason, text, .. } => link.network.terminated(watcher, reason, text),
        DataFrame::Goodbye { text, .. } => {
            tracing::warn!(peer = %link.peer, why = text, "a link is closed by the other side");
            return Err(format!("the other side says: {text}"));
        }
        other => return Err(format!("a frame `{:?}` on the side that answers", other.kind())),
    }
    Ok(())
}
