use casty::prelude::*;

#[message(reply = u64)]
struct GetCount;

#[actor]
struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[handler]
    fn count(&self, _: GetCount) -> String {
        self.count.to_string()
    }
}

fn main() {}
