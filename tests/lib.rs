//! Tests of casty from outside: `local` within one process, `cluster` with several nodes, in one process or in processes of
//! their own. Here is what they share: processes that are nodes, registers, and what the histories of those must be like.

pub mod ledgers;

#[cfg(unix)]
pub mod process;
pub mod random;
