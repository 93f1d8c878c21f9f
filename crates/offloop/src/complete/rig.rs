//! What the tests and the models of completion are made of. Invariant: a hub and a call here have
//! only what a test gives them.

use std::panic::Location;
use std::sync::Arc;

use super::{CallRef, Details, Hub, LaneId, LaneLimits, Route};
use crate::deliver::{LoopWake, Notify, Popper, Token, queue};
use crate::timing::Stamps;

/// A hub whose loop is never woken, with so much room in each lane, and its ready queue.
pub(crate) fn hub(room: usize) -> (Arc<Hub>, Popper<CallRef>) {
    let (push, ready) = queue();
    let lanes = [LaneLimits { queue: room, abandoned: room, with_running: false }; LaneId::COUNT];
    let notify = Notify::new(LoopWake::None);
    (Arc::new(Hub::new(notify, push, queue().0, lanes, None)), ready)
}

/// A call for the loop, that is not timed.
pub(crate) fn details(lane: LaneId) -> Details {
    Details {
        lane,
        token: Token::NONE,
        route: Route::Loop,
        name: None,
        place: Location::caller(),
        deadline: None,
        policy: None,
        runs_on: lane,
        stamps: Stamps::none(),
    }
}
