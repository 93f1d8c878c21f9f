//! The client that measures the service: a process of its own, so that neither the loop
//! nor its workers share a thread, a lock or an allocator with it.
//!
//! It sends on a fixed schedule whatever the answers do, and measures each request from
//! the time at which it *should* have been sent: a stall that keeps 50 requests waiting
//! is 50 samples, not one (no coordinated omission).
//!
//! With its parent it talks in lines: it prints its address when it is connected, starts
//! when it reads a line, stops when its standard input ends, and prints one JSON object.

pub(crate) mod process;

use crate::service::heartbeat::new_histogram;
use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two requests.
pub(crate) const INTERVAL: Duration = Duration::from_millis(2);

/// What the client measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) sent: u64,
    /// Nanoseconds and how many requests took them.
    pub(crate) latency: Vec<(u64, u64)>,
}

impl Measured {
    /// The latencies as a histogram, in nanoseconds.
    pub(crate) fn histogram(&self) -> Histogram<u64> {
        let mut histogram = new_histogram();
        for &(latency_ns, count) in &self.latency {
            histogram.saturating_record_n(latency_ns, count);
        }
        histogram
    }
}

/// The whole life of the client process.
pub(crate) fn run(service: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(service)
        .with_context(|| format!("the measuring client cannot connect to {service}"))?;
    stream.set_nodelay(true)?;
    print_line(&stream.local_addr()?.to_string())?;
    let mut go = String::new();
    if std::io::stdin().read_line(&mut go)? == 0 {
        return Ok(());
    }
    let measured = measure(&stream)?;
    // The parent serves until the connection ends, and reads the result after that.
    drop(stream);
    print_line(&serde_json::to_string(&measured)?)
}

/// Sends until the parent says stop, and reads until every request is answered.
fn measure(stream: &TcpStream) -> Result<Measured> {
    let stop = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&stop);
    // Ends with the process: a read of standard input cannot be called off.
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        watched.store(true, Ordering::Release);
    });
    let start = Instant::now();
    let mut write_half = stream.try_clone()?;
    let sender = thread::spawn(move || send(&mut write_half, start, &stop));
    let latency = receive(stream, start);
    let sent = sender.join().unwrap_or(0);
    let latency = latency.iter_recorded();
    Ok(Measured {
        sent,
        latency: latency.map(|at| (at.value_iterated_to(), at.count_at_value())).collect(),
    })
}

/// When request `number`, counted from one, is due.
fn due(start: Instant, number: u64) -> Instant {
    start + INTERVAL * u32::try_from(number).unwrap_or(u32::MAX)
}

/// Returns how many requests were sent. Closing its half of the connection makes the
/// service answer what it has and close the other.
fn send(stream: &mut TcpStream, start: Instant, stop: &AtomicBool) -> u64 {
    let mut sent = 0;
    loop {
        thread::sleep(due(start, sent + 1).saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Acquire) || stream.write_all(b"PING\n").is_err() {
            // Fails only when the connection is gone already.
            let _ = stream.shutdown(Shutdown::Write);
            return sent;
        }
        sent += 1;
    }
}

/// Answers come in the order of the requests: the n-th belongs to the n-th.
fn receive(stream: &TcpStream, start: Instant) -> Histogram<u64> {
    let mut latency = new_histogram();
    for (number, line) in (1..).zip(BufReader::new(stream).lines()) {
        if line.is_ok_and(|line| line == "PONG") {
            let late = Instant::now().saturating_duration_since(due(start, number));
            let late_ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            latency.saturating_record(late_ns.max(1));
        } else {
            break;
        }
    }
    latency
}

fn print_line(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").context("the measuring client lost its parent")?;
    out.flush().context("the measuring client lost its parent")
}
