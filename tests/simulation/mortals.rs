//! Entities that are destroyed now and then, put away as soon as nobody needs them, and that answer later: what they remember
//! is what was put into them since they were made.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use casty::{ActorSystem, Cluster, ClusterError, EntityRef, ReplicationConfig, Reply, prelude::*};

use crate::{book::Book, dice::Dice, ledgers::Op};

/// By its type and id.
pub(crate) type Mortal = (&'static str, &'static str);

pub(crate) const MORTALS: [Mortal; 4] = [("mortal", "a"), ("mortal", "b"), ("strict", "a"), ("strict", "b")];

/// Their types.
pub(crate) const KINDS: [&str; 2] = ["mortal", "strict"];

/// What they hold, in order.
type Seen = Vec<Op>;

#[message(reply = Seen)]
struct Put(Op);

/// Answered with what there is when the next message comes.
#[message(reply = Seen)]
struct PutSlowly(Op);

#[message(reply = Seen)]
struct See;

/// Answered with what there was.
#[message(reply = Seen)]
struct Die;

thread_local! {
    /// What was there when it was destroyed, whether anybody was told or not, since it was asked last.
    static DEATHS: RefCell<Vec<(Mortal, Seen)>> = const { RefCell::new(Vec::new()) };
}

/// All those deaths.
pub(crate) fn deaths() -> Vec<(Mortal, Seen)> {
    DEATHS.take()
}

macro_rules! mortal {
    ($name:ident, $kind:literal, $($setting:tt)*) => {
        #[actor]
        #[sharded(name = $kind, passivate_after = 100ms, factor = 3, $($setting)*)]
        #[derive(Default)]
        struct $name {
            seen: Seen,
            #[casty(skip)]
            slow: Vec<Reply<PutSlowly>>,
        }

        impl $name {
            fn answer(&mut self) {
                self.slow.drain(..).for_each(|reply| _ = reply.send(self.seen.clone()));
            }
        }

        #[actor]
        impl $name {
            #[handler]
            fn put(&mut self, Put(op): Put) -> Seen {
                self.seen.push(op);
                self.answer();
                self.seen.clone()
            }

            #[handler]
            fn put_slowly(&mut self, PutSlowly(op): PutSlowly) -> Later<PutSlowly> {
                self.seen.push(op);
                let (reply, later) = Later::new();
                self.slow.push(reply);
                later
            }

            #[handler]
            fn see(&self, _: See) -> Seen {
                self.seen.clone()
            }

            #[handler]
            fn die(&mut self, _: Die, ctx: &mut Context<Self>) -> Seen {
                self.answer();
                let id = ctx.entity_id().map(ToString::to_string).unwrap_or_default();
                let it = MORTALS.into_iter().find(|(kind, of)| *kind == $kind && *of == id).expect("it is one of them");
                DEATHS.with_borrow_mut(|deaths| deaths.push((it, self.seen.clone())));
                ctx.destroy();
                self.seen.clone()
            }
        }
    };
}

mortal!(Quorum, "mortal", sync = quorum);
mortal!(Strict, "strict", sync = 1, strict = true);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Put,
    PutSlowly,
    See,
    Die,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Seen(Seen),
    NotHandled(String),
    Unknown,
}

/// Somebody and one of them.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    Begun { mortal: Mortal, op: Op, deed: Deed },
    Ended { mortal: Mortal, op: Op, fate: Fate },
}

enum Reference {
    Quorum(EntityRef<Quorum>),
    Strict(EntityRef<Strict>),
}

macro_rules! each {
    ($of:expr, $entity:ident => $do:expr) => {
        match $of {
            Reference::Quorum($entity) => $do,
            Reference::Strict($entity) => $do,
        }
    };
}

fn reference(system: &ActorSystem, (kind, id): Mortal) -> Reference {
    match kind {
        "mortal" => Reference::Quorum(system.sharded().entity(id)),
        _ => Reference::Strict(system.sharded().entity(id)),
    }
}

pub(crate) async fn change_settings(cluster: &Cluster, kind: &str, config: ReplicationConfig) -> Result<(), ClusterError> {
    match kind {
        "mortal" => cluster.change_replication::<Quorum>(config).await,
        _ => cluster.change_replication::<Strict>(config).await,
    }
}

async fn ask(system: &ActorSystem, mortal: Mortal, op: Op, deed: Deed, limit: Duration) -> Result<Seen, AskError> {
    let it = reference(system, mortal);
    match deed {
        Deed::Put => each!(it, entity => entity.ask(Put(op)).timeout(limit).await),
        Deed::PutSlowly => each!(it, entity => entity.ask(PutSlowly(op)).timeout(limit).await),
        Deed::See => each!(it, entity => entity.ask(See).timeout(limit).await),
        Deed::Die => each!(it, entity => entity.ask(Die).timeout(limit).await),
    }
}

/// Has to do with them until the run is over.
pub(crate) async fn meddle(system: ActorSystem, book: Book, mut dice: Dice) {
    let client = u32::try_from(book.count()).expect("there are fewer clients");
    for number in 1.. {
        tokio::time::sleep(dice.millis(20, 300)).await;
        if book.is_over() {
            return;
        }
        let (mortal, op, limit) = (MORTALS[dice.below(MORTALS.len())], Op(client, number), dice.millis(1500, 5000));
        let deed = match dice.below(20) {
            0..8 => Deed::Put,
            8..10 => Deed::PutSlowly,
            10..17 => Deed::See,
            _ => Deed::Die,
        };
        book.mortal(Line::Begun { mortal, op, deed });
        let fate = match ask(&system, mortal, op, deed, limit).await {
            Ok(seen) => Fate::Seen(seen),
            Err(error) if error.may_have_been_handled() => Fate::Unknown,
            Err(error) => Fate::NotHandled(error.to_string()),
        };
        book.mortal(Line::Ended { mortal, op, fate });
    }
}

/// Of one of them: what was answered, and what later answers may show.
#[derive(Debug, Default)]
struct History {
    now: Moment,
    maybe_gone: BTreeSet<Op>,
    open: BTreeMap<Op, (Deed, Moment)>,
    refused: BTreeMap<Op, String>,
    /// In words.
    lines: Vec<String>,
}

/// What everybody who asks from now on has to see, and must not.
#[derive(Debug, Default, Clone)]
struct Moment {
    there: BTreeSet<Op>,
    gone: BTreeSet<Op>,
}

/// What was put in is there until it is destroyed, and never after that.
#[derive(Default)]
pub(crate) struct Lives(BTreeMap<Mortal, History>);

impl Lives {
    pub(crate) fn check(&mut self, lines: Vec<Line>) -> Result<(), String> {
        for (mortal, seen) in deaths() {
            self.0.entry(mortal).or_default().maybe_gone.extend(seen);
        }
        for line in lines {
            let (Line::Begun { mortal, .. } | Line::Ended { mortal, .. }) = line;
            let history = self.0.entry(mortal).or_default();
            history.lines.push(format!("{line:?}"));
            history.line(line).map_err(|why| {
                let from = history.lines.len().saturating_sub(60);
                format!("lives: {mortal:?}: {why}\n  {}", history.lines[from..].join("\n  "))
            })?;
        }
        Ok(())
    }
}

impl History {
    fn line(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Begun { op, deed, .. } => {
                self.open.insert(op, (deed, self.now.clone()));
                Ok(())
            }
            Line::Ended { op, fate, .. } => {
                let Some((deed, begun)) = self.open.remove(&op) else { return Ok(()) };
                match fate {
                    Fate::Seen(seen) => self.seen(op, deed, &begun, &seen),
                    Fate::NotHandled(why) => {
                        self.refused.insert(op, why);
                        Ok(())
                    }
                    Fate::Unknown => Ok(()),
                }
            }
        }
    }

    fn seen(&mut self, op: Op, deed: Deed, begun: &Moment, list: &[Op]) -> Result<(), String> {
        let seen: BTreeSet<Op> = list.iter().copied().collect();
        if seen.len() < list.len() {
            return Err(format!("{op} was told of something that was handled twice: {list:?}"));
        }
        if let Some((refused, why)) = self.refused.iter().find(|(refused, _)| seen.contains(refused)) {
            return Err(format!("{refused} was said not to be handled ({why}), and {op} was told of it"));
        }
        if deed == Deed::Put && list.last() != Some(&op) {
            return Err(format!("{op} was told of {list:?}, which does not end with it"));
        }
        let missing: BTreeSet<Op> = begun.there.difference(&seen).copied().collect();
        let lost: Vec<_> = missing.difference(&self.maybe_gone).collect();
        if !lost.is_empty() {
            return Err(format!("{lost:?} was answered and not destroyed, and {op} was not told of it: {list:?}"));
        }
        let risen: Vec<_> = begun.gone.intersection(&seen).collect();
        if !risen.is_empty() {
            return Err(format!("{risen:?} was gone, and {op} was told of it: {list:?}"));
        }
        self.now.gone.extend(missing);
        match deed {
            Deed::Die => self.now.gone.extend(seen),
            Deed::PutSlowly if !seen.contains(&op) => return Err(format!("{op} was told of {list:?}, without it")),
            Deed::Put | Deed::PutSlowly | Deed::See => self.now.there.extend(seen),
        }
        let gone = &self.now.gone;
        self.now.there.retain(|op| !gone.contains(op));
        Ok(())
    }
}
