//! What was answered is in every later answer: each entity behaves as a register to which one thing is done after the other,
//! each between its beginning and its end.

use std::collections::HashMap;

use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};

use super::{Act, Done, Op, Operation, Outcome, page::next_mark};

/// As many operations the tester takes at once: it tries all orders.
const AT_ONCE: usize = 12;

/// An operation that was done: where in the order, and what was there before it.
struct Placed<'a> {
    of: &'a Operation,
    /// How much had been done, this included.
    at: usize,
    was: u64,
    /// By then it was done.
    until: u64,
}

/// Checks what clients were told by an entity against all that was done to it, as it says itself. `before` is the beginning
/// of that, which was checked when there was no more: of what clients did then, only what may have been done later is among
/// `operations`.
///
/// # Errors
/// What cannot be.
pub fn check(operations: &[Operation], before: &[Done], done: &[Done]) -> Result<(), String> {
    if !done.starts_with(before) {
        return Err(format!("the first {} that were done are not what they were, of {}", before.len(), done.len()));
    }
    let placed = place(operations, before, done)?;
    if let Some(late) = placed.iter().find(|it| it.at < before.len()) {
        return Err(format!("{} was done as {}, and began when {} had been done", late.of.op, late.at, before.len()));
    }
    in_order_of_time(&placed)?;
    linearizable(placed, done)
}

/// Finds where in what an entity says that was done each operation was.
fn place<'a>(operations: &'a [Operation], checked: &[Done], done: &[Done]) -> Result<Vec<Placed<'a>>, String> {
    let places: HashMap<Op, usize> = done.iter().enumerate().map(|(at, it)| (it.op, at + 1)).collect();
    let before = |at: usize| at.checked_sub(1).and_then(|at| done.get(at)).map_or(0, |it| it.value);
    let mut placed = Vec::new();
    let mut value = before(checked.len());
    let marks: Vec<u64> = std::iter::once(0)
        .chain(done.iter().scan(0, |mark, it| {
            *mark = next_mark(*mark, it);
            Some(*mark)
        }))
        .collect();
    let acts: HashMap<Op, Act> = operations.iter().map(|it| (it.op, it.act)).collect();
    for it in &done[checked.len()..] {
        let act = acts.get(&it.op).ok_or_else(|| format!("nobody did {}", it.op))?;
        if act.on(value) != Some(it.value) {
            return Err(format!("{act:?} on {value} makes no {it:?}"));
        }
        value = it.value;
    }
    for of in operations {
        let here = places.get(&of.op).copied();
        match &of.ended {
            Some((until, Outcome::Answered(answer))) => {
                if marks.get(answer.at) != Some(&answer.mark) {
                    return Err(format!("{} saw what is not there any more: {answer:?}", of.op));
                }
                let at = here.unwrap_or(answer.at);
                let was = if here.is_some() { before(at - 1) } else { before(at) };
                let changes = of.act.on(answer.was).is_some();
                if changes != here.is_some() || at != answer.at || was != answer.was {
                    return Err(format!("{} was told {answer:?}, and was {here:?}", of.op));
                }
                placed.push(Placed { of, at, was, until: *until });
            }
            Some((_, Outcome::Kept)) if here.is_none() => return Err(format!("{} was said to be kept, and is gone", of.op)),
            ended => {
                let Some(at) = here else { continue };
                let until = match ended {
                    Some((until, Outcome::Kept)) => *until,
                    _ => u64::MAX,
                };
                placed.push(Placed { of, at, was: before(at - 1), until });
            }
        }
    }
    Ok(placed)
}

/// What began after something had ended comes after it.
fn in_order_of_time(placed: &[Placed<'_>]) -> Result<(), String> {
    let mut ends: Vec<_> = placed.iter().filter(|it| it.until < u64::MAX).collect();
    ends.sort_by_key(|it| it.until);
    let mut ends = ends.into_iter().peekable();
    let mut floor: Option<&Placed<'_>> = None;
    let mut begun: Vec<_> = placed.iter().collect();
    begun.sort_by_key(|it| it.of.began);
    for it in begun {
        while let Some(ended) = ends.next_if(|ended| ended.until < it.of.began) {
            if floor.is_none_or(|floor| ended.at > floor.at) {
                floor = Some(ended);
            }
        }
        let Some(floor) = floor else { continue };
        let changed = it.of.act.on(it.was).is_some();
        if it.at < floor.at || (changed && it.at == floor.at) {
            return Err(format!(
                "{} was done as {}, after {} had been as {}, and been answered before the other began",
                it.of.op, it.at, floor.of.op, floor.at
            ));
        }
    }
    Ok(())
}

/// A register.
#[derive(Clone)]
struct Register(u64);

impl SequentialSpec for Register {
    type Op = Act;
    type Ret = u64;

    fn invoke(&mut self, act: &Act) -> u64 {
        let was = self.0;
        self.0 = act.on(was).unwrap_or(was);
        was
    }
}

/// The same by a tester that knows nothing of the order that the entity claims, piece by piece.
fn linearizable(mut placed: Vec<Placed<'_>>, done: &[Done]) -> Result<(), String> {
    // What an operation did was done at the latest when somebody was told of something later.
    let mut least = u64::MAX;
    placed.sort_by_key(|it| (it.at, it.of.act.on(it.was).is_none(), it.of.began));
    for it in placed.iter_mut().rev() {
        least = least.min(it.until);
        it.until = it.until.min(least);
    }
    for piece in placed.chunks(AT_ONCE) {
        let first = &piece[0];
        let mut tester = LinearizabilityTester::new(Register(first.was));
        let mut events: Vec<(u64, usize, bool)> = Vec::new();
        for (thread, it) in piece.iter().enumerate() {
            events.extend([(it.of.began, thread, false), (it.until, thread, true)]);
        }
        events.sort_unstable_by_key(|(time, thread, ends)| (*time, *ends, *thread));
        for (_, thread, ends) in events {
            let it = &piece[thread];
            let valid =
                if ends { tester.on_return(thread, it.was).map(drop) } else { tester.on_invoke(thread, it.of.act).map(drop) };
            valid?;
        }
        if !tester.is_consistent() {
            let ops: Vec<_> = piece.iter().map(|it| it.of.op.to_string()).collect();
            return Err(format!("not linearizable: {} of {}", ops.join(", "), done.len()));
        }
    }
    Ok(())
}

/// Of an entity that says nothing: who was told of as much was told the same.
///
/// # Errors
/// Who was told something else.
pub fn marks(operations: &[Operation]) -> Result<(), String> {
    let mut marks: HashMap<usize, (u64, Op)> = HashMap::new();
    for of in operations {
        let Some((_, Outcome::Answered(answer))) = &of.ended else { continue };
        let (first, op) = *marks.entry(answer.at).or_insert((answer.mark, of.op));
        if first != answer.mark {
            return Err(format!("{op} and {} were told of {} things each, and not of the same", of.op, answer.at));
        }
    }
    Ok(())
}
