//! The attribute macros of casty.
//!
//! Each is a pipeline: parse the syntax into plain data, check that against the rules, generate code from what is
//! right. All mistakes are reported at once, where the user wrote them, and what is wrong is left out or replaced so that
//! nothing else fails because of it. Questions about types are left to the compiler.
//!
//! Use these through the `casty` crate, which the generated code refers to.

mod actor;
mod args;
mod beside;
mod distributed;
mod duration;
mod entity;
mod entry;
mod errors;
mod message;
mod probe;
mod supervised;
mod types;

use proc_macro::TokenStream;

/// Makes a struct or an enum a message.
///
/// It implements `Message`, and serde's `Serialize` and `Deserialize` through casty's own copy of serde, so that the
/// message can travel to another node. Its fields and its reply need to be serde too. (A generic message is serde where its
/// parameters are, and stays in its process all the same, as a `local` one does: no name on the wire tells one from another.)
///
/// | argument | meaning |
/// | --- | --- |
/// | `reply = Type` | what a handler answers with; `()` if left out |
/// | `name = ".."` | the name on the wire; the type's own if left out |
/// | `local` | it never leaves the process, and needs no serde |
/// | `retain` | a copy is kept while it is handled, for `pre_restart`; the type is `Clone + Sync` |
/// | `idempotent` | the system may send it again when a connection broke before its answer came |
///
/// An error that the asker is to see is part of the reply: `reply = Result<u64, Overdrawn>`.
///
/// ```
/// use casty::prelude::*;
///
/// #[message]
/// struct Deposit {
///     amount: u64,
/// }
///
/// #[message(reply = u64)]
/// struct GetBalance;
///
/// #[derive(Clone)]
/// #[message(local, retain, name = "job")]
/// struct Job(std::sync::Arc<str>);
///
/// assert_eq!(<Deposit as casty::Message>::NAME, "Deposit");
/// assert_eq!(<Job as casty::Message>::NAME, "job");
/// ```
///
/// Two messages that hold each other need a `#[serde(bound = "")]` on one of them.
#[proc_macro_attribute]
pub fn message(args: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(args.into(), item.into()).into()
}

/// Makes a struct an actor, and the methods of its `impl` handlers and hooks. It goes on both.
///
/// On the struct it takes these arguments:
///
/// | argument | meaning |
/// | --- | --- |
/// | `name = ".."` | the actor's name on the wire; the type's own if left out |
/// | `mailbox = 1024` | how many messages may wait; any number if left out |
/// | `overflow = Wait` | what a full mailbox does with one more: `Wait`, `Fail`, `DropNewest` or `DropOldest` |
///
/// In the impl, a method with `#[handler]` takes a message: `[async] fn name(&self | &mut self, message: M)`, then
/// `ctx: &Context<Self>` or `ctx: &mut Context<Self>` if it is needed. It returns the message's reply, or `Later<M>`, or
/// either of them in a `casty::Result`, whose `Err` is a failure.
///
/// The lifecycle hooks are known by their names. Each takes `&mut self` and then what it wants of the parameters:
/// `on_start(ctx)`, `on_stop(ctx)`, `pre_restart(failure, ctx)`, `post_restart(failure, ctx)`, which return nothing or a
/// `casty::Result<()>`, and `on_child_failure(child, failure, ctx) -> Option<Directive>`. All other methods are left alone.
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = u64)]
/// struct Add(u64);
///
/// #[actor(mailbox = 64, overflow = Fail)]
/// #[derive(Default)]
/// struct Sum {
///     total: u64,
/// }
///
/// #[actor]
/// impl Sum {
///     fn on_start(&mut self, ctx: &mut Context<Self>) {
///         println!("{:?} starts", ctx.me());
///     }
///
///     #[handler]
///     fn add(&mut self, Add(number): Add) -> casty::Result<u64> {
///         self.total = self.total.checked_add(number).ok_or("the sum is too large")?;
///         Ok(self.total)
///     }
/// }
///
/// #[casty::main]
/// async fn main(system: ActorSystem) -> casty::Result<()> {
///     let sum = system.spawn(Sum::default).await?;
///     sum.ask(Add(2)).await?;
///     assert_eq!(sum.ask(Add(3)).await?, 5);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn actor(args: TokenStream, item: TokenStream) -> TokenStream {
    actor::expand(args.into(), &item.into()).into()
}

/// Marks the methods of an `#[actor] impl` that take messages. See [`actor`](macro@actor).
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = u64)]
/// struct GetCount;
///
/// #[actor]
/// struct Counter {
///     count: u64,
/// }
///
/// #[actor]
/// impl Counter {
///     #[handler]
///     fn count(&self, _: GetCount) -> u64 {
///         self.count
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn handler(args: TokenStream, item: TokenStream) -> TokenStream {
    actor::lone_handler(&args.into(), &item.into()).into()
}

/// What happens to an actor when it fails, and to its children when one of them does.
///
/// These are the arguments and their defaults:
///
/// | argument | meaning |
/// | --- | --- |
/// | `strategy = Restart` | `Restart`, `Stop`, or `Escalate` to the parent |
/// | `children = OneForOne` | which of its children restart together: `OneForOne`, `OneForAll`, `RestForOne` |
/// | `max_restarts = 3` | so many restarts are allowed .. |
/// | `within = 60s` | .. within this time; one more and the actor stops |
/// | `backoff_initial = 100ms` | how long the first restart waits |
/// | `backoff_max = 30s` | how long a restart waits at most |
/// | `backoff_multiplier = 2.0` | how many times the wait before it a wait is |
///
/// A duration is a number with `ns`, `us`, `ms`, `s`, `m` or `h`.
///
/// ```
/// use casty::prelude::*;
///
/// #[actor]
/// #[supervised(max_restarts = 10, within = 1m, backoff_initial = 50ms)]
/// #[derive(Default)]
/// struct Connection;
///
/// #[actor]
/// impl Connection {}
/// ```
#[proc_macro_attribute]
pub fn supervised(args: TokenStream, item: TokenStream) -> TokenStream {
    beside::expand("supervised", &args.into(), &item.into()).into()
}

/// Makes actors of this type entities: many, each by its id, made when first needed and put away when idle.
///
/// It goes beside `#[actor]`, in any order, on a struct without generic parameters. `system.sharded::<Account>()` gives
/// them, from each node of a cluster, and without a cluster too.
///
/// | argument | meaning |
/// | --- | --- |
/// | `name = ".."` | the type's name in the cluster; that of its `#[actor]` if left out |
/// | `factor = 3` | how many copies of the state there are, the primary's too |
/// | `sync = none` | how many backups have a change before it is answered: `none`, a number below `factor`, `quorum` (with the primary a majority of the copies), `all` (also `-1`) |
/// | `strict = false` | with fewer backups up than `sync` asks for, a message whose handler takes `&mut self` is refused (`Unavailable`), and not handled |
/// | `timeout = 5s` | how long a change has to be replicated: an answer that is held back for longer is `NotReplicated` |
/// | `passivate_after = 10m` | how long an entity is idle before it is put away |
/// | `state = custom` | what is kept is what `casty::State` says, which the type implements; its fields if left out |
/// | `durable = memory` | what copies survive: `disk` the end of their process, `fsync` that of their machine's power. Both are refused when the system starts, until they are built |
/// | `on_loss = refuse` | when every copy that could hold an acknowledged change is gone for good: `refuse` until an operator accepts that, or `accept` and go on with the best copy left |
/// | `remember = false` | on a cluster: another node that takes entities over wakes them without a message, all that it finds copies of. Those that are idle are put away again after `passivate_after` |
///
/// The fields are the state. Each is serde, and all are kept by name, so that a later version of the program may have
/// others: a field that was not saved keeps what the constructor gave it. Two kinds of fields are not kept:
///
/// | attribute of a field | meaning |
/// | --- | --- |
/// | `#[casty(id)]` | filled with the entity's id: a `String`, `Arc<str>`, `Box<str>`, `EntityId`, or what is `From<&EntityId>` |
/// | `#[casty(skip)]` | keeps what the constructor gave it |
///
/// The constructor is the type's `Default`, unless the system is given another: `.entities(|id: &EntityId| ..)` on its builder,
/// which also overrides `factor`, `sync` and `timeout`: `.replication::<Account>(ReplicationConfig { .. })`.
///
/// ```
/// use std::collections::HashMap;
///
/// use casty::prelude::*;
///
/// #[message]
/// struct Deposit {
///     amount: i64,
/// }
///
/// #[actor]
/// #[sharded(name = "accounts", sync = quorum)]
/// #[derive(Default)]
/// struct Account {
///     #[casty(id)]
///     id: String,
///     balance: i64,
///     #[casty(skip)]
///     seen: HashMap<String, i64>,
/// }
///
/// #[actor]
/// impl Account {
///     #[handler]
///     fn deposit(&mut self, Deposit { amount }: Deposit) {
///         self.balance += amount;
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn sharded(args: TokenStream, item: TokenStream) -> TokenStream {
    beside::expand("sharded", &args.into(), &item.into()).into()
}

/// Makes the actor one in the whole cluster, always active, on one of its nodes, with a state that is kept.
///
/// It goes beside `#[actor]`, in any order, on a struct without generic parameters. `system.singleton::<Jobs>()` gives it,
/// from each node. It moves when its node leaves or is lost.
///
/// | argument | meaning |
/// | --- | --- |
/// | `name = ".."` | its name in the cluster; that of its `#[actor]` if left out |
/// | `factor = 3` | how many copies of the state there are, the primary's too |
/// | `sync = none` | how many backups have a change before it is answered: `none`, a number below `factor`, `quorum` (with the primary a majority of the copies), `all` (also `-1`) |
/// | `strict = false` | with fewer backups up than `sync` asks for, a message whose handler takes `&mut self` is refused (`Unavailable`), and not handled |
/// | `timeout = 5s` | how long a change has to be replicated: an answer that is held back for longer is `NotReplicated` |
/// | `state = custom` | what is kept is what `casty::State` says, which the type implements; its fields if left out |
/// | `durable = memory` | what copies survive: `disk` the end of their process, `fsync` that of their machine's power. Both are refused when the system starts, until they are built |
/// | `on_loss = refuse` | when every copy that could hold an acknowledged change is gone for good: `refuse` until an operator accepts that, or `accept` and go on with the best copy left |
///
/// It is never put away, and comes back by itself: so there is no `passivate_after` and no `remember`. Its fields are kept
/// as those of a [`sharded`](macro@sharded) actor are, and `#[casty(skip)]` leaves one out; it has no id.
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = u64)]
/// struct NextJob;
///
/// #[actor]
/// #[singleton(name = "job-scheduler", sync = 1)]
/// #[derive(Default)]
/// struct JobScheduler {
///     last: u64,
/// }
///
/// #[actor]
/// impl JobScheduler {
///     #[handler]
///     fn next(&mut self, _: NextJob) -> u64 {
///         self.last += 1;
///         self.last
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn singleton(args: TokenStream, item: TokenStream) -> TokenStream {
    beside::expand("singleton", &args.into(), &item.into()).into()
}

/// Runs an `async fn main` with an actor system, which is shut down when it returns.
///
/// The function takes the `ActorSystem` or nothing, and returns nothing, a `casty::Result<()>` or a
/// `std::process::ExitCode`. An `Err` is printed, and the exit code is 1. The runtime is tokio's multi-threaded one, with
/// everything enabled; for another, use `ActorSystem::new()` within it and `shutdown` at the end.
///
/// With `distributed` the system is a node of a cluster, and a member of it when the function begins:
///
/// | argument | environment | meaning |
/// | --- | --- | --- |
/// | `distributed` | | a node of a cluster; it goes with all that follow |
/// | `bind = "0.0.0.0:8001"` | `CASTY_BIND` | where it listens; `127.0.0.1:0` if neither says |
/// | `seeds = ["node1:8001"]` | `CASTY_SEEDS`, with commas | nodes to join through; none for the first node |
/// | `node_id = "node-1"` | `CASTY_NODE_ID` | its name; made up if left out |
/// | `data_dir = "data"` | `CASTY_DATA_DIR` | what outlives its process; in memory if left out |
/// | `cluster_name = "shop"` | `CASTY_CLUSTER` | nodes of another name are refused; `casty` if left out |
/// | `raft = fast` | `CASTY_RAFT` | `fast`, `default` or `relaxed`: how quickly failures are noticed |
/// | `insecure` | `CASTY_INSECURE`, `1` or `0` | whoever reaches the address may join |
/// | | `CASTY_SECRET` | who knows it may join |
/// | | `CASTY_TLS_CA`, `CASTY_TLS_CERT`, `CASTY_TLS_KEY` | encrypted, and with certificates; needs casty's feature `tls` |
/// | | `CASTY_ADVERTISE` | what other nodes dial; the bound address if left out |
///
/// The environment goes before the arguments. If the node cannot start, the reason is printed, and the exit code is 1.
///
/// ```
/// use casty::prelude::*;
///
/// #[casty::main]
/// async fn main(system: ActorSystem) -> casty::Result<()> {
///     assert!(system.lookup::<Nobody>("nobody").await?.is_none());
///     Ok(())
/// }
///
/// #[actor]
/// struct Nobody;
///
/// #[actor]
/// impl Nobody {}
/// ```
///
/// ```no_run
/// use casty::prelude::*;
///
/// #[casty::main(distributed, seeds = ["node1:8001", "node2:8001", "node3:8001"], cluster_name = "shop")]
/// async fn main(system: ActorSystem) -> casty::Result<()> {
///     system.serve().await
/// }
/// ```
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(args.into(), item.into()).into()
}

/// Makes an `async fn` a test with an actor system of its own, which is shut down when it ends.
///
/// The function takes the `ActorSystem` or nothing, and returns nothing or a `Result`, of which an `Err` fails the test.
/// It runs on one thread. With `#[casty::test(virtual_time)]`, which needs casty's feature `testkit`, nothing waits: time
/// moves on by itself to the next timer.
///
/// ```
/// use casty::prelude::*;
///
/// #[casty::test]
/// async fn nobody_is_there(system: ActorSystem) -> casty::Result<()> {
///     assert!(system.lookup::<Nobody>("nobody").await?.is_none());
///     Ok(())
/// }
///
/// #[actor]
/// struct Nobody;
///
/// #[actor]
/// impl Nobody {}
/// ```
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::test(args.into(), item.into()).into()
}
