//! Programs that show casty at work. Run one with `cargo run -p casty-examples --example greeter`.
//!
//! | program | what it shows |
//! | --- | --- |
//! | `greeter` | the first program: a message, an actor, `send` and `ask` |
//! | `database` | the lifecycle: `on_start` opens a connection, `on_stop` closes it |
//! | `calculator` | questions and answers: replies, domain errors, failures, late answers, timeouts |
//! | `hierarchy` | children, names, look-up, death watch, and what stops with what |
//! | `worker` | supervision: restart with backoff, a retained message, the hooks |
//! | `chat_room` | an actor by its id for each room, on three nodes, with copies of its state |
//! | `bank` | transfers between accounts, each an entity: taken again, applied once, while a node goes and comes |
//! | `scheduler` | a singleton with a timer, moved with its state |
//! | `ledger` | a real one: a CSV of transactions, an actor for each account, bad lines, backpressure |
//! | `cluster` | three nodes as processes: members, a leader, names, remote asks; one is killed, the others go on |
//!
//! All but `bank`, `ledger` and `cluster` are one file each. The [`ledger`] is in this library, so that its tests can call it; its `main`
//! is `ledger/main.rs`.

pub mod ledger;
