//! The writing side of a connection: what is queued goes out in as few writes as can be.
//!
//! The connection's own task writes, once all that are about to say something have said it. Who is alone, or finds that much
//! waits, and finds nobody writing, writes itself, on its own thread, what the socket takes at once.

use std::{
    future::poll_fn,
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
};

use tokio::{io::AsyncWriteExt as _, sync::Notify};

use super::outbox::{Outbox, Passed, Target};
use crate::{
    host::WriteHalf,
    sync::{lock, lock_hot},
};

/// When so many bytes wait, whoever queues more writes them.
const ENOUGH: usize = 32 * 1024;
/// So often in a row a thread that has other things to do writes.
const ROUNDS: usize = 4;
/// A buffer that has grown beyond this is given back.
const KEEP: usize = 256 * 1024;
/// The task notes what is gone whenever so much is.
const PART: usize = 64 * 1024;

pub(crate) struct Pen {
    state: Mutex<State>,
    wake: Notify,
    /// Bytes that the task writes now.
    under_way: AtomicUsize,
    /// Bytes that it has written.
    gone: AtomicU64,
}

/// What became of a frame that was queued.
#[must_use]
pub(crate) struct Pushed {
    /// The caller is to call [`Pen::write_some`].
    pub(crate) write: bool,
    /// Others may overtake it: [`Pen::passed`] tells when it is gone.
    pub(crate) late: bool,
}

struct State {
    outbox: Outbox,
    /// Absent while somebody writes, before there is a connection, and after its end.
    half: Option<WriteHalf>,
    /// Begun and not taken by the socket yet; goes before all else.
    begun: Vec<u8>,
    spare: Vec<u8>,
    /// The task is not told of what comes: somebody will flush soon.
    held: bool,
    /// The task ends once nothing waits.
    ending: bool,
    closed: bool,
}

impl Pen {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                outbox: Outbox::default(),
                half: None,
                begun: Vec::new(),
                spare: Vec::new(),
                held: false,
                ending: false,
                closed: false,
            }),
            wake: Notify::new(),
            under_way: AtomicUsize::new(0),
            gone: AtomicU64::new(0),
        })
    }

    /// Queues a whole frame, which goes at once with `now`.
    pub(crate) fn push(&self, target: Option<Target>, frame: &[u8], now: bool) -> Pushed {
        let mut state = lock_hot(&self.state);
        if state.closed {
            return Pushed { write: false, late: false };
        }
        let first = state.outbox.is_empty();
        let late = state.outbox.push(target, frame);
        if state.half.is_none() || !state.begun.is_empty() {
            // Whoever writes, or will, sees it.
            return Pushed { write: false, late };
        }
        if (now && !state.held) || state.outbox.small() >= ENOUGH {
            return Pushed { write: true, late };
        }
        let tell = first && !state.held;
        drop(state);
        if tell {
            self.wake.notify_one();
        }
        Pushed { write: false, late }
    }

    /// Of the frames that others may overtake, those that are gone since this was last asked.
    pub(crate) fn passed(&self) -> impl IntoIterator<Item = Passed> + use<> {
        lock(&self.state).outbox.passed()
    }

    /// Bytes that wait to be taken by the socket.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.left(&lock(&self.state))
    }

    /// Changes whenever the socket, which had enough, has taken some more.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.load(Relaxed)
    }

    fn left(&self, state: &State) -> usize {
        state.outbox.len() + state.begun.len() + self.under_way.load(Relaxed)
    }

    /// Until [`flush`](Self::flush), what is pushed only waits.
    pub(crate) fn hold(&self) {
        lock(&self.state).held = true;
    }

    /// Writes what waits, here and now, as far as the socket takes it; the task sees to the rest. Returns how much that is.
    pub(crate) fn flush(&self) -> usize {
        let mut state = lock_hot(&self.state);
        state.held = false;
        self.write_out(state)
    }

    /// As [`flush`](Self::flush), but what was held is held still.
    pub(crate) fn write_some(&self) {
        self.write_out(lock_hot(&self.state));
    }

    fn write_out<'a>(&'a self, mut state: MutexGuard<'a, State>) -> usize {
        for _ in 0..ROUNDS {
            // What was begun the task was told of.
            if state.outbox.is_empty() || !state.begun.is_empty() {
                return self.left(&state);
            }
            // Who has the half writes all that is there before it gives it back, or tells the task.
            let Some(half) = state.half.take() else { return self.left(&state) };
            let mut batch = state.next_batch();
            drop(state);
            let written = half.try_write(&batch);
            state = lock_hot(&self.state);
            if state.closed {
                return 0;
            }
            state.half = Some(half);
            let all = matches!(written, Ok(written) if written == batch.len());
            if !all {
                // An error shows again when the task writes.
                batch.drain(..written.unwrap_or(0));
                state.begun = batch;
                break;
            }
            state.give_back(batch);
        }
        let rest = !state.outbox.is_empty() || !state.begun.is_empty() || state.ending;
        let left = self.left(&state);
        drop(state);
        if rest {
            self.wake.notify_one();
        }
        left
    }

    /// Writes until the connection breaks, is closed, or nothing waits any more after [`finish`](Self::finish).
    pub(crate) async fn write(&self, half: WriteHalf) -> io::Result<()> {
        lock(&self.state).half = Some(half);
        loop {
            if self.is_idle() {
                self.wake.notified().await;
            }
            // What is about to be said joins.
            after_others().await;
            let next = {
                let mut state = lock(&self.state);
                if state.closed {
                    return Ok(());
                }
                let idle = state.outbox.is_empty() && state.begun.is_empty();
                if idle && state.ending && state.half.is_some() {
                    return Ok(());
                }
                if idle { None } else { state.half.take().map(|half| (half, state.next_batch())) }
            };
            // Who has the half tells of what it leaves.
            let Some((mut half, batch)) = next else { continue };
            self.under_way.store(batch.len(), Relaxed);
            for part in batch.chunks(PART) {
                half.write_all(part).await?;
                self.under_way.fetch_sub(part.len(), Relaxed);
                self.gone.fetch_add(part.len() as u64, Relaxed);
            }
            let mut state = lock(&self.state);
            state.half = Some(half);
            state.give_back(batch);
        }
    }

    /// There is nothing to do for the task.
    fn is_idle(&self) -> bool {
        let state = lock(&self.state);
        let nothing = state.outbox.is_empty() && state.begun.is_empty() && !state.ending;
        !state.closed && (state.half.is_none() || nothing)
    }

    /// Gives back the memory, where nothing was said for a while.
    pub(crate) fn rest(&self) {
        let mut state = lock(&self.state);
        if state.outbox.is_empty() && state.begun.is_empty() {
            state.outbox.rest();
            state.begun = Vec::new();
            state.spare = Vec::new();
        }
    }

    /// What waits is the last that is said: the task ends when it is gone.
    pub(crate) fn finish(&self) {
        let mut state = lock(&self.state);
        (state.held, state.ending) = (false, true);
        drop(state);
        self.wake.notify_one();
    }

    /// No more is written. What waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let half = state.half.take();
        state.outbox = Outbox::default();
        drop(state);
        drop(half);
        self.wake.notify_one();
    }
}

impl State {
    fn next_batch(&mut self) -> Vec<u8> {
        let mut batch = std::mem::take(&mut self.begun);
        if batch.is_empty() {
            batch = std::mem::take(&mut self.spare);
            self.outbox.take(&mut batch);
        }
        batch
    }

    fn give_back(&mut self, mut batch: Vec<u8>) {
        if batch.capacity() <= KEEP {
            batch.clear();
            self.spare = batch;
        }
    }
}

/// Lets the tasks go first that wait for their turn on this thread now.
async fn after_others() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::{
        cluster::wire::{AnswerStatus, DataFrame, FRAME_LIMIT, FrameReader, Kinds, Pieces, Whole},
        host::{Host, ReadHalf},
    };

    async fn connection() -> (WriteHalf, ReadHalf) {
        let host = Host::current();
        let listener = host.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let to = listener.local_addr().unwrap();
        let (there, here) = tokio::join!(listener.accept(), host.connect(to, std::time::Duration::from_secs(5)));
        (here.unwrap().into_split().1, there.unwrap().0.into_split().0)
    }

    fn frame(from: u64, number: u64, length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut body = number.to_le_bytes().to_vec();
        body.resize(8 + length, 1);
        DataFrame::Answer { request: from, status: AnswerStatus::Ok, body: &body }.encode(&mut out, FRAME_LIMIT).unwrap();
        out
    }

    /// Reads that many frames. Returns for each who sent it, and its number.
    async fn read(mut half: ReadHalf, count: usize) -> Vec<(u64, u64)> {
        let (mut reader, mut pieces) = (FrameReader::new(Kinds::Data, FRAME_LIMIT), Pieces::new(FRAME_LIMIT));
        let (mut buffer, mut all) = (BytesMut::new(), Vec::new());
        loop {
            while let Some(frame) = reader.next(&mut buffer).unwrap() {
                let whole = match DataFrame::decode(&frame).unwrap() {
                    DataFrame::Piece { stream, last, bytes } => {
                        pieces.take(stream, last, bytes).unwrap().map(|whole| match whole {
                            Whole::Frame(frame) => frame,
                            Whole::Over { .. } => panic!("{whole:?}"),
                        })
                    }
                    _ => Some(frame),
                };
                if let Some(whole) = whole {
                    let DataFrame::Answer { request, body, .. } = DataFrame::decode(&whole).unwrap() else { panic!("{whole:?}") };
                    all.push((request, u64::from_le_bytes(body[..8].try_into().unwrap())));
                }
            }
            if all.len() >= count {
                return all;
            }
            buffer.reserve(4096);
            assert_ne!(half.read_buf(&mut buffer).await.unwrap(), 0, "it broke after {}", all.len());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_many_threads_say_arrives_once_and_each_ones_in_order() {
        const EACH: u64 = 5_000;
        let (write, half) = connection().await;
        let pen = Pen::new();
        // What is said before there is a connection waits for it.
        for number in 0..10 {
            assert!(!pen.push(Some(0), &frame(0, number, 10), true).write);
        }
        let host = Host::current();
        let writer = host.spawn({
            let pen = pen.clone();
            async move { pen.write(write).await }
        });
        let senders: Vec<_> = (1..=4)
            .map(|from| {
                let pen = pen.clone();
                host.spawn(async move {
                    for number in 0..EACH {
                        let length = if number % 1_000 == 7 { 200_000 } else { (number % 150) as usize };
                        if number % 64 == 0 {
                            pen.hold();
                        }
                        if pen.push(Some(from), &frame(from, number, length), number % 5 == from).write {
                            pen.write_some();
                        }
                        if number % 64 == 9 {
                            pen.flush();
                            tokio::task::yield_now().await;
                        }
                    }
                    pen.flush();
                })
            })
            .collect();
        let all = read(half, 10 + 4 * EACH as usize).await;
        for from in 0..=4 {
            let numbers: Vec<_> = all.iter().filter(|frame| frame.0 == from).map(|frame| frame.1).collect();
            let count = if from == 0 { 10 } else { EACH };
            assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "from {from}");
        }
        for sender in senders {
            sender.await.unwrap();
        }
        assert_eq!(pen.waiting(), 0);
        pen.close();
        writer.await.unwrap().unwrap();
        assert!(!pen.push(None, &frame(0, 0, 0), true).write);
        assert_eq!(pen.waiting(), 0, "a closed pen keeps nothing");
    }

    #[tokio::test]
    async fn a_lone_frame_needs_no_task() {
        let (write, half) = connection().await;
        let pen = Pen::new();
        lock(&pen.state).half = Some(write);
        assert!(pen.push(None, &frame(1, 1, 10), true).write);
        pen.write_some();
        assert_eq!(read(half, 1).await, [(1, 1)]);
    }

    #[tokio::test]
    async fn a_socket_that_takes_no_more_leaves_the_rest_to_the_task() {
        const ALL: u64 = 400;
        let (write, half) = connection().await;
        let pen = Pen::new();
        lock(&pen.state).half = Some(write);
        for number in 0..ALL {
            if pen.push(Some(1), &frame(1, number, 60_000), false).write {
                pen.write_some();
            }
        }
        let waiting = pen.waiting();
        assert!(waiting > 0, "24 MB are more than a socket takes");
        let half_back = lock(&pen.state).half.take().unwrap();
        let task = Host::current().spawn({
            let pen = pen.clone();
            async move { pen.write(half_back).await }
        });
        // What the task has taken waits still.
        Host::current().sleep(std::time::Duration::from_millis(50)).await;
        assert!(pen.waiting() + PART >= waiting.min(8 * PART), "{} of {waiting}", pen.waiting());
        let all = read(half, ALL as usize).await;
        assert_eq!(all, (0..ALL).map(|number| (1, number)).collect::<Vec<_>>());
        assert_eq!(pen.waiting(), 0);
        pen.close();
        task.await.unwrap().unwrap();
    }
}
