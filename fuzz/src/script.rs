//! What one side does, as a list of steps: the fuzzer's bytes in a form in which most of them are
//! nearly right, because what is wrong in everything is refused at the first look.
//!
//! Invariant: whatever its steps, a side plays to its end without waiting, and then its process has
//! ended.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, recv, sendmsg,
    shutdown,
};

use crate::cursor::Cursor;
use crate::descriptors;

/// Steps beyond these are not played.
const STEPS_MAX: usize = 24;

const HELLO: u8 = 1;
/// A value, a panic, what could not be encoded or decoded, what was too large.
const ANSWERS: RangeInclusive<u8> = 4..=7;
const HEADER_LEN: usize = 40;
const PAGE: u64 = 4096;

/// What a header has when it is right.
#[derive(Clone, Copy, Default)]
pub(crate) struct Right {
    pub(crate) number: u64,
    pub(crate) extra: u64,
    /// Where this side's bodies lie in the memory.
    pub(crate) body_at: u64,
    pub(crate) digest: u64,
}

/// One side, with what it has; none of it is needed.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) socket: Option<OwnedFd>,
    pub(crate) memory: Option<OwnedFd>,
    pub(crate) process: Option<OwnedFd>,
    /// The messages that went out whole.
    pub(crate) sent: Vec<Vec<u8>>,
}

pub(crate) enum Step<'a> {
    /// A message whose header is right but for what is added to it.
    Say {
        head: [u8; 2],
        added: [u64; 4],
        body: Vec<u8>,
        fds: Vec<OwnedFd>,
    },
    /// Any bytes as a message.
    Raw(&'a [u8], Vec<OwnedFd>),
    /// Bytes in the memory, so far from where a body lies.
    Write(i32, &'a [u8]),
    /// The function of the call was entered.
    Begin(u64),
    /// A message from the other side is taken away.
    Hear,
    Shut(Shutdown),
    Close,
    End,
    Cancel,
    /// Terms of so much payload, right but for what is added, and memory of the right size or another.
    Hello {
        version: u64,
        digest: u64,
        max_payload: u64,
        memory: u8,
    },
    /// What follows is for the next worker.
    Next,
}

impl<'a> Step<'a> {
    fn read(from: &mut Cursor<'a>) -> Self {
        match from.byte() % 11 {
            0 => {
                let head = [from.byte(), from.byte()];
                let added = [u64::from(from.u32()), from.u64(), from.u64(), from.u64()];
                let fds = descriptors::several(from);
                let (len, times) = (from.byte(), from.byte());
                let body = from.take(len.into()).repeat(usize::from(times) + 1);
                Self::Say { head, added, body, fds }
            }
            1 => {
                let fds = descriptors::several(from);
                let len = from.byte();
                Self::Raw(from.take(len.into()), fds)
            }
            2 => {
                let (at, len) = (from.u32().cast_signed(), from.byte());
                Self::Write(at, from.take(len.into()))
            }
            3 => Self::Begin(from.byte().into()),
            4 => Self::Hear,
            5 => Self::Shut(match from.byte() % 3 {
                0 => Shutdown::Write,
                1 => Shutdown::Read,
                _ => Shutdown::Both,
            }),
            6 => Self::Close,
            7 => Self::End,
            8 => Self::Cancel,
            9 => Self::Hello {
                version: from.u64(),
                digest: from.u64(),
                max_payload: from.u64(),
                memory: from.byte(),
            },
            _ => Self::Next,
        }
    }
}

/// The steps of each worker, so many workers at the most.
pub(crate) fn scripts<'a>(from: &mut Cursor<'a>, workers: usize) -> Vec<Vec<Step<'a>>> {
    let mut all = vec![Vec::new()];
    for _ in 0..STEPS_MAX {
        if from.is_at_end() {
            break;
        }
        match Step::read(from) {
            Step::Next if all.len() < workers => all.push(Vec::new()),
            Step::Next => {}
            step => all.last_mut().expect("it has one").push(step),
        }
    }
    all
}

impl Side {
    /// Whether it said an answer to the call of that number.
    pub(crate) fn has_answered(&self, number: u64) -> bool {
        let is_answer =
            |bytes: &Vec<u8>| ANSWERS.contains(&bytes[0]) && bytes[8..16] == number.to_le_bytes();
        self.sent.iter().any(|bytes| bytes.len() >= HEADER_LEN && is_answer(bytes))
    }

    /// Does all that, and ends.
    pub(crate) fn play(&mut self, steps: Vec<Step<'_>>, right: Right, cancel: impl Fn()) {
        for step in steps {
            match step {
                Step::Say { head, added, body, fds } => self.say(head, added, &body, &fds, right),
                Step::Raw(bytes, fds) => self.send(bytes.to_vec(), &fds),
                Step::Write(at, bytes) => {
                    self.write(right.body_at.wrapping_add_signed(at.into()), bytes);
                }
                Step::Begin(added) => {
                    self.write(0, &right.number.wrapping_add(added).to_le_bytes());
                }
                Step::Hear => self.hear(),
                Step::Shut(how) => {
                    let _shut_already = self.socket.as_ref().map(|socket| shutdown(socket, how));
                }
                Step::Close => self.socket = None,
                Step::End => self.end(),
                Step::Cancel => cancel(),
                Step::Hello { version, digest, max_payload, memory } => {
                    let digest = right.digest.wrapping_add(digest);
                    self.hello([version, digest, max_payload, 0, 0], memory);
                }
                Step::Next => {}
            }
        }
        self.end();
    }

    /// Its process is gone, whatever is still in its socket.
    fn end(&mut self) {
        if let Some(process) = self.process.take() {
            rustix::io::write(&process, &1_u64.to_ne_bytes()).expect("it has room");
        }
    }

    fn say(&mut self, head: [u8; 2], added: [u64; 4], body: &[u8], fds: &[OwnedFd], right: Right) {
        let [index, number, len, extra] = added;
        let mut bytes = vec![head[0], head[1], 0, 0];
        bytes.extend((index as u32).to_le_bytes());
        bytes.extend(right.number.wrapping_add(number).to_le_bytes());
        bytes.extend((body.len() as u64).wrapping_add(len).to_le_bytes());
        bytes.extend(right.extra.wrapping_add(extra).to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(body);
        self.send(bytes, fds);
    }

    fn hello(&mut self, terms: [u64; 5], memory: u8) {
        let rooms = terms[2].checked_next_multiple_of(PAGE).and_then(|room| room.checked_mul(2));
        let right = rooms.and_then(|rooms| rooms.checked_add(PAGE)).filter(|len| *len < 1 << 40);
        let memory = match right.filter(|_| memory == 0) {
            Some(len) => descriptors::sealed(len),
            None => descriptors::one(memory),
        };
        let body: Vec<u8> = terms.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut bytes = vec![0; HEADER_LEN];
        bytes[0] = HELLO;
        bytes[16..24].copy_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend(body);
        self.send(bytes, std::slice::from_ref(&memory));
        self.memory = Some(memory);
    }

    fn send(&mut self, mut bytes: Vec<u8>, fds: &[OwnedFd]) {
        let Some(socket) = &self.socket else { return };
        if bytes.first() == Some(&HELLO)
            && let Some(limits) = bytes.get_mut(HEADER_LEN + 24..)
        {
            // They would be set for the fuzzer.
            limits.fill(0);
        }
        let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(&fds)), "there is room for them");
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        if sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, flags).is_ok() {
            self.sent.push(bytes);
        }
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        if let Some(memory) = &self.memory {
            // Outside of its size the kernel refuses it.
            let _refused = rustix::io::pwrite(memory, bytes, at);
        }
    }

    fn hear(&self) {
        if let Some(socket) = &self.socket {
            let mut byte = [0];
            let _nothing_there = recv(socket, &mut byte[..], RecvFlags::DONTWAIT);
        }
    }
}
