use casty::{State, prelude::*};

#[actor]
#[sharded(state = custom)]
struct Account {
    balance: i64,
    #[casty(skip)]
    cache: Vec<u64>,
}

#[actor]
impl Account {}

impl State for Account {
    type Snapshot = i64;

    fn get_state(&self) -> i64 {
        self.balance
    }

    fn set_state(&mut self, balance: i64) {
        self.balance = balance;
    }
}

fn main() {}
