//! Where entities are.

use casty::{Handles, ShardedActor, prelude::*, testkit::Cluster};

#[message(reply = String)]
pub(crate) struct Where;

/// What an entity in that system answers to [`Where`].
pub(crate) fn place(system: &ActorSystem) -> String {
    system.cluster().unwrap().node_id().to_string()
}

/// An entity of the type that lives on the node.
pub(crate) fn entity_on<A: ShardedActor + Handles<Where>>(cluster: &mut Cluster, node: usize) -> String {
    let found = cluster.on(node, move |system| async move {
        for at in 0..200 {
            let id = format!("e{at}");
            if system.sharded::<A>().entity(id.as_str()).ask(Where).await.unwrap() == format!("node-{node}") {
                return Some(id);
            }
        }
        None
    });
    found.expect("each node has some")
}
