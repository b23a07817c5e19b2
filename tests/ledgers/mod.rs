//! Registers that remember what was done to them, and what their histories must be like: for the simulation and for the
//! nemesis. The entities themselves are in `entities.rs`, which each of the two programs has for itself: what is in a
//! library would be an entity type of every program that uses it.

pub mod history;
pub mod kept;
pub mod page;
#[cfg(unix)]
pub mod record;
pub mod twice;

pub use history::{Operation, Outcome};
pub use page::{Act, Answer, Do, Done, Look, Op, Page, Tell, mark};
