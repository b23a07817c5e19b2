//! What users of a cluster rely on, with real sockets and real time. Each module is a subject, each test a claim.
//!
//! Nodes are systems of this process, or, where one is to be killed, processes of the program `node`.

mod alone;
mod asking;
#[path = "../certificates.rs"]
mod certificates;
mod common;
mod entities;
mod entity_refs;
mod forming;
mod killed;
mod leaving;
mod metrics;
mod names;
mod replication;
mod spans;
mod tls;
mod watching;
