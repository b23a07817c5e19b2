//! What a node is given that it should not be: by its settings, by strangers on its port, by its disk, by other nodes. Each
//! is a clear error or a counted refusal, and the cluster goes on as if nothing had been.

#[path = "../certificates.rs"]
mod certificates;
mod common;
mod directories;
mod nodes;
mod settings;
mod strangers;
mod surprises;
mod tls;
