use std::{collections::HashMap, hash::Hash};

use casty::prelude::*;

#[message(reply = Option<V>)]
struct Put<K, V>(K, V);

#[message(reply = Option<V>, local)]
struct Take<K, V>(K, std::marker::PhantomData<fn() -> V>);

#[message(reply = usize)]
struct Len;

#[actor]
#[derive(Default)]
struct Cache<K, V, const LIMIT: usize>
where
    K: Hash + Eq,
{
    entries: HashMap<K, V>,
}

#[actor]
impl<K, V, const LIMIT: usize> Cache<K, V, LIMIT>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    async fn on_start(&mut self, _ctx: &mut Context<Self>) {
        assert!(self.entries.is_empty());
    }

    #[handler]
    fn put(&mut self, Put(key, value): Put<K, V>) -> casty::Result<Option<V>> {
        if self.entries.len() == LIMIT {
            return Err("full".into());
        }
        Ok(self.entries.insert(key, value))
    }

    #[handler]
    async fn take(&mut self, Take(key, _): Take<K, V>) -> Option<V> {
        self.entries.remove(&key)
    }

    #[handler]
    async fn len(&self, _: Len, ctx: &Context<Self>) -> usize {
        assert!(ctx.children().is_empty());
        self.entries.len()
    }
}

#[actor]
struct Only<T>(Option<T>);

#[actor]
impl Only<String> {
    #[handler]
    fn put(&mut self, Put((), text): Put<(), String>) -> Option<String> {
        self.0.replace(text)
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let cache = system.spawn(Cache::<String, u64, 1>::default).await?;
    assert_eq!(cache.ask(Put("a".into(), 1)).await?, None);
    assert_eq!(cache.ask(Len).await?, 1);
    assert_eq!(cache.ask(Take("a".into(), std::marker::PhantomData)).await?, Some(1));

    let only = system.spawn(|| Only(None)).await?;
    assert_eq!(only.ask(Put((), "x".to_string())).await?, None);
    Ok(())
}
