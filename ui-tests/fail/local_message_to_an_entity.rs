use casty::prelude::*;

#[message(local)]
struct Job(std::sync::Arc<str>);

#[message]
struct Put<T>(T);

#[message]
struct Add(u64);

// As the methods that send to an entity demand it.
fn send_to_entity<M: casty::Message + casty::__private::Travelling>(_: M) {}

fn main() {
    send_to_entity(Add(1));
    send_to_entity(Job("".into()));
    send_to_entity(Put(1u64));
}
