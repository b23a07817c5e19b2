//! Asking for leases and granting them, and taking the slot.

use super::*;

impl Walk {
    pub(super) fn ask(&mut self, node: usize) {
        let Some(leader) = self.nodes[node].leader else { return };
        let now = millis(self.boot(node) + 1e6);
        let ask = self.nodes[node].holder.asked(now);
        if leader == node {
            self.on_ask(node, node, ask);
        } else {
            self.send(node, leader, Message::Ask { from: node, ask });
        }
    }

    pub(super) fn on_ask(&mut self, leader: usize, from: usize, ask: AskId) {
        if self.nodes[leader].role != Role::Leader {
            return;
        }
        self.feed_quorum(leader);
        let (clocks, now, rules) = (self.clocks(leader), self.lease_clock(leader), self.rules);
        let monotonic = self.monotonic(leader);
        let l = &mut self.nodes[leader];
        l.granter.renewal(clocks, &key(from));
        let grant = if rules.from_quorum_ack {
            l.granter.grant(clocks, &key(from), l.commit as u64).ok()
        } else {
            // By openraft's own lease, a full one.
            let leads = monotonic < l.quorum + ELECTION && l.commit >= l.noop && !l.stopped.contains(&from);
            leads.then_some(Grant { left: millis(rules.length), applied: l.commit as u64 })
        };
        let Some(grant) = grant else { return };
        let end = l.grants.entry(from).or_insert(LONG_AGO);
        *end = end.max(now + grant.left.as_secs_f64() * 1000.0);
        if leader == from {
            self.on_granted(from, ask, grant);
        } else {
            self.send(leader, from, Message::Granted { ask, grant });
        }
    }

    pub(super) fn on_granted(&mut self, at: usize, ask: AskId, grant: Grant) {
        let now = millis(self.boot(at) + 1e6);
        let holder = &mut self.nodes[at].holder;
        let ask = if self.rules.count_from_ask { ask } else { holder.asked(now) };
        holder.granted(ask, grant);
        if !self.rules.table_first {
            holder.applied(u64::MAX);
        }
    }

    /// The leader takes the slot from its owner, if it may.
    pub(super) fn consider(&mut self, leader: usize) {
        let (now, clocks, by_silence) = (self.lease_clock(leader), self.clocks(leader), self.happens(0.5));
        let l = &self.nodes[leader];
        let (epoch, owner) = Self::owner(&l.log);
        if l.commit < l.noop || l.log.len() > l.commit || owner == leader || l.stopped.contains(&owner) {
            return;
        }
        // Silence is what is asked for in earnest; that its own grants have ended is the least that must be.
        let granted_until = l.grants.get(&owner).copied().unwrap_or(LONG_AGO);
        let ended = now >= granted_until + self.rules.length / 50.0;
        let waited = l.granter.may_take_from().is_some_and(|from| clocks.boot >= from);
        let may = match (self.rules.new_leader_wait, by_silence) {
            (true, true) => l.granter.lapsed(&key(owner), clocks),
            (true, false) => waited && ended,
            (false, _) => ended,
        };
        if !may {
            return;
        }
        let others: Vec<_> = (0..NODES).filter(|node| *node != owner).collect();
        let next = others[usize::from(self.happens(0.5))];
        let stop = self.rules.stop_on_propose;
        let l = &mut self.nodes[leader];
        if stop {
            l.stopped.insert(owner);
            l.granter.down(clocks, &key(owner));
        }
        l.log.push((l.term, Some((epoch + 1, next))));
        self.beat(leader);
        let l = &mut self.nodes[leader];
        l.stopped.remove(&next);
        l.granter.joined(&key(next));
    }
}
