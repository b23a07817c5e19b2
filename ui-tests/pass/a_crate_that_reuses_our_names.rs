#![no_implicit_prelude]
#![deny(warnings)]
#![allow(dead_code)]

use ::casty::{actor, handler, message, sharded, singleton, supervised};

struct Option;
struct Result;
struct Some;
struct Vec;
struct Box;
trait Send {}
trait Sync {}
trait Future {}
mod std {}
mod core {}
mod casty_macros {}

#[message(reply = ::std::option::Option<u64>)]
#[derive(::std::clone::Clone)]
pub struct Item {
    message: u8,
}

#[message(retain)]
#[derive(::std::clone::Clone)]
pub struct Context;

#[supervised(max_restarts = 1)]
#[actor(mailbox = 2)]
struct Actor;

#[actor]
impl Actor {
    fn on_start(&mut self) {}

    #[handler]
    fn dispatch(&mut self, _: Item) -> ::std::option::Option<u64> {
        ::std::option::Option::None
    }

    #[handler]
    async fn item(&mut self, message: Context) {
        ::std::mem::drop(message);
    }
}

struct Saved;
trait Entity {}
trait State {}
trait Default {}

#[actor]
#[sharded(sync = 1, durable = memory)]
#[derive(::std::default::Default)]
struct EntityId {
    #[casty(id)]
    state: ::std::string::String,
    config: u8,
    into: ::std::vec::Vec<u8>,
}

#[actor]
impl EntityId {}

#[singleton(state = custom)]
#[actor]
struct Probe(u8);

#[actor]
impl Probe {}

impl ::casty::State for Probe {
    type Snapshot = u8;

    fn get_state(&self) -> u8 {
        self.0
    }

    fn set_state(&mut self, snapshot: u8) {
        self.0 = snapshot;
    }
}

#[::casty::main]
async fn main(system: ::casty::ActorSystem) {
    let actor = system.spawn(|| Actor).await.unwrap();
    actor.ask(Context).await.unwrap();
}
