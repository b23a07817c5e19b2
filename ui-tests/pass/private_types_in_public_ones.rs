#![deny(warnings)]

pub mod bank {
    use casty::prelude::*;

    #[message]
    struct Amount(u64);

    #[message(reply = Amount)]
    struct Deposit(Amount);

    #[message]
    pub struct Public {
        amount: Amount,
    }

    #[actor]
    pub struct Account {
        balance: Amount,
    }

    impl Account {
        pub fn new() -> Self {
            Self { balance: Amount(0) }
        }
    }

    mod handlers {
        use casty::{Context, actor, handler};

        use super::{Amount, Deposit};

        #[actor]
        impl super::Account {
            #[handler]
            async fn deposit(&mut self, Deposit(Amount(amount)): super::Deposit, _: &Context<Self>) -> Amount {
                self.balance.0 += amount;
                Amount(self.balance.0)
            }

            #[handler]
            fn public(&mut self, super::Public { amount }: super::Public) {
                self.balance = amount;
            }
        }
    }

    pub fn deposit() -> impl Send {
        Deposit(Amount(1))
    }
}

fn main() {
    let _ = (bank::Account::new(), bank::deposit());
}
