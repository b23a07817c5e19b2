use casty::prelude::*;

#[casty::main(distributed, bind = "127.0.0.1:0", seeds = [], node_id = "node-1", cluster_name = "test", raft = fast, insecure,)]
async fn main(system: ActorSystem) {
    assert_eq!(system.cluster().unwrap().node_id().as_str(), "node-1");
    assert!(system.cluster().unwrap().address().starts_with("127.0.0.1:"));
}
