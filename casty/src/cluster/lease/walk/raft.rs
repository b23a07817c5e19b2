//! As much of Raft as leases lean on: terms, votes, a log, and what a majority has.

use super::*;

impl Walk {
    pub(super) fn tick(&mut self, node: usize) {
        if self.nodes[node].role == Role::Leader {
            self.consider(node);
            return;
        }
        let (monotonic, n) = (self.monotonic(node), &self.nodes[node]);
        if monotonic > n.heard.max(n.started) + ELECTION + n.timeout && monotonic > n.candidate_again {
            self.nodes[node].candidate_again = monotonic + self.between(300.0, 600.0);
            self.campaign(node, false);
        }
    }

    pub(super) fn beat(&mut self, leader: usize) {
        let with_log = self.happens(0.5);
        let l = &self.nodes[leader];
        if l.role == Role::Leader {
            let (term, log, commit) = (l.term, with_log.then(|| l.log.clone()), l.commit);
            let message = Message::Beat { from: leader, term, sent: self.monotonic(leader), log, commit };
            self.broadcast(leader, &message);
        }
    }

    pub(super) fn on_beat(&mut self, at: usize, from: usize, term: u64, sent: f64, log: Option<Vec<Entry>>, commit: usize) {
        let (monotonic, timeout) = (self.monotonic(at), self.between(300.0, 600.0));
        let node = &mut self.nodes[at];
        if term < node.term {
            return;
        }
        if term > node.term || node.role != Role::Follower {
            (node.role, node.term) = (Role::Follower, term);
            node.granter.deposed();
        }
        (node.leader, node.heard, node.timeout) = (Some(from), monotonic, timeout);
        let length = log.as_ref().map_or(0, Vec::len);
        if let Some(log) = log.filter(|log| node.log.get(..length) != Some(&log[..])) {
            node.log = log;
        }
        self.commit(at, commit.min(length));
        self.send(at, from, Message::Ack { from: at, term, sent, length });
    }

    pub(super) fn commit(&mut self, at: usize, commit: usize) {
        let node = &mut self.nodes[at];
        node.commit = node.commit.max(commit);
        node.holder.applied(node.commit as u64);
        if node.role == Role::Leader && node.commit >= node.noop {
            node.granter.first_entry_applied(node.term);
        }
    }

    pub(super) fn on_ack(&mut self, leader: usize, from: usize, term: u64, sent: f64, length: usize) {
        let l = &mut self.nodes[leader];
        if l.role != Role::Leader || l.term != term {
            return;
        }
        let ack = l.acks.entry(from).or_insert(LONG_AGO);
        *ack = ack.max(sent);
        let known = l.lengths.entry(from).or_default();
        *known = (*known).max(length);
        // One other and itself are a majority of three.
        l.quorum = l.acks.values().copied().fold(LONG_AGO, f64::max);
        let longest = l.lengths.values().copied().max().unwrap_or(0);
        if longest > 0 && l.log[longest - 1].0 == term {
            self.commit(leader, longest);
        }
        self.feed_quorum(leader);
    }

    pub(super) fn feed_quorum(&mut self, leader: usize) {
        let (clocks, ago) = (self.clocks(leader), self.monotonic(leader) - self.nodes[leader].quorum);
        if ago < 1e6 {
            self.nodes[leader].granter.quorum_acked(clocks, millis(ago));
        }
    }

    pub(super) fn win(&mut self, node: usize) {
        let (clocks, early) = (self.clocks(node), !self.rules.noop_first);
        let n = &mut self.nodes[node];
        (n.role, n.leader, n.quorum) = (Role::Leader, Some(node), LONG_AGO);
        n.acks.clear();
        n.lengths.clear();
        n.grants.clear();
        n.stopped.clear();
        n.log.push((n.term, None));
        n.noop = n.log.len();
        n.granter.elected(clocks, n.term, []);
        if early {
            n.granter.first_entry_applied(n.term);
        }
        self.beat(node);
    }

    pub(super) fn campaign(&mut self, node: usize, transfer: bool) {
        let n = &mut self.nodes[node];
        n.term += 1;
        n.role = Role::Candidate;
        n.granter.deposed();
        let message = Message::Vote { from: node, term: n.term, last: self.last(node), transfer };
        self.broadcast(node, &message);
    }

    pub(super) fn on_vote(&mut self, at: usize, from: usize, term: u64, last: (u64, usize), transfer: bool) {
        let (monotonic, own, n) = (self.monotonic(at), self.last(at), &self.nodes[at]);
        let leads = n.role == Role::Leader && monotonic < n.quorum + ELECTION;
        if !transfer && (monotonic < n.heard + ELECTION || leads) || term <= n.term || last < own {
            return;
        }
        let n = &mut self.nodes[at];
        (n.term, n.role) = (term, Role::Follower);
        n.granter.deposed();
        self.send(at, from, Message::Voted { term });
    }
}
