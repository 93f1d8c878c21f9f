//! One call of each class. Invariant: what a call may come to does not depend on when it is run, nor on
//! the others.

use std::time::Duration;

use offloop::{Outcome, SharedBuf, Ticket};

use super::functions::{Deed, Site, act, brighten, count_up, fill, mirror};
use super::ledger::Books;
use super::plan::{Class, Dice};
use super::run::Run;
use crate::functions::{Bomb, How, Stubborn, give_bomb, give_stubborn, take_stubborn};

/// Long enough to be inside in most cases, and short enough to have many of them.
const SOON: Duration = Duration::from_millis(25);

const BUFFER: usize = 64 * 1024;

fn site(run: &Run, id: u32) -> Site {
    Site { folder: run.folder.to_str().expect("plain letters").to_owned(), id }
}

/// A call whose function does a deed; `describe` adds its policies.
macro_rules! act {
    ($run:expr, $books:expr, $class:expr, $deed:expr, |$call:ident| $described:expr) => {{
        let (id, slip) = $books.open($class);
        let $call = $run.lp.off.call_fn(act, (site($run, id), $deed)).process();
        let handler = move |books: &mut Books, outcome: Outcome<u32>| {
            books.close(slip, outcome, |value| value == id);
        };
        ($described.then(handler), id)
    }};
}

pub(super) fn submit(run: &mut Run, books: &mut Books, class: Class, dice: &mut Dice) {
    match class {
        Class::Mirror | Class::LargeResult | Class::ResultTooLarge | Class::ArgumentTooLarge => {
            payload(run, books, class, dice);
        }
        Class::Buffer | Class::BufferLost => buffer(run, books, class, dice),
        Class::Bomb
        | Class::EncodeError
        | Class::DecodeError
        | Class::ResultEncodeError
        | Class::ResultDecodeError
        | Class::EncodePanic
        | Class::DecodePanic => untold(run, books, class),
        Class::Latest | Class::Scoped | Class::Progress | Class::Serial | Class::InOrder => {
            policy(run, books, class, dice);
        }
        Class::Shared | Class::SharedCrash => shared(run, books, class, dice),
        _ => deed(run, books, class, dice),
    }
}

fn deed(run: &mut Run, books: &mut Books, class: Class, dice: &mut Dice) {
    // Not SIGSEGV: a program of Rust takes the first one, to tell an overflow of its stack.
    const FATAL: [i32; 3] = [8, 9, 15];
    let fatal = FATAL[dice.below(3) as usize];
    let (deed, deadline, idempotent) = match class {
        Class::Value | Class::Hit => (Deed::Return, None, false),
        Class::HitIdempotent => (Deed::Return, None, true),
        Class::Short => (Deed::SleepUs(dice.below(2000)), None, false),
        Class::Panic => (Deed::Panic, None, false),
        Class::Abort => (Deed::Abort, None, false),
        Class::Exit => (Deed::Exit(3), None, false),
        Class::Signal => (Deed::Signal(fatal), None, false),
        Class::SignalledFromOutside => (Deed::Suffer(fatal), None, false),
        Class::StoppedFromOutside => (Deed::Suffer(19), Some(SOON), false),
        Class::SpinUntilDeadline => (Deed::Spin, Some(SOON), false),
        Class::StopUntilDeadline => (Deed::Signal(19), Some(SOON), false),
        Class::SpinUntilCancel => (Deed::Spin, None, false),
        Class::CancelledAtOnce => (Deed::Spin, None, false),
        Class::CancelledSometime => (Deed::SleepUs(dice.below(1500)), None, false),
        Class::Devour => (Deed::Devour, None, false),
        Class::DiesFirst => (Deed::DieFirst(1 + dice.below(3)), None, true),
        _ => (Deed::Abort, None, true),
    };
    let (ticket, _) = act!(run, books, class, deed, |call| {
        let call = if let Some(time) = deadline { call.deadline(time) } else { call };
        if idempotent { call.idempotent() } else { call }
    });
    match class {
        Class::CancelledAtOnce => ticket.cancel(),
        Class::SpinUntilCancel => run.cancel_after(ticket, 2 + dice.below(8)),
        Class::CancelledSometime => cancel_sometime(run, ticket, dice),
        _ => {}
    }
}

/// Before, while or after it runs; by this thread or another one.
fn cancel_sometime(run: &mut Run, ticket: Ticket, dice: &mut Dice) {
    match dice.below(3) {
        0 => ticket.cancel(),
        1 => {
            std::thread::sleep(Duration::from_micros(dice.below(1500)));
            ticket.cancel();
        }
        _ => run.cancel_after(ticket, dice.below(3)),
    }
}

fn payload(run: &mut Run, books: &mut Books, class: Class, dice: &mut Dice) {
    let (id, slip) = books.open(class);
    let len = match class {
        Class::Mirror => dice.below(120_000),
        Class::LargeResult => 200_000 + dice.below(3_500_000),
        _ => super::run::MAX_PAYLOAD as u64 + dice.below(1000),
    };
    let site = site(run, id);
    if matches!(class, Class::Mirror | Class::ArgumentTooLarge) {
        let bytes: Vec<u8> = (0..len).map(|n| (n as u32 ^ id) as u8).collect();
        let call = run.lp.off.call_fn(mirror, (site, bytes)).process();
        call.then(move |books: &mut Books, outcome| {
            let is_mirrored = |bytes: Vec<u8>| {
                let same = |(n, byte): (u32, &u8)| *byte == (n ^ id) as u8;
                bytes.len() as u64 == len && (0..).zip(bytes.iter().rev()).all(same)
            };
            books.close(slip, outcome, is_mirrored);
        });
    } else {
        let call = run.lp.off.call_fn(fill, (site, len)).process();
        call.then(move |books: &mut Books, outcome| {
            let is_filled = |bytes: Vec<u8>| {
                bytes.len() as u64 == len && bytes.iter().all(|byte| *byte == id as u8)
            };
            books.close(slip, outcome, is_filled);
        });
    }
}

/// One that came back, or a fresh one.
fn buffer(run: &mut Run, books: &mut Books, class: Class, dice: &mut Dice) {
    let (id, slip) = books.open(class);
    let again = if dice.below(4) > 0 { books.buffers.pop() } else { None };
    let (buffer, byte) =
        again.unwrap_or_else(|| (SharedBuf::new(BUFFER).expect("there is memory"), 0));
    let args = (site(run, id), buffer, class == Class::BufferLost);
    let call = run.lp.off.call_fn(brighten, args).process();
    call.then(move |books: &mut Books, outcome| {
        let mut came = None;
        books.close(slip, outcome, |buffer: SharedBuf| {
            let next = byte.wrapping_add(1);
            let is_right = buffer.len() == BUFFER && buffer.iter().all(|byte| *byte == next);
            came = Some((buffer, next));
            is_right
        });
        if books.buffers.len() < 4 {
            books.buffers.extend(came);
        }
    });
}

/// What can't be told, or not without trouble.
fn untold(run: &Run, books: &mut Books, class: Class) {
    let (_, slip) = books.open(class);
    let off = &run.lp.off;
    let take = |how, slip| {
        let call = off.call_fn(take_stubborn, Stubborn(how)).process();
        call.then(move |books: &mut Books, outcome| books.close(slip, outcome, |_| true));
    };
    let give = |how, slip| {
        let call = off.call_fn(give_stubborn, how).process();
        call.then(move |books: &mut Books, outcome| books.close(slip, outcome, |_| true));
    };
    match class {
        Class::EncodeError => take(How::Encoding, slip),
        Class::DecodeError => take(How::Decoding, slip),
        Class::ResultEncodeError => give(How::Encoding, slip),
        Class::ResultDecodeError => give(How::Decoding, slip),
        Class::EncodePanic => give(How::EncodingByPanic, slip),
        Class::DecodePanic => take(How::DecodingByPanic, slip),
        _ => {
            let call = off.call_fn(give_bomb, std::process::id()).process();
            call.then(move |books: &mut Books, outcome| {
                books.close(slip, outcome, |bomb: Bomb| bomb.0 == std::process::id());
            });
        }
    }
}

fn policy(run: &mut Run, books: &mut Books, class: Class, dice: &mut Dice) {
    let time_us = dice.below(1500);
    match class {
        Class::Latest => {
            let key = dice.below(3) as usize;
            // An older one may never return.
            let deed = if dice.below(4) == 0 { Deed::Spin } else { Deed::SleepUs(time_us) };
            let (_, id) = act!(run, books, class, deed, |call| call.latest(key));
            run.newest[key] = Some(id);
            if matches!(deed, Deed::Spin) {
                let deed = Deed::SleepUs(time_us);
                let (_, id) = act!(run, books, class, deed, |call| call.latest(key));
                run.newest[key] = Some(id);
            }
        }
        Class::Scoped => {
            if run.scope.is_none() {
                run.scope = Some(run.lp.off.scope());
            }
            let scope = run.scope.as_ref().expect("it was just made");
            act!(run, books, class, Deed::SleepUs(time_us), |call| call.within(scope));
            if dice.below(5) == 0 {
                run.scope = None;
            }
        }
        Class::Serial => {
            act!(run, books, class, Deed::SleepUs(time_us / 4), |call| call.serial("chaos"));
        }
        Class::InOrder => {
            act!(run, books, class, Deed::SleepUs(time_us), |call| call.in_order("chaos"));
        }
        _ => {
            let (id, slip) = books.open(class);
            let to = 1 + dice.below(40) as u32;
            let call = run.lp.off.call_fn_with(count_up, (site(run, id), to)).process();
            let call = call.on_each_progress(move |books: &mut Books, n: u32| {
                let before = books.progress.insert(id, n).unwrap_or(0);
                if n != before + 1 {
                    books.wrong.push(format!("call {id} told {n} after {before}"));
                }
            });
            call.then(move |books, outcome| {
                let told = books.progress.remove(&id);
                books.close(slip, outcome, |value| value == id && told == Some(to));
            });
        }
    }
}

/// Some callers of one run: all have what it came to.
fn shared(run: &Run, books: &mut Books, class: Class, dice: &mut Dice) {
    let deed = if class == Class::Shared { Deed::SleepUs(500) } else { Deed::Abort };
    let key = dice.below(u64::MAX);
    let mut first = None;
    for _ in 0..2 + dice.below(3) {
        let (id, slip) = books.open(class);
        let first = *first.get_or_insert(id);
        let call = run.lp.off.call_fn(act, (site(run, id), deed)).process();
        call.share(key).then(move |books: &mut Books, outcome| {
            // The first run may be over before the last one comes.
            books.close(slip, outcome, |value| (first..=id).contains(&value));
        });
    }
}
