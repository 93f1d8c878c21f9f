//! A worker's loop: one call after the other.
//!
//! Invariant: it ends when no message can come any more, and it runs a function only for a message
//! that names it.

use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::CAN_NOT;
use super::context::Errand;
use crate::complete::Context;
use crate::execute::process::codec::Sink;
use crate::execute::process::registry::{Answer, Registry};
use crate::execute::process::shared::Carriage;
use crate::execute::process::wire::{
    BEGUN, Header, Kind, Layout, MESSAGE_MAX, Message, PANICKED, Place, Terms,
};
use crate::failure::CodecError;
use crate::sys::process::{Arena, Clean, Limits, Region, Socket, limit_cpu};
use crate::trace;

/// What a worker has from its greeting on.
struct Desk {
    socket: Arc<Socket>,
    arena: Arc<Arena>,
    layout: Layout,
    terms: Terms,
    /// A result that goes inline.
    result: Vec<u8>,
    /// Buffers that came of late, mapped still; the last one is the newest.
    regions: Vec<Arc<Region>>,
}

/// How many of them.
const REGIONS_MAX: usize = 8;

/// How large they may be together, apart from the newest: their memory is kept by it.
const REGIONS_BYTES: usize = 256 << 20;

/// Serves until the parent has no more calls; says what to end with.
pub(super) fn serve(registry: &Registry) -> i32 {
    match Clean::make() {
        Ok(Clean { socket }) => serve_at(socket, registry),
        Err(_) => CAN_NOT,
    }
}

/// The same, at a socket.
pub(in crate::execute::process) fn serve_at(socket: Socket, registry: &Registry) -> i32 {
    let mut buffer = vec![0; MESSAGE_MAX];
    let Some(mut desk) = greet(socket, registry, &mut buffer) else { return CAN_NOT };
    let registry = Arc::new(registry.clone());
    loop {
        let mut fds = Vec::new();
        let len = match desk.socket.receive(&mut buffer, &mut fds, true) {
            Ok(0) => return 0,
            Ok(len) => len,
            Err(_) => return CAN_NOT,
        };
        let call = Message::parse(&buffer[..len]).filter(|call| call.header.kind == Kind::Call);
        let done = call.and_then(|call| desk.work(&registry, &call, fds));
        if done.is_none() {
            return CAN_NOT;
        }
    }
}

/// Takes the terms and answers them.
fn greet(socket: Socket, registry: &Registry, buffer: &mut [u8]) -> Option<Desk> {
    let mut fds = Vec::new();
    let len = socket.receive(buffer, &mut fds, true).ok()?;
    let hello = Message::parse(&buffer[..len]).filter(|hello| hello.header.kind == Kind::Hello)?;
    let terms = Terms::parse(hello.inline);
    let (digest, listing) = (registry.digest(), registry.listing());
    let agreed = terms.filter(|terms| terms.digest == digest);
    let desk = match agreed {
        None => None,
        Some(terms) => {
            let layout = Layout::new(usize::try_from(terms.max_payload).ok()?)?;
            let arena = Arc::new(Arena::open(fds.first()?, layout.len()).ok()?);
            let memory = (terms.memory_limit > 0).then_some(terms.memory_limit);
            watch_panics(&arena);
            registry.init();
            Limits { memory }.set().ok()?;
            Some((arena, layout, terms))
        }
    };
    // To functions that are not its own a worker answers with those that are.
    let text: &[u8] = if desk.is_some() { &[] } else { cut(&listing) };
    let mut ready = Header::bare(Kind::Ready, 0);
    ready.extra = digest;
    ready.len = text.len() as u64;
    let head = ready.to_bytes();
    socket.send(&[IoSlice::new(&head), IoSlice::new(text)], &[], true).ok()?;
    let (arena, layout, terms) = desk?;
    Some(Desk {
        socket: Arc::new(socket),
        arena,
        layout,
        terms,
        result: Vec::new(),
        regions: Vec::new(),
    })
}

/// Notes that a panic was raised, so that an abort which it leads to is told from one that has
/// another reason.
fn watch_panics(arena: &Arc<Arena>) {
    let (arena, before) = (arena.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        arena.word(PANICKED).store(1, Ordering::Release);
    }));
}

impl Desk {
    /// Runs a call's function and answers. `None`: the parent is gone, or makes no sense.
    fn work(
        &mut self,
        registry: &Arc<Registry>,
        call: &Message<'_>,
        fds: Vec<OwnedFd>,
    ) -> Option<()> {
        let Header { place, index, number, len, extra, span, .. } = call.header;
        let deadline = (extra > 0).then(|| Instant::now().checked_add(Duration::from_nanos(extra)));
        let errand = Errand {
            socket: self.socket.clone(),
            arena: self.arena.clone(),
            registry: registry.clone(),
            number,
            deadline: deadline.flatten(),
        };
        let context = Context::away(Arc::new(errand));
        let arena = self.arena.clone();
        let argument = match place {
            Place::Inline => call.inline,
            Place::Arena => arena.trusted(self.layout.argument(), usize::try_from(len).ok()?)?,
        };
        if self.terms.cpu_limit > 0 {
            limit_cpu(self.terms.cpu_limit).ok()?;
        }
        let room = usize::try_from(self.terms.max_payload).ok()?;
        let mut sink = Sink::new(&mut self.result, &arena, self.layout.result(), room);
        arena.word(BEGUN).store(number, Ordering::Release);
        let carriage = Carriage::with(fds, self.regions.clone());
        let mut run = || registry.run(index, &context, argument, &mut sink);
        let (mut answer, carriage) =
            carriage.during(|| trace::in_worker(registry.name_of(index), span, &mut run));
        let (place, len) = sink.finish();
        let going = self.keep(carriage, &mut answer);
        arena.word(PANICKED).store(0, Ordering::Release);
        self.answer(number, answer, place, len, &going)
    }

    /// Keeps the regions mapped that the parent will send again, most likely; gives those that go
    /// with the answer.
    fn keep(&mut self, carriage: Carriage, answer: &mut Answer) -> Vec<Arc<Region>> {
        // What the call used and did not give back will not come again.
        let unused = |kept: &Arc<Region>| carriage.known.iter().any(|one| one.id() == kept.id());
        self.regions.retain(unused);
        drop(carriage.known);
        let carriage = Carriage { known: Vec::new(), ..carriage };
        let held = carriage.is_held().then_some("the result: a SharedBuf in it is still in use");
        match (&answer, held, carriage.trouble) {
            (Answer::Value, Some(text), _) | (Answer::Codec(_), _, Some(text)) => {
                *answer = Answer::Codec(CodecError::new(text));
            }
            _ => {}
        }
        let going = if matches!(answer, Answer::Value) { carriage.going } else { Vec::new() };
        self.regions.extend(going.iter().cloned());
        let mut bytes = 0;
        let room = self.regions.iter().rev().take_while(|region| {
            bytes += region.len();
            bytes <= REGIONS_BYTES
        });
        let kept = room.count().clamp(1, REGIONS_MAX).min(self.regions.len());
        self.regions.drain(..self.regions.len() - kept);
        going
    }

    fn answer(
        &self,
        number: u64,
        answer: Answer,
        place: Place,
        len: usize,
        going: &[Arc<Region>],
    ) -> Option<()> {
        let text;
        let (kind, place, body): (_, _, &[u8]) = match answer {
            Answer::Value if place == Place::Inline => (Kind::Value, place, &self.result),
            Answer::Value => (Kind::Value, place, &[]),
            Answer::Panicked(message) => {
                text = message;
                (Kind::Panic, Place::Inline, cut(&text))
            }
            Answer::Codec(error) => {
                text = error.to_string();
                (Kind::Codec, Place::Inline, cut(&text))
            }
            Answer::TooLarge => (Kind::TooLarge, Place::Inline, &[]),
        };
        let mut header = Header::bare(kind, number);
        header.place = place;
        header.len = if place == Place::Arena { len } else { body.len() } as u64;
        let head = header.to_bytes();
        let fds: Vec<_> = going.iter().map(|region| region.as_fd()).collect();
        self.socket.send(&[IoSlice::new(&head), IoSlice::new(body)], &fds, true).ok()
    }
}

/// As much of a text as fits into a message.
fn cut(text: &str) -> &[u8] {
    &text.as_bytes()[..text.len().min(MESSAGE_MAX / 2)]
}
