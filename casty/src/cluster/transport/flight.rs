//! What is on its way to one node and not confirmed by it, oldest first. Pure.
//!
//! The peer says only how many it has. Those that were overtaken by others on the way are told apart by what the outbox says
//! of the order in which it let them go.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::outbox::{Passed, Target};
use crate::actor::FarAddress;

#[derive(Default)]
pub(super) struct Flight {
    /// Of each request that goes in its order, what it takes of the window.
    requests: VecDeque<Size>,
    /// Those that nobody waits for an answer of, in the same order.
    sent: VecDeque<Sent>,
    /// How many that go in their order the peer has.
    prompt: u64,
    /// Those that others may overtake, by their targets.
    late: BTreeMap<Target, VecDeque<Late>>,
    late_len: usize,
    /// Which of those are gone, and not confirmed.
    passed: VecDeque<Passed>,
    /// How many of this session's requests the peer has.
    confirmed: u64,
}

struct Late {
    bytes: u32,
    /// If nobody waits for its answer.
    sent: Option<Sent>,
}

struct Size {
    bytes: u32,
    is_asked: bool,
}

/// So many messages of one kind to one actor, one after the other.
pub(super) struct Sent {
    pub(super) to: Arc<FarAddress>,
    pub(super) message: &'static str,
    pub(super) count: usize,
}

impl Flight {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len() + self.late_len
    }

    /// A request whose asker is told of its end by itself. `late`: others may overtake it.
    pub(super) fn asked(&mut self, bytes: u32, late: Option<Target>) {
        match late {
            Some(target) => self.late(target, Late { bytes, sent: None }),
            None => self.requests.push_back(Size { bytes, is_asked: true }),
        }
    }

    /// A request that nobody waits for an answer of. `late`: others may overtake it.
    pub(super) fn sent(&mut self, bytes: u32, to: &Arc<FarAddress>, message: &'static str, late: Option<Target>) {
        if let Some(target) = late {
            let sent = Some(Sent { to: to.clone(), message, count: 1 });
            return self.late(target, Late { bytes, sent });
        }
        self.requests.push_back(Size { bytes, is_asked: false });
        match self.sent.back_mut() {
            Some(last) if Arc::ptr_eq(&last.to, to) && std::ptr::eq(last.message, message) => last.count += 1,
            _ => self.sent.push_back(Sent { to: to.clone(), message, count: 1 }),
        }
    }

    #[cold]
    fn late(&mut self, target: Target, late: Late) {
        self.late.entry(target).or_default().push_back(late);
        self.late_len += 1;
    }

    /// Whether there are any that others may overtake.
    pub(super) fn has_late(&self) -> bool {
        self.late_len > 0
    }

    /// More of those are gone.
    pub(super) fn passed(&mut self, more: impl IntoIterator<Item = Passed>) {
        self.passed.extend(more);
    }

    /// The peer has taken so many of this session's requests off the connection. Returns the bytes that this frees.
    pub(super) fn confirm(&mut self, received: u64) -> usize {
        let mut freed = 0;
        while self.confirmed < received {
            if let Some(late) = self.next_late() {
                self.confirmed += 1;
                freed += late.bytes as usize;
                continue;
            }
            // More than there were: the peer errs.
            let Some(request) = self.requests.pop_front() else { break };
            self.confirmed += 1;
            self.prompt += 1;
            freed += request.bytes as usize;
            if request.is_asked {
                continue;
            }
            if let Some(first) = self.sent.front_mut() {
                first.count -= 1;
                if first.count == 0 {
                    self.sent.pop_front();
                }
            }
        }
        freed
    }

    /// Takes out the next one that the peer has, if that was overtaken.
    #[inline]
    fn next_late(&mut self) -> Option<Late> {
        let Passed { target, .. } = *self.passed.front().filter(|passed| passed.after == self.prompt)?;
        self.passed.pop_front();
        let line = self.late.get_mut(&target)?;
        let late = line.pop_front()?;
        if line.is_empty() {
            self.late.remove(&target);
        }
        self.late_len -= 1;
        Some(late)
    }

    /// The session is over. Returns the bytes that were under way, and what nobody hears of otherwise.
    pub(super) fn end(self) -> (usize, impl Iterator<Item = Sent>) {
        let late: Vec<_> = self.late.into_values().flatten().collect();
        let bytes = self.requests.iter().map(|request| request.bytes).chain(late.iter().map(|late| late.bytes));
        let bytes = bytes.map(|bytes| bytes as usize).sum();
        (bytes, self.sent.into_iter().chain(late.into_iter().filter_map(|late| late.sent)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::outbox::{Outbox, PIECE},
        *,
    };
    use crate::{
        actor::ActorId,
        cluster::{
            Incarnation, NodeKey,
            wire::{AnswerStatus, DataFrame, FRAME_LIMIT, FrameReader, Kinds, Pieces, Whole},
        },
    };

    fn address(actor: u64) -> Arc<FarAddress> {
        let node = NodeKey { id: "there".into(), incarnation: Incarnation(1) };
        Arc::new(FarAddress { node, actor: ActorId(actor), kind: "Actor".into(), name: None })
    }

    #[derive(Debug, Clone)]
    enum Event {
        Asked(u32),
        Sent(u32, usize, &'static str),
        Confirm(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        let message = prop_oneof![Just("One"), Just("Other")];
        prop_oneof![
            (1..100u32).prop_map(Event::Asked),
            (1..100u32, 0..3usize, message).prop_map(|(bytes, to, message)| Event::Sent(bytes, to, message)),
            (0..4u64).prop_map(Event::Confirm),
        ]
    }

    proptest! {
        /// Beside a list of all that is under way.
        #[test]
        fn all_that_is_not_confirmed_is_under_way(events in prop::collection::vec(event(), 0..80)) {
            let to: Vec<_> = (0..3).map(address).collect();
            let mut flight = Flight::default();
            let (mut all, mut received) = (Vec::new(), 0);
            for event in events {
                match event {
                    Event::Asked(bytes) => {
                        flight.asked(bytes, None);
                        all.push((bytes, None));
                    }
                    Event::Sent(bytes, actor, message) => {
                        flight.sent(bytes, &to[actor], message, None);
                        all.push((bytes, Some((actor as u64, message))));
                    }
                    Event::Confirm(more) => {
                        let before = received;
                        received = (received + more as usize).min(all.len());
                        let freed: u32 = all[before..received].iter().map(|request| request.0).sum();
                        prop_assert_eq!(flight.confirm(received as u64), freed as usize);
                    }
                }
                prop_assert_eq!(flight.len(), all.len() - received);
            }
            let left = &all[received..];
            let (bytes, sent) = flight.end();
            prop_assert_eq!(bytes, left.iter().map(|request| request.0 as usize).sum::<usize>());
            let sent: Vec<_> = sent.flat_map(|sent| std::iter::repeat_n((sent.to.actor.0, sent.message), sent.count)).collect();
            prop_assert_eq!(sent, left.iter().filter_map(|request| request.1).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_peer_that_confirms_more_than_it_got_frees_no_more_than_there_was() {
        let mut flight = Flight::default();
        flight.asked(7, None);
        assert_eq!(flight.confirm(u64::MAX), 7);
        assert_eq!(flight.confirm(u64::MAX), 0);
        assert!(flight.is_empty());
        flight.sent(5, &address(1), "Late", None);
        assert_eq!(flight.confirm(2), 5);
    }

    /// A frame of this many bytes in all.
    fn frame(bytes: usize, is_request: bool) -> Vec<u8> {
        let body = vec![0; bytes - 14];
        let mut frame = Vec::new();
        let answer = DataFrame::Answer { request: is_request.into(), status: AnswerStatus::Ok, body: &body };
        answer.encode(&mut frame, FRAME_LIMIT).unwrap();
        frame
    }

    #[test]
    fn what_is_overtaken_is_confirmed_when_it_is_there() {
        let (mut flight, mut outbox) = (Flight::default(), Outbox::default());
        let late = outbox.push(Some(1), &frame(2 * PIECE, true)).then_some(1);
        flight.sent(7, &address(1), "Large", late);
        let late = outbox.push(Some(2), &frame(20, true)).then_some(2);
        flight.sent(1, &address(2), "Small", late);
        outbox.take(&mut Vec::new());
        flight.passed(outbox.passed());
        // Only the small one can be there.
        assert_eq!(flight.confirm(1), 1);
        let (bytes, lost) = flight.end();
        assert_eq!(bytes, 7);
        assert_eq!(lost.map(|lost| lost.message).collect::<Vec<_>>(), ["Large"]);
    }

    #[derive(Debug, Clone)]
    enum Way {
        Push { target: u64, bytes: usize, is_request: bool },
        Write,
    }

    fn ways() -> impl Strategy<Value = Vec<Way>> {
        let bytes = prop_oneof![5 => 14..300usize, 1 => PIECE..4 * PIECE];
        let push = (0..12u64, bytes, prop::bool::weighted(0.9));
        let push = push.prop_map(|(target, bytes, is_request)| Way::Push { target, bytes, is_request });
        prop::collection::vec(prop_oneof![3 => push, 1 => Just(Way::Write)], 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        /// As the other side reads it, whatever overtakes what.
        #[test]
        fn what_is_confirmed_is_what_is_there(ways in ways()) {
            let (mut flight, mut outbox) = (Flight::default(), Outbox::default());
            let (reader, mut pieces) = (FrameReader::new(Kinds::Data, FRAME_LIMIT), Pieces::new(FRAME_LIMIT));
            let (mut sent, mut received, mut freed) = (0, 0, 0);
            // At last until all is written.
            for way in ways.into_iter().chain(std::iter::repeat_n(Way::Write, 100)) {
                if let Way::Push { target, bytes, is_request } = way {
                    let late = outbox.push(is_request.then_some(target), &frame(bytes, is_request)).then_some(target);
                    if is_request {
                        flight.sent(bytes as u32, &address(target), "One", late);
                        sent += 1;
                    }
                    continue;
                }
                let mut batch = Vec::new();
                outbox.take(&mut batch);
                flight.passed(outbox.passed());
                let mut rest = &batch[..];
                while let Some((frame, behind)) = reader.cut(rest).unwrap() {
                    rest = behind;
                    let mut whole = Some(frame.payload.to_vec());
                    if let DataFrame::Piece { stream, last, bytes } = DataFrame::read(frame.kind, frame.payload).unwrap() {
                        whole = pieces.take(stream, last, bytes).unwrap().map(|whole| match whole {
                            Whole::Frame(frame) => frame.payload.to_vec(),
                            Whole::Over { .. } => panic!("{whole:?}"),
                        });
                    }
                    if let Some(whole) = whole.filter(|whole| whole[0] == 1) {
                        received += 1;
                        freed += whole.len() + 5;
                        // Each by itself: no other is taken for it.
                        prop_assert_eq!(flight.confirm(received), whole.len() + 5);
                    }
                }
            }
            prop_assert_eq!(received, sent);
            prop_assert!(flight.is_empty() && !flight.has_late());
            prop_assert_eq!(flight.end().0, 0, "{} were confirmed", freed);
        }
    }
}
