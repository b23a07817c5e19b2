//! The life of an actor: `on_start` opens a connection, `on_stop` closes it.
//!
//! `cargo run -p casty-examples --example database`

use std::collections::BTreeMap;

use casty::prelude::*;

/// Stores a value and answers with the one it replaces.
#[message(reply = Option<String>)]
struct Set {
    key: String,
    value: String,
}

#[message(reply = Option<String>)]
struct Get {
    key: String,
}

#[actor]
struct Database {
    url: String,
    connection: Option<Connection>,
}

impl Database {
    fn at(url: &str) -> Self {
        Self { url: url.to_owned(), connection: None }
    }

    /// `on_start` has run before the first message is handled, so the connection is there.
    fn connection(&mut self) -> casty::Result<&mut Connection> {
        Ok(self.connection.as_mut().ok_or("the connection is closed")?)
    }
}

#[actor]
impl Database {
    /// Runs first. If it fails, `spawn` fails with it and there is no actor.
    async fn on_start(&mut self) -> casty::Result<()> {
        self.connection = Some(Connection::open(&self.url).await?);
        Ok(())
    }

    /// Runs last: when the actor is stopped, when its parent is, or when the system shuts down.
    async fn on_stop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    #[handler]
    async fn set(&mut self, Set { key, value }: Set) -> casty::Result<Option<String>> {
        Ok(self.connection()?.set(key, value).await)
    }

    #[handler]
    async fn get(&mut self, Get { key }: Get) -> casty::Result<Option<String>> {
        Ok(self.connection()?.get(&key).await)
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    // The closure makes the actor; the system calls it again should the actor have to restart.
    let database = system.spawn(|| Database::at("memory://users")).await?;

    database.ask(Set { key: "alice".into(), value: "admin".into() }).await?;
    let replaced = database.ask(Set { key: "alice".into(), value: "guest".into() }).await?;
    println!("alice was {replaced:?}");
    println!("alice is  {:?}", database.ask(Get { key: "alice".into() }).await?);
    println!("bob is    {:?}", database.ask(Get { key: "bob".into() }).await?);

    database.stop().await?;
    database.stopped().await; // `on_stop` has run
    let late = database.ask(Get { key: "alice".into() }).await;
    println!("after the stop: {}", late.expect_err("a stopped actor answers nothing"));

    let failed = system.spawn(|| Database::at("carrier-pigeon://users")).await;
    println!("no such database: {}", failed.expect_err("`on_start` failed"));
    Ok(())
}

/// Stands in for a real database's driver.
struct Connection {
    url: String,
    rows: BTreeMap<String, String>,
}

impl Connection {
    async fn open(url: &str) -> Result<Self, String> {
        if !url.starts_with("memory://") {
            return Err(format!("cannot connect to {url}"));
        }
        latency().await;
        println!("connected to {url}");
        Ok(Self { url: url.to_owned(), rows: BTreeMap::new() })
    }

    async fn set(&mut self, key: String, value: String) -> Option<String> {
        latency().await;
        self.rows.insert(key, value)
    }

    async fn get(&self, key: &str) -> Option<String> {
        latency().await;
        self.rows.get(key).cloned()
    }

    async fn close(self) {
        latency().await;
        println!("connection to {} closed, {} row(s) in it", self.url, self.rows.len());
    }
}

async fn latency() {
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
}
