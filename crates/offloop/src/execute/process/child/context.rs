//! A call's [`Context`](crate::Context) in a worker. Invariant: asking it costs one or two loads, as
//! everywhere; progress is one message.

use std::any::Any;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::complete::Away;
use crate::execute::process::codec::{Sink, Unsent};
use crate::execute::process::registry::Registry;
use crate::execute::process::shared::Carriage;
use crate::execute::process::wire::{Header, INLINE_MAX, Kind, UNWANTED};
use crate::sys::process::{Arena, Socket};

pub(super) struct Errand {
    pub(super) socket: Arc<Socket>,
    pub(super) arena: Arc<Arena>,
    pub(super) registry: Arc<Registry>,
    pub(super) number: u64,
    pub(super) deadline: Option<Instant>,
}

impl Away for Errand {
    fn is_unwanted(&self) -> bool {
        self.arena.word(UNWANTED).load(Ordering::Acquire) == self.number
            || self.deadline.is_some_and(|at| at <= Instant::now())
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn progress(&self, value: &(dyn Any + Send), type_name: &'static str) {
        let Some((index, pulse)) = self.registry.pulse_of(value.type_id()) else {
            panic!(
                "progress of type {type_name} can't leave a worker process: register it with \
                 Functions::add_progress"
            );
        };
        let mut bytes = Vec::new();
        // No room in the arena: it is for arguments and results.
        let mut sink = Sink::new(&mut bytes, &self.arena, 0, INLINE_MAX);
        match Carriage::without(|| (pulse.encode)(value, &mut sink)) {
            Ok(()) => {}
            Err(Unsent::TooLarge) => panic!(
                "progress of type {type_name} is larger than the {INLINE_MAX} bytes that may leave \
                 a worker process at once"
            ),
            Err(Unsent::Codec(error)) => panic!("progress of type {type_name}: {error}"),
        }
        let mut header = Header::bare(Kind::Progress, self.number);
        header.index = index;
        header.len = bytes.len() as u64;
        let head = header.to_bytes();
        // A parent that is gone takes this process with it.
        let _unheard = self.socket.send(&[IoSlice::new(&head), IoSlice::new(&bytes)], &[], true);
    }
}
