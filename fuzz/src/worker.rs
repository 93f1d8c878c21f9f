//! The target `worker`: what a worker hears from its parent. Invariant: it ends when nothing more
//! comes, and all that it says is a message.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use offloop::fuzzing;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, Shutdown, recvmsg, shutdown};

use crate::cursor::Cursor;
use crate::descriptors;
use crate::script::{self, Right, Side};
use crate::values::functions;
use crate::watch::{self, watched};

/// Where an argument lies.
const ARGUMENT_AT: u64 = 4096;

/// What a worker ends with: nothing more comes, or what came makes no sense.
const ENDS: [i32; 2] = [0, 76];

/// `Ready` and `Progress` are the first and the last that it may say; a call is none of them.
const SAYS: [u8; 6] = [2, 4, 5, 6, 7, 8];

/// A parent's script.
pub fn worker(bytes: &[u8]) {
    watched(|| {
        let functions = functions();
        let (here, there) = descriptors::pair();
        let listener = here.try_clone().expect("a descriptor");
        let mut side = Side { socket: Some(here), ..Side::default() };
        let digest = fuzzing::digest(&functions);
        let right = Right { number: 1, digest, body_at: ARGUMENT_AT, ..Right::default() };
        for steps in script::scripts(&mut Cursor::new(bytes), 1) {
            side.play(steps, right, || {});
        }
        let _shut_already = shutdown(&listener, Shutdown::Write);
        std::thread::scope(|scope| {
            scope.spawn(|| listen(&listener));
            let end = fuzzing::serve(there, &functions);
            assert!(ENDS.contains(&end), "a worker ended with {end}");
        });
        // A worker notes panics by a hook, which has the memory.
        watch::install();
    });
}

/// Until the worker is gone.
fn listen(socket: &OwnedFd) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [std::io::IoSliceMut::new(&mut bytes)];
        let received = recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC);
        let len = match received {
            // It left something unread, and what it said before comes behind this.
            Err(rustix::io::Errno::CONNRESET) => continue,
            received => received.map_or(0, |message| message.bytes),
        };
        if len == 0 {
            return;
        }
        assert!(fuzzing::message(&bytes[..len]), "a worker said what is no message");
        assert!(SAYS.contains(&bytes[0]), "a worker said {}", bytes[0]);
    }
}
