//! **Deliver**: outcomes reach the loop, on the loop's own thread, within a budget.
//!
//! Contract:
//! * D1 handlers run only inside a turn, which only `deliver` begins.
//! * D2 a turn runs no call that was submitted during it.
//! * D3 no borrow and no lock is held while a handler runs; a nested turn runs nothing.
//! * D4 after the last push there is a wake (`notify`), and a burst costs about one.
//! * D5 a turn ends at its budget; what is left asks for the next turn by itself.
//! * D6 an entry is dropped on the loop thread, run or unrun.

mod inbox;
mod notify;
mod pulses;
#[allow(unsafe_code)]
mod queue;
mod table;
mod turn;

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;

pub use self::inbox::{Delivered, Turn};
pub use self::notify::LoopWaker;
pub use self::table::Unobserved;

pub(crate) use self::inbox::{Arrivals, Completed, Inbox, Parts};
pub(crate) use self::notify::{LoopWake, Notify};
pub(crate) use self::queue::{Linked, Node, Parcel, Popper, Pusher, queue};
pub(crate) use self::table::{Entry, Token, Watch};
