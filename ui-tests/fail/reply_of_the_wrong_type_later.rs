use casty::prelude::*;

#[message(reply = u64)]
struct GetCount;

#[message(reply = u64)]
struct Missing;

#[actor]
struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[handler]
    async fn count(&self, _: GetCount) -> casty::Result<String> {
        Ok(self.count.to_string())
    }

    #[handler]
    fn missing(&self, _: Missing) {}
}

fn main() {}
