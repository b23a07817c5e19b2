//! What is on its way to one node and not confirmed by it, oldest first. Pure.

use std::{collections::VecDeque, sync::Arc};

use crate::actor::FarAddress;

#[derive(Default)]
pub(super) struct Flight {
    /// Of each request, what it takes of the window.
    requests: VecDeque<Size>,
    /// Those that nobody waits for an answer of, in the same order.
    sent: VecDeque<Sent>,
    /// How many of this session's requests the peer has.
    confirmed: u64,
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
        self.requests.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// A request whose asker is told of its end by itself.
    pub(super) fn asked(&mut self, bytes: u32) {
        self.requests.push_back(Size { bytes, is_asked: true });
    }

    /// A request that nobody waits for an answer of.
    pub(super) fn sent(&mut self, bytes: u32, to: &Arc<FarAddress>, message: &'static str) {
        self.requests.push_back(Size { bytes, is_asked: false });
        match self.sent.back_mut() {
            Some(last) if Arc::ptr_eq(&last.to, to) && std::ptr::eq(last.message, message) => last.count += 1,
            _ => self.sent.push_back(Sent { to: to.clone(), message, count: 1 }),
        }
    }

    /// The peer has taken so many of this session's requests off the connection. Returns the bytes that this frees.
    pub(super) fn confirm(&mut self, received: u64) -> usize {
        let mut freed = 0;
        while self.confirmed < received {
            // More than there were: the peer errs.
            let Some(request) = self.requests.pop_front() else { break };
            self.confirmed += 1;
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

    /// The session is over. Returns the bytes that were under way, and what nobody hears of otherwise.
    pub(super) fn end(self) -> (usize, impl Iterator<Item = Sent>) {
        let bytes = self.requests.iter().map(|request| request.bytes as usize).sum();
        (bytes, self.sent.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        actor::ActorId,
        cluster::{Incarnation, NodeKey},
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
                        flight.asked(bytes);
                        all.push((bytes, None));
                    }
                    Event::Sent(bytes, actor, message) => {
                        flight.sent(bytes, &to[actor], message);
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
        flight.asked(7);
        assert_eq!(flight.confirm(u64::MAX), 7);
        assert_eq!(flight.confirm(u64::MAX), 0);
        assert!(flight.is_empty());
        flight.sent(5, &address(1), "Late");
        assert_eq!(flight.confirm(2), 5);
    }
}
