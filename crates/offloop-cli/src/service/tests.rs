//! The event system with real clients, and an application that does nothing; the parts
//! of it that need no clock.

use super::{Application, EventSystem, Next};
use serde::Serialize;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

#[derive(Serialize)]
struct Nothing {
    files_done: u64,
}

struct Idle;

impl Application for Idle {
    fn deliver(&mut self) -> Next {
        Next::OnEvent
    }

    fn status(&self) -> impl Serialize {
        Nothing { files_done: 7 }
    }
}

/// Serves while `client` runs on a thread of its own, and gives its result.
fn with_client<T: Send + 'static>(client: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
    let mut system = EventSystem::new().unwrap();
    let address = system.address().unwrap();
    let client = thread::spawn(move || client(address));
    let within = Some(Duration::from_secs(60));
    let ended = system.run(&mut Idle, within, |_, _| client.is_finished());
    assert!(ended.unwrap(), "the client did not end");
    client.join().unwrap()
}

fn answers(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_client_gets_one_answer_per_line() {
    let answer = with_client(|address| answers(address, b"PING\r\nping\nBREW tea\n"));
    let unknown = "ERR unknown request \"BREW tea\": say PING or STAT";
    assert_eq!(answer, format!("PONG\nPONG\n{unknown}\n"));
}

#[test]
fn stat_is_one_line_of_json_with_the_state_of_the_application() {
    let answer = with_client(|address| answers(address, b"STAT\n"));
    assert_eq!(answer.lines().count(), 1);
    let stat: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(stat["files_done"], 7);
    assert_eq!(stat["connections"], 1);
    assert_eq!(stat["requests"], 1);
}

#[test]
fn a_line_without_end_does_not_end_the_connection() {
    let answer = with_client(|address| {
        let mut request = vec![b'x'; 100_000];
        request.extend_from_slice(b"\nPING\n");
        answers(address, &request)
    });
    assert_eq!(answer, "ERR line longer than 256 bytes\nPONG\n");
}

#[test]
fn a_client_that_floods_and_does_not_read_holds_up_nobody() {
    with_client(|address| {
        let mut flood = TcpStream::connect(address).unwrap();
        flood.set_nonblocking(true).unwrap();
        let (requests, mut sent) = (b"PING\n".repeat(10_000), 0usize);
        // Sends until neither side takes any more.
        for _ in 0..200 {
            match flood.write(&requests[sent % 5..]) {
                Ok(wrote) => sent += wrote,
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
        assert_eq!(answers(address, b"PING\n"), "PONG\n");
        // What the service took, it answers as soon as it is read.
        flood.set_nonblocking(false).unwrap();
        flood.shutdown(Shutdown::Write).unwrap();
        let lines = BufReader::new(flood).lines().map(Result::unwrap);
        let answered = lines.inspect(|line| assert_eq!(line, "PONG")).count();
        assert_eq!(answered, sent / 5);
    });
}

#[test]
fn clients_beyond_the_limit_are_told_so() {
    with_client(|address| {
        let kept: Vec<TcpStream> =
            (0..super::CONNECTIONS_MAX).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut answer = String::new();
        let mut refused = TcpStream::connect(address).unwrap();
        refused.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "ERR too many connections\n");
        drop(kept);
    });
}

#[test]
fn the_figures_hold_every_beat_since_their_start() {
    let mut system = EventSystem::new().unwrap();
    system.start_figures().unwrap();
    thread::sleep(Duration::from_millis(20));
    let figures = system.figures();
    // Nothing ran the loop: all beats were late, and all but the last by a period.
    assert!(figures.beats.lateness.len() >= 20);
    assert!(figures.beats.missed >= 19);
    assert!(figures.elapsed >= Duration::from_millis(20));
}

mod heartbeat {
    use super::super::heartbeat::{Heartbeat, PERIOD};
    use std::time::{Duration, Instant};

    #[test]
    fn a_stall_counts_once_for_each_beat_it_delayed() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start);
        heartbeat.catch_up(start + PERIOD * 100);
        let beats = heartbeat.beats();
        assert_eq!(beats.lateness.len(), 100);
        // The last beat was on time, the one before exactly one period late.
        assert_eq!(beats.missed, 99);
        let half = Duration::from_nanos(beats.lateness.value_at_quantile(0.5));
        assert!(half > PERIOD * 48 && half < PERIOD * 51, "{half:?}");
    }

    #[test]
    fn a_beat_that_is_not_due_does_not_run() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start);
        heartbeat.catch_up(start + PERIOD / 2);
        assert_eq!(heartbeat.beats().lateness.len(), 0);
        assert_eq!(heartbeat.until_next(start + PERIOD / 2), PERIOD / 2);
    }

    #[test]
    fn the_schedule_does_not_drift() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(start);
        for beat in 1..=10u32 {
            heartbeat.catch_up(start + PERIOD * beat + PERIOD / 4);
        }
        assert_eq!(heartbeat.beats().lateness.len(), 10);
        assert_eq!(heartbeat.beats().missed, 0);
    }
}

mod line {
    use super::super::line::{LINE_BYTES_MAX, Lines, Request};

    fn cut(pieces: &[&[u8]]) -> Vec<Request> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.push(piece, |request| all.push(request));
        }
        all
    }

    #[test]
    fn a_request_may_come_in_pieces_and_several_in_one() {
        let all = cut(&[b"PI", b"NG\r\nstat\nPING\n", b"PIN"]);
        assert_eq!(all, [Request::Ping, Request::Stat, Request::Ping]);
    }

    #[test]
    fn an_unknown_request_is_quoted_on_one_line() {
        let all = cut(&[b"G\xffT /\x1b\n", b"\n"]);
        let unknown = |text: &str| Request::Unknown(text.to_owned());
        assert_eq!(all, [unknown("G\\xffT /\\x1b"), unknown("")]);
    }

    #[test]
    fn a_line_without_end_is_reported_once_and_forgotten() {
        let long = [b'x'; 4 * LINE_BYTES_MAX];
        let all = cut(&[&long, &long, b"tail\nPING\n"]);
        assert_eq!(all, [Request::TooLong, Request::Ping]);
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let mut line = vec![b'x'; LINE_BYTES_MAX];
        line.push(b'\n');
        assert!(matches!(cut(&[&line])[..], [Request::Unknown(_)]));
        line.insert(0, b'x');
        assert_eq!(cut(&[&line]), [Request::TooLong]);
    }
}
