//! An attendant's way with one call: a worker, the argument, the answer.
//!
//! Invariant: between `hold` and `let_go` the attendant is woken by whatever happens to its worker;
//! outside of them nobody kills a worker for its call.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{Codec, Format, Sink, Unsent};
use super::peer::{Heard, Peer};
use super::rack::Without;
use super::shared::Carriage;
use super::shop::{Shop, Tally};
use super::wire::{Header, Kind, Message, Place};
use crate::complete::{CallRef, Context, Verdict};
use crate::contain::drop_contained;
use crate::execute::guard;
use crate::failure::{CodecError, Failure, Outcome, Panic, Reason};
use crate::sys::process::Region;
use crate::trace;

/// How often a call that must not have begun is given to another worker.
const TRIES: u32 = 4;

/// A buffer that is larger than the calls of late needed is kept for so many of them: fresh memory
/// costs several times what a copy does. The thread ends with its idleness, and its buffers with it.
const KEEP_CALLS: u32 = 64;

/// Smaller ones are always kept.
const KEEP: usize = 1 << 20;

/// What an attendant's thread uses again for each call.
#[derive(Default)]
struct Buffers {
    /// An argument that goes inline.
    argument: Vec<u8>,
    /// A message that came.
    message: Vec<u8>,
    /// A body, copied out of the arena.
    body: Vec<u8>,
    /// How many calls in a row used little of it.
    roomy: u32,
    /// Descriptors that came with a message.
    fds: Vec<OwnedFd>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// A call on its way through a worker.
struct Trip<'a> {
    shop: &'a Shop,
    call: &'a CallRef,
    index: u32,
    idempotent: bool,
    buffers: Buffers,
    /// The buffers that go with the argument.
    going: Vec<Arc<Region>>,
    /// Progress came that the call's handler does not take.
    misfit: Option<Panic>,
}

/// How a trip ended.
enum End {
    /// An answer; its body, if it has one, is in `body`.
    Answer(Header),
    /// The worker ended before it answered.
    Died { exit: crate::failure::Exit, begun: bool },
    /// The outcome is decided already.
    Decided,
}

/// Runs the function of that number in a worker, with the call's outcome as it comes to it.
pub(super) fn attend<A, T>(
    shop: &Shop,
    index: u32,
    idempotent: bool,
    call: &CallRef,
    args: A,
) -> Outcome<T>
where
    A: Serialize,
    T: DeserializeOwned,
{
    let buffers = BUFFERS.take();
    let mut trip = Trip { shop, call, index, idempotent, buffers, going: Vec::new(), misfit: None };
    let outcome = trip.run(args);
    trip.keep_buffers();
    outcome
}

/// The call's outcome was decided by somebody else; nobody sees this one.
fn decided<T>() -> Outcome<T> {
    Err(Failure::Shutdown)
}

impl Trip<'_> {
    fn run<A: Serialize, T: DeserializeOwned>(&mut self, args: A) -> Outcome<T> {
        let mut peer = match self.lease() {
            Ok(peer) => peer,
            Err(failure) => {
                self.call.hub().drop_here(args);
                return Err(failure);
            }
        };
        let mut parcel = match self.pack(&peer, args) {
            Ok(parcel) => parcel,
            Err(failure) => {
                self.shop.rack.give_back(peer);
                return Err(failure);
            }
        };
        for attempt in 1.. {
            match self.send_and_wait(&peer, parcel) {
                End::Answer(header) => {
                    self.return_worker(peer);
                    return self.read(header);
                }
                End::Decided => {
                    self.shop.rack.give_back(peer);
                    return decided();
                }
                End::Died { exit, begun } => {
                    if let Some(panic) = self.misfit.take() {
                        return Err(Failure::Panicked(panic));
                    }
                    let again = (!begun || self.idempotent) && attempt < TRIES;
                    if !again {
                        return Err(Failure::Died(exit));
                    }
                    Tally::count(&self.shop.tally.requeued);
                    let next = self.lease()?;
                    parcel = self.repack(&peer, &next, parcel)?;
                    peer = next;
                }
            }
        }
        decided()
    }

    fn lease(&self) -> Result<Arc<Peer>, Failure> {
        self.shop.rack.lease(self.call).map_err(|without| match without {
            Without::Decided => Failure::Shutdown,
            Without::NoWorker => self.reject(Reason::NoWorker),
        })
    }

    /// A refusal is no outcome of a function.
    fn reject(&self, reason: Reason) -> Failure {
        if self.call.decide(Verdict::Rejected(reason)).is_some() {
            trace::refused(self.call.subject(), &reason);
        }
        Failure::Rejected(reason)
    }

    /// Encodes the argument to where the worker looks for it.
    fn pack<A: Serialize>(&mut self, peer: &Peer, args: A) -> Result<(Place, usize), Failure> {
        let (offset, room) = (peer.layout.argument(), self.shop.config.max_payload);
        let mut sink = Sink::new(&mut self.buffers.argument, &peer.arena, offset, room);
        let (encoded, carriage) = Carriage::default()
            .during(|| guard::run(self.call, || Format::encode(&args, &mut sink)));
        let parcel = sink.finish();
        self.call.hub().drop_here(args);
        let (held, trouble) = (carriage.is_held(), carriage.trouble);
        self.going = carriage.going;
        match encoded? {
            Ok(()) if held => {
                let text = "the argument: a SharedBuf in it is still held by this process";
                return Err(Failure::Codec(CodecError::new(text)));
            }
            Ok(()) => {}
            Err(Unsent::TooLarge) => return Err(self.reject(Reason::TooLarge)),
            Err(Unsent::Codec(error)) => {
                let error = trouble.map_or(error, CodecError::new);
                return Err(Failure::Codec(error.of("argument")));
            }
        }
        self.count_bytes(parcel.0, parcel.1);
        Ok(parcel)
    }

    /// Moves an argument from a worker that died to another one.
    fn repack(
        &mut self,
        from: &Peer,
        to: &Peer,
        (place, len): (Place, usize),
    ) -> Result<(Place, usize), Failure> {
        if place == Place::Arena {
            self.buffers.body.clear();
            let copied = from
                .arena
                .copy_out(from.layout.argument(), len, &mut self.buffers.body)
                .and_then(|()| to.arena.copy_in(to.layout.argument(), &self.buffers.body));
            copied.ok_or_else(|| self.reject(Reason::TooLarge))?;
        }
        Ok((place, len))
    }

    /// Sends the call and waits for what comes of it.
    fn send_and_wait(&mut self, peer: &Arc<Peer>, (place, len): (Place, usize)) -> End {
        let number = self.shop.hold(self.call, peer);
        // Behind the line above: whoever decides it from now on finds the worker.
        if self.call.is_decided() {
            return match self.shop.let_go(self.call, peer, number) {
                true => End::Decided,
                false => self.lost(peer),
            };
        }
        let deadline = self.call.deadline().map_or(0, |at| {
            let left = at.saturating_duration_since(Instant::now()).as_nanos();
            u64::try_from(left).unwrap_or(u64::MAX).max(1)
        });
        let mut header = Header::bare(Kind::Call, number);
        header.place = place;
        header.index = self.index;
        header.len = len as u64;
        header.extra = deadline;
        header.span = trace::span_id();
        let head = header.to_bytes();
        let body: &[u8] = if place == Place::Inline { &self.buffers.argument } else { &[] };
        let fds: Vec<_> = self.going.iter().map(|region| region.as_fd()).collect();
        let sent = peer.socket.send(&[IoSlice::new(&head), IoSlice::new(body)], &fds, false);
        // To a call that did not get there is no answer.
        let heard = match sent {
            Ok(()) => self.listen(peer, number),
            Err(_) => Heard::End,
        };
        let header = match heard {
            Heard::Message(len) => self.answer(len, number, peer),
            Heard::End => None,
        };
        let let_go = self.shop.let_go(self.call, peer, number);
        match header {
            _ if !let_go => self.lost(peer),
            Some(header) => End::Answer(header),
            None => self.dead(peer, number),
        }
    }

    fn hear(&mut self, peer: &Peer) -> io::Result<Heard> {
        self.buffers.fds.clear();
        peer.hear(&mut self.buffers.message, &mut self.buffers.fds, None)
    }

    /// Until an answer comes; progress on the way goes to the loop.
    fn listen(&mut self, peer: &Peer, number: u64) -> Heard {
        loop {
            let Ok(Heard::Message(len)) = self.hear(peer) else {
                return Heard::End;
            };
            let Some(message) = Message::parse(&self.buffers.message[..len]) else {
                return Heard::End;
            };
            if message.header.kind != Kind::Progress {
                return Heard::Message(len);
            }
            let pulse = self.shop.registry.pulse(message.header.index);
            let Some(pulse) = pulse.filter(|_| message.header.number == number) else {
                return Heard::End;
            };
            let context = Context::new(self.call.clone());
            let told = guard::attempt(|| (pulse.deliver)(&context, message.inline));
            match told {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Heard::End,
                // Its handler takes another type, which is the function's mistake.
                Err(payload) => {
                    let (name, place) = (self.call.name().cloned(), self.call.place());
                    self.misfit = Some(Panic::new(payload, name, place));
                    return Heard::End;
                }
            }
        }
    }

    /// An answer to this call, with its body copied to where no worker can write; `None`: it is none.
    fn answer(&mut self, len: usize, number: u64, peer: &Peer) -> Option<Header> {
        let Message { header, inline } = Message::parse(self.buffers.message.get(..len)?)?;
        let is_answer =
            matches!(header.kind, Kind::Value | Kind::Panic | Kind::Codec | Kind::TooLarge);
        let len = usize::try_from(header.len).ok()?;
        if !is_answer || header.number != number || len > self.shop.config.max_payload {
            return None;
        }
        let body = &mut self.buffers.body;
        body.clear();
        match header.place {
            Place::Inline => body.extend_from_slice(inline),
            Place::Arena => peer.arena.copy_out(peer.layout.result(), len, body)?,
        }
        self.count_bytes(header.place, len);
        Some(header)
    }

    /// The worker is good for another call, unless it has done enough of them.
    fn return_worker(&self, peer: Arc<Peer>) {
        let served = peer.served.fetch_add(1, Ordering::Relaxed) + 1;
        let config = &self.shop.config;
        let is_large = |bytes| peer.child.resident_bytes().is_some_and(|has| has > bytes);
        if config.recycle_calls.is_some_and(|calls| served >= calls)
            || config.recycle_bytes.is_some_and(is_large)
        {
            Tally::count(&self.shop.tally.recycled);
            // First: the manager has to see that its end is meant.
            peer.retire();
            self.shop.rack.lose(&peer);
            peer.socket.finish();
        } else {
            self.shop.rack.give_back(peer);
        }
    }

    /// The worker was killed for this call.
    fn lost(&self, peer: &Arc<Peer>) -> End {
        self.shop.rack.lose(peer);
        End::Decided
    }

    /// The worker ended by itself, or said what makes no sense and is ended.
    fn dead(&self, peer: &Arc<Peer>, number: u64) -> End {
        let exit = peer.how(peer.wait_end());
        // Behind that: it wakes the manager, which would take the process's end at the same time.
        let first = self.shop.rack.lose(peer);
        if first {
            self.shop.tally.died(exit);
        }
        End::Died { exit, begun: peer.has_begun(number) }
    }

    /// The outcome that an answer stands for.
    fn read<T: DeserializeOwned>(&mut self, header: Header) -> Outcome<T> {
        if self.call.is_decided() {
            return decided();
        }
        let body = &self.buffers.body;
        let text = || String::from_utf8_lossy(body).into_owned();
        match header.kind {
            Kind::Value => {
                let fds = std::mem::take(&mut self.buffers.fds);
                let carriage = Carriage::with(fds, std::mem::take(&mut self.going));
                let decode = || guard::run(self.call, || Format::decode(body));
                let (decoded, carriage) = carriage.during(decode);
                let of = |error| carriage.trouble.map_or(error, CodecError::new).of("result");
                decoded?.map_err(|error| Failure::Codec(of(error)))
            }
            Kind::Panic => {
                let (name, place) = (self.call.name().cloned(), self.call.place());
                Err(Failure::Panicked(Panic::new(Box::new(text()), name, place)))
            }
            Kind::TooLarge => Err(self.reject(Reason::TooLarge)),
            _ => Err(Failure::Codec(CodecError::new(text()))),
        }
    }

    fn count_bytes(&self, place: Place, len: usize) {
        let tally = &self.shop.tally;
        let counter = match place {
            Place::Inline => &tally.inline_bytes,
            Place::Arena => &tally.arena_bytes,
        };
        counter.fetch_add(len as u64, Ordering::Relaxed);
    }

    fn keep_buffers(&mut self) {
        let mut buffers = std::mem::take(&mut self.buffers);
        buffers.fds.clear();
        let roomy = buffers.body.capacity() > KEEP.max(buffers.body.len().saturating_mul(4));
        buffers.roomy = if roomy { buffers.roomy + 1 } else { 0 };
        if buffers.roomy >= KEEP_CALLS {
            (buffers.body, buffers.roomy) = (Vec::new(), 0);
        }
        drop_contained(BUFFERS.replace(buffers));
    }
}
