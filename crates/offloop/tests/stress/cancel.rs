//! Cancels from another thread: one thread for the whole test takes orders and keeps to their
//! times to the microsecond. Invariant: an order is done or void when its count is taken back.

use std::cmp;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use offloop::{CancelGuard, Ticket};

use crate::ledger::{Round, lock, now_ns};

enum Means {
    Ticket(Ticket),
    Guard(CancelGuard),
    /// The ticket that the submitter left in the call's record, if it has by then.
    Stored,
}

pub(crate) struct Order {
    round: Arc<Round>,
    id: usize,
    at: Instant,
    means: Means,
}

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Order {}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    /// The earliest is the greatest, as the heap wants it.
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        other.at.cmp(&self.at)
    }
}

/// Cancels here and now.
pub(crate) fn now(round: &Round, id: usize, ticket: &Ticket) {
    stamp(round, id);
    ticket.cancel();
}

pub(crate) fn now_by_guard(round: &Round, id: usize, guard: CancelGuard) {
    stamp(round, id);
    drop(guard);
}

/// Before the cancel itself, so that no outcome comes before its reason.
pub(crate) fn stamp(round: &Round, id: usize) {
    round.record(id).cancel_ns.store(now_ns(), SeqCst);
}

pub(crate) fn order(round: &Arc<Round>, id: usize, at: Instant, ticket: Ticket) {
    send(round, id, at, Means::Ticket(ticket));
}

pub(crate) fn order_guard(round: &Arc<Round>, id: usize, at: Instant, guard: CancelGuard) {
    send(round, id, at, Means::Guard(guard));
}

pub(crate) fn order_stored(round: &Arc<Round>, id: usize, at: Instant) {
    send(round, id, at, Means::Stored);
}

fn send(round: &Arc<Round>, id: usize, at: Instant, means: Means) {
    round.orders_open.fetch_add(1, SeqCst);
    let order = Order { round: round.clone(), id, at, means };
    round.orders.send(order).expect("the canceller outlives the rounds");
}

impl Order {
    fn carry_out(self) {
        let Self { round, id, means, .. } = self;
        match means {
            Means::Ticket(ticket) => now(&round, id, &ticket),
            Means::Guard(guard) => now_by_guard(&round, id, guard),
            Means::Stored => {
                let ticket = lock(&round.record(id).ticket).take();
                if let Some(ticket) = ticket {
                    now(&round, id, &ticket);
                }
            }
        }
        round.orders_open.fetch_sub(1, SeqCst);
    }
}

/// Runs until every sender is gone.
pub(crate) fn start(orders: mpsc::Receiver<Order>) -> JoinHandle<()> {
    let run = move || while cancel_due(&orders, &mut BinaryHeap::new()) {};
    thread::Builder::new().name("stress-cancel".into()).spawn(run).expect("a thread")
}

/// Works until nothing is left to do. `false` when nothing will come any more.
fn cancel_due(orders: &mpsc::Receiver<Order>, due: &mut BinaryHeap<Order>) -> bool {
    match orders.recv() {
        Ok(order) => due.push(order),
        Err(_) => return false,
    }
    // After the last order it looks a little longer: a thread that has to be woken is too late
    // for most contests.
    let mut idle_until = Instant::now() + Duration::from_micros(300);
    loop {
        match orders.try_recv() {
            Ok(order) => due.push(order),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
        let now = Instant::now();
        match due.peek() {
            Some(order) if order.at <= now => {
                if let Some(order) = due.pop() {
                    order.carry_out();
                }
                idle_until = now + Duration::from_micros(300);
            }
            Some(order) if order.at > now + Duration::from_millis(1) => {
                match orders.recv_timeout(order.at - now - Duration::from_micros(500)) {
                    Ok(order) => due.push(order),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
                }
            }
            Some(_) => thread::yield_now(),
            None if now >= idle_until => return true,
            None => thread::yield_now(),
        }
    }
}
