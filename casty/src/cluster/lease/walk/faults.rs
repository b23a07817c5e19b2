//! What goes wrong.

use super::*;

impl Walk {
    pub(super) fn fault(&mut self) {
        let next = self.now + self.between(50.0, 900.0);
        self.at(next, Event::Fault);
        let (kind, node) = (self.chance.random::<f64>(), self.chance.random_range(0..NODES));
        if kind < 0.25 {
            let other = (node + self.chance.random_range(1..NODES)) % NODES;
            self.cut.insert((node, other));
            if self.happens(0.7) {
                self.cut.insert((other, node));
            }
        } else if kind < 0.5 {
            self.cut.clear();
        } else if kind < 0.65 && self.runs(node) {
            let time = self.between(100.0, 2500.0);
            self.nodes[node].paused_until = self.now + time;
            let slept = if self.happens(0.5) { time } else { 0.0 };
            self.at(self.now + time, Event::Wake { node, slept });
        } else if (0.65..0.8).contains(&kind) && self.runs(node) {
            let n = &mut self.nodes[node];
            n.up = false;
            n.generation += 1;
            n.inbox.clear();
            let back = self.now + self.between(20.0, 400.0);
            self.at(back, Event::Back(node));
        } else if (0.8..0.95).contains(&kind) {
            for leader in 0..NODES {
                if self.nodes[leader].role == Role::Leader && self.runs(leader) {
                    let to = (leader + self.chance.random_range(1..NODES)) % NODES;
                    let term = self.nodes[leader].term;
                    self.send(leader, to, Message::Transfer { term });
                }
            }
        }
    }

    /// A process starts anew, with its log, its term and its vote.
    pub(super) fn back(&mut self, node: usize) {
        let (started, timeout, config) = (self.monotonic(node), self.between(300.0, 600.0), self.config());
        let n = &mut self.nodes[node];
        (n.up, n.role, n.heard, n.started, n.leader, n.timeout) = (true, Role::Follower, LONG_AGO, started, None, timeout);
        (n.granter, n.holder) = (Granter::new(config), Holder::new(config));
        n.holder.applied(n.commit as u64);
    }
}
