//! The process executor: a named function runs in a worker process, which can crash alone and be
//! killed at any instruction.
//!
//! # Invariants
//!
//! * **P1 One decider.** A call's outcome is decided by the swap of its own state word in this
//!   process (`complete::state`), and by nothing that a worker process can write.
//! * **P2 The right victim.** A worker is killed for a call by a swap of its *leash* from
//!   `Held(number)` to `Cut`; the number is the call's alone, and the swap fails once the call's
//!   answer was taken. So no other call is ever killed. Model: `execute::process::leash::loom`.
//! * **P3 Nothing starts that is decided.** An attendant puts the call on the leash, then looks
//!   whether it is decided, then sends; who decides it, decides, then looks for the leash.
//! * **P4 At most once.** A worker notes a call's number before it enters the function. One that
//!   died is asked for it: only a call that had not begun is run again, unless it is `idempotent`.
//! * **P5 A worker's word is checked.** What it sends is a message of bounded size with a checked
//!   header; what it leaves in shared memory is copied out before it is looked at, and is decoded so
//!   deep and no deeper (`careful`).
//! * **P6 Whoever waits is woken by an event**: a message, an end of the stream, a process that
//!   ended, a leash that was cut. Nothing polls.
//!
//! # Who does what
//!
//! | | thread | owns |
//! | --- | --- | --- |
//! | *attendant* | `offloop-p…`, at most one per worker | one call: takes a worker, encodes the argument, sends, waits, decodes, decides |
//! | *manager* | `offloop-proc` | the processes: starts, handshakes, replaces, retires, reaps |
//! | *killer* | whoever decides a call that runs: keeper, loop, any canceller | nothing: cuts the leash, sends `SIGKILL`, wakes the attendant |
//! | *worker process* | its main thread | the function |
//!
//! Attendants are the threads of an ordinary [`Pool`](super::threads::Pool), so that queue,
//! priorities, deadlines in the queue, `close` and `shutdown` are those of every executor, and a
//! large payload is encoded, copied and decoded by the one thread whose call it is: it delays no
//! deadline (the keeper's), no kill (the killer's), no start (the manager's) and not the loop. An
//! attendant waits in one `poll` for the worker's socket and the worker's end; an answer wakes it
//! and nobody else, so a call costs four hand-overs: loop, attendant, worker, attendant, loop.
//!
//! # A worker's life
//!
//! ```text
//! manager: socketpair, sealed memory, spawn ──▶ Starting ──READY──▶ Idle (the rack)
//!                                                  │ dies, lies, is late       │ ▲
//!                                                  ▼                  lease ▼ │ answer
//!                                            back-off, retry              Held(number)
//!                                                                             │ decided elsewhere
//!                                                                             ▼
//!                                            reaped by the manager  ◀──────  Cut (killed)
//! ```
//!
//! # Wire
//!
//! One `SOCK_SEQPACKET` pair per worker, its end at the worker's descriptor 0: a message is whole
//! or absent. Up to 32 KiB go inside the message; more goes through the worker's *arena*, shared
//! memory of a fixed, sealed size that both sides keep mapped and use again. See [`wire`].
//!
//! # How a failure is chosen
//!
//! | | |
//! | --- | --- |
//! | `Died(exit)` | the worker ended (stream and process) without an answer, and was not cut |
//! | `Codec` | the argument, or the result, could not be encoded or decoded; the worker lives on |
//! | `Rejected(TooLarge)` | either is larger than `Processes::max_payload` |
//! | `Rejected(NoWorker)` | workers could not be started, several times in a row |
//! | `Rejected(NotConfigured)`, `Rejected(Unregistered)` | known at the submit |
//! | `Panicked` | as everywhere; the worker lives on |

mod attend;
mod careful;
mod child;
mod codec;
mod crew;
#[cfg(fuzzing)]
pub mod fuzzing;
mod leash;
mod line;
mod manager;
mod options;
mod output;
mod peer;
mod rack;
mod registry;
mod remote;
mod shared;
mod shop;
#[cfg(all(test, not(loom)))]
mod tests;
mod wire;

pub use self::child::run_if_worker;
pub use self::line::WorkerLine;
pub use self::options::Processes;
pub use self::shared::SharedBuf;

pub(crate) use self::child::would_serve;
pub(crate) use self::crew::crew;
pub(crate) use self::registry::Registry;
pub(crate) use self::remote::Remote;
pub(crate) use self::shop::Shop;
