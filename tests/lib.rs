//! Tests of casty from outside: `local` within one process, `cluster` with several nodes, in one process or in processes of
//! their own. Here is what those share that start processes.

#[cfg(unix)]
pub mod process;
