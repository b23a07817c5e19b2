//! What users of actors in one process rely on. Each module is a subject, each test a claim.

mod asking;
mod common;
mod endings;
mod entities;
mod mailboxes;
mod names;
mod parallel;
mod patterns;
mod readme;
mod regressions;
mod shutdown;
mod starting;
mod staying;
mod supervision;
mod watching;
