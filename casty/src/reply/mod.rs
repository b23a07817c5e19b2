//! How answers travel: the slot that an ask waits at, the handle that a late answer is sent through, and the kinds of
//! values that a handler may return.

mod into;
mod later;
mod outputs;
mod pace;
mod pass;
mod patience;
mod refusal;
mod slot;

pub use into::{IntoReply, kind};
pub use later::{Later, Reply};
pub(crate) use outputs::{Output, Outputs, Wait};
pub use pace::Pace;
pub(crate) use pass::Pass;
pub(crate) use patience::{Patience, keep_looking};
pub use refusal::{FarRefusal, Refusal};
pub use slot::ReplyTo;
pub(crate) use slot::{Slot, Watched, take_parked};
