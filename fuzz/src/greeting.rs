//! The target `greeting`: what a worker says first. Invariant: only the greeting of a worker with the
//! same functions is taken for one.

use offloop::fuzzing::{Parent, WorkerSide, digest};

use crate::cursor::Cursor;
use crate::script::{self, Right, Side};
use crate::values::functions;
use crate::watch::watched;

const READY: u8 = 2;

/// A worker's script.
pub fn greeting(bytes: &[u8]) {
    watched(|| {
        let functions = functions();
        let parent = Parent::new(&functions, 4096);
        let (worker, WorkerSide { socket, memory, process }) = parent.meet();
        let mut side = Side {
            socket: Some(socket),
            memory: Some(memory),
            process: Some(process),
            ..Side::default()
        };
        let digest = digest(&functions);
        let right = Right { extra: digest, digest, ..Right::default() };
        for steps in script::scripts(&mut Cursor::new(bytes), 1) {
            side.play(steps, right, || {});
        }
        let is_greeting = |first: &Vec<u8>| {
            first.len() >= 40 && first[0] == READY && first[24..32] == digest.to_le_bytes()
        };
        match parent.check(&worker) {
            Ok(()) => assert!(side.sent.first().is_some_and(is_greeting), "it was no greeting"),
            Err(text) => assert!(text.len() < 1 << 20 && text.contains("worker"), "{text}"),
        }
    });
}
