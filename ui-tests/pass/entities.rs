#![deny(warnings)]

use std::{collections::HashMap, sync::Arc};

use casty::{EntityId, State, prelude::*};

struct Pool;

/// Not serde.
#[derive(Default)]
struct Cache(HashMap<String, i64>);

#[actor]
#[sharded(name = "accounts", factor = 3, sync = quorum, strict = true, timeout = 500ms, passivate_after = 1h)]
#[derive(Default)]
struct Account {
    #[casty(id)]
    id: String,
    balance: i64,
    r#type: Option<Box<str>>,
    #[casty(skip)]
    cache: Cache,
}

#[actor]
impl Account {
    #[handler]
    fn deposit(&mut self, Deposit { amount }: Deposit) {
        self.balance += amount;
        self.cache.0.insert(format!("{} {:?}", self.id, self.r#type), amount);
    }
}

#[message]
struct Deposit {
    amount: i64,
}

// Without a `Default`, and with fields that only some builds have.
#[casty::sharded(factor = 2, sync = 1, durable = disk, on_loss = accept, remember = true)]
#[actor]
struct Shelf {
    #[casty(skip)]
    pool: Arc<Pool>,
    #[cfg(any())]
    handle: Missing,
    #[cfg(not(any()))]
    books: Vec<u64>,
    #[casty(id)]
    id: Arc<str>,
}

#[actor]
impl Shelf {
    fn on_start(&mut self) {
        let _ = (&self.pool, &self.books, &self.id);
    }
}

#[supervised(max_restarts = 1)]
#[singleton(sync = all, strict = false)]
#[derive(Default)]
#[actor]
struct Jobs(u64, #[casty(skip)] Cache);

#[actor]
impl Jobs {
    fn on_start(&mut self) {
        self.0 += self.1.0.len() as u64;
    }
}

#[singleton]
#[actor]
struct Nothing;

#[actor]
impl Nothing {}

#[actor]
#[sharded(state = custom, sync = -1)]
#[derive(Default)]
struct Sum {
    numbers: Vec<u64>,
    sum: Cache,
    #[casty(id)]
    id: EntityId,
}

#[actor]
impl Sum {}

impl State for Sum {
    type Snapshot = Vec<u64>;

    fn get_state(&self) -> Vec<u64> {
        let _ = &self.sum.0;
        self.numbers.clone()
    }

    fn set_state(&mut self, numbers: Vec<u64>) {
        self.numbers = numbers;
    }
}

#[actor]
#[singleton(state = custom)]
#[allow(non_camel_case_types)]
struct r#try(u8);

#[actor]
impl r#try {}

impl State for r#try {
    type Snapshot = u8;

    fn get_state(&self) -> u8 {
        self.0
    }

    fn set_state(&mut self, state: u8) {
        self.0 = state;
    }
}

macro_rules! entity {
    ($name:ident { $($field:ident: $ty:ty),* }) => {
        #[actor]
        #[sharded]
        #[derive(Default)]
        pub struct $name {
            #[casty(id)]
            id: Box<str>,
            $($field: $ty,)*
        }

        #[actor]
        impl $name {
            fn on_start(&mut self) {
                let _ = (&self.id, $(&self.$field),*);
            }
        }
    };
}

entity!(Made { count: u64, names: Vec<String> });

fn main() {
    fn entity<A: casty::Entity>() {}
    entity::<Account>();
    entity::<Shelf>();
    entity::<Jobs>();
    entity::<Made>();
    let _ = (Pool, Nothing, r#try(1), Deposit { amount: 1 }, Sum::default().id);
    let _ = |pool| Shelf { pool, books: vec![], id: "".into() };
    // Also in a function.
    #[derive(Default)]
    struct Local;
    #[actor]
    #[sharded]
    #[derive(Default)]
    struct Inner(u64, #[casty(skip)] Local);
    #[actor]
    impl Inner {}
    entity::<Inner>();
    let Inner(_, Local) = Inner::default();
}
