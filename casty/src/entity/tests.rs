//! What `#[sharded]` and `#[singleton]` generate.

use std::{sync::Arc, time::Duration};

use super::{Durable, Entity, EntityConfig, EntityId, OnLoss, ShardedActor, SingletonActor, State, SyncCount};
use crate::prelude::*;

#[actor]
#[sharded(name = "accounts", sync = quorum, strict = true, timeout = 2s, durable = fsync, on_loss = accept, remember = true)]
#[derive(Debug, Default, PartialEq)]
struct Account {
    #[casty(id)]
    id: String,
    balance: i64,
    limit: Option<i64>,
    #[casty(skip)]
    cache: Vec<u8>,
}

#[actor]
impl Account {}

/// The same type in another version of the program.
mod newer {
    use crate::prelude::*;

    #[actor(name = "newer.Account")]
    #[sharded]
    pub(super) struct Account {
        pub(super) balance: i64,
        pub(super) currency: String,
        #[casty(id)]
        pub(super) id: std::sync::Arc<str>,
    }

    #[actor]
    impl Account {}
}

#[actor]
#[singleton(factor = 5, sync = -1)]
#[derive(Debug, Default, PartialEq)]
struct Jobs(u64, #[casty(skip)] u64, String);

#[actor]
impl Jobs {}

#[sharded(state = custom)]
#[actor]
#[derive(Default)]
struct Sum {
    numbers: Vec<u64>,
    sum: Arc<std::sync::Mutex<u64>>,
    #[casty(id)]
    id: EntityId,
}

#[actor]
impl Sum {}

impl State for Sum {
    type Snapshot = Vec<u64>;

    fn get_state(&self) -> Vec<u64> {
        assert!(!self.numbers.contains(&13), "unlucky");
        self.numbers.clone()
    }

    fn set_state(&mut self, numbers: Vec<u64>) {
        *self.sum.lock().unwrap() = numbers.iter().sum();
        self.numbers = numbers;
    }
}

fn saved(entity: &impl Entity) -> Vec<u8> {
    let mut bytes = Vec::new();
    entity.__save(&mut bytes).unwrap();
    bytes
}

#[test]
fn the_attribute_is_the_configuration() {
    let expected = EntityConfig {
        name: "accounts",
        sync: SyncCount::Quorum,
        strict: true,
        timeout: Duration::from_secs(2),
        durable: Durable::Fsync,
        on_loss: OnLoss::Accept,
        remember: true,
        ..EntityConfig::DEFAULT
    };
    assert_eq!(Account::ENTITY, expected);
    let expected = EntityConfig { name: "Jobs", singleton: true, factor: 5, sync: SyncCount::All, ..EntityConfig::DEFAULT };
    assert_eq!(Jobs::ENTITY, expected);
    assert_eq!(newer::Account::ENTITY, EntityConfig { name: "newer.Account", ..EntityConfig::DEFAULT });
}

#[test]
fn a_new_entity_comes_from_its_default_if_it_has_one() {
    assert_eq!(Account::__new(), Some(Account::default()));
    assert!(newer::Account::__new().is_none());
}

#[test]
fn a_state_is_put_back_without_id_and_skipped_fields() {
    let account = Account { id: "alice".into(), balance: 7, limit: Some(3), cache: vec![1] };
    let mut again = Account { cache: vec![2], ..Account::default() };
    again.__identify(&"bob".into());
    again.__load(&saved(&account)).unwrap();
    assert_eq!(again, Account { id: "bob".into(), balance: 7, limit: Some(3), cache: vec![2] });
}

#[test]
fn a_state_is_a_map_by_the_names_of_its_fields() {
    let account = Account { balance: 7, ..Account::default() };
    assert_eq!(saved(&account), b"\x82\xa7balance\x07\xa5limit\xc0");
    assert_eq!(saved(&Jobs(1, 2, "3".into())), b"\x82\xa10\x01\xa12\xa13");
}

#[test]
fn a_field_that_was_not_saved_keeps_what_it_had_and_one_that_is_gone_is_ignored() {
    let account = Account { balance: 7, ..Account::default() };
    let mut newer = newer::Account { balance: 0, currency: "EUR".into(), id: "".into() };
    newer.__load(&saved(&account)).unwrap();
    assert_eq!((newer.balance, &*newer.currency), (7, "EUR"));
    let mut older = Account { limit: Some(5), ..Account::default() };
    older.__load(&saved(&newer)).unwrap();
    assert_eq!((older.balance, older.limit), (7, Some(5)));
}

#[test]
fn an_empty_option_that_was_saved_is_put_back() {
    let mut account = Account { limit: Some(5), ..Account::default() };
    account.__load(&saved(&Account::default())).unwrap();
    assert_eq!(account.limit, None);
}

#[test]
fn bytes_of_something_else_change_nothing() {
    let mut jobs = Jobs(1, 2, "3".into());
    assert!(jobs.__load(b"\x82\xa10\x01\xa12\x07").is_err());
    assert!(jobs.__load(&[]).is_err() && jobs.__load(&[0xc1]).is_err());
    assert_eq!(jobs, Jobs(1, 2, "3".into()));
    jobs.__identify(&"nobody".into());
}

#[test]
fn what_is_kept_can_be_said_by_the_type() {
    let mut again = Sum::__new().unwrap();
    again.__identify(&"s".into());
    again.__load(&saved(&Sum { numbers: vec![3, 4], ..Sum::default() })).unwrap();
    assert_eq!((again.numbers, *again.sum.lock().unwrap(), again.id.as_str()), (vec![3, 4], 7, "s"));
}

#[test]
fn a_panic_of_the_types_own_is_an_error() {
    let unlucky = Sum { numbers: vec![13], ..Sum::default() };
    let error = unlucky.__save(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("unlucky"), "{error}");
}

#[test]
fn each_kind_has_its_marker() {
    fn sharded(_: impl ShardedActor) {}
    fn singleton(_: impl SingletonActor) {}
    sharded(Account::default());
    singleton(Jobs::default());
}
