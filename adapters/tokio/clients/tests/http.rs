//! A request of a real HTTP client, reqwest, to a server of the test's own. Invariant: all of it is bound
//! to 127.0.0.1, and no wait of the server's is without end.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Failure, Offloop, Outcome};
use offloop_tokio::TokioExecutor;

/// Beyond this a wait counts as a hang.
const HANG: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq)]
enum Told {
    Asked,
    Gone,
}

/// Answers with the path that it was asked for; `/never` not at all, and tells when it is asked for
/// that, and when the asker is gone.
fn serve() -> (SocketAddr, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a socket can be asked");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        while let Some(stream) = accept(&listener) {
            answer(stream, &tell);
        }
    });
    (at, told)
}

/// The next asker, if one comes.
fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let until = Instant::now() + HANG;
    while Instant::now() < until {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).expect("a socket can be waited for");
            stream.set_read_timeout(Some(HANG)).expect("a time can be set");
            return Some(stream);
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

fn answer(mut stream: TcpStream, tell: &Sender<Told>) {
    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
    // One whose deadline has passed is gone, and may have said nothing.
    let Some(Ok(first)) = lines.next() else { return };
    let path = first.split(' ').nth(1).expect("of a path").to_owned();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    if path != "/never" {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", path.len());
        return write!(stream, "{head}connection: close\r\n\r\n{path}").expect("the asker listens");
    }
    // The test has ended where nobody hears it.
    let _unheard = tell.send(Told::Asked);
    let gone = match lines.next() {
        None => true,
        Some(Ok(_)) => false,
        Some(Err(error)) => error.kind() == ErrorKind::ConnectionReset,
    };
    if gone {
        let _unheard = tell.send(Told::Gone);
    }
}

type Seen = Vec<Outcome<reqwest::Result<String>>>;

async fn get(client: reqwest::Client, url: String) -> reqwest::Result<String> {
    client.get(url).send().await?.error_for_status()?.text().await
}

#[test]
fn requests_run_behind_a_loop_and_one_without_an_answer_is_dropped() {
    let (server, told) = serve();
    let (wake, woken) = mpsc::channel();
    let executor = TokioExecutor::new().expect("a runtime");
    let off = Offloop::<Seen>::builder().waker(move || wake.send(())).async_on(executor);
    let off = off.build().expect("an offloop");
    let mut seen = Seen::new();
    let run = |seen: &mut Seen, count| {
        while seen.len() < count {
            woken.recv_timeout(HANG).expect("the loop is woken");
            off.deliver(seen);
        }
    };
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for n in 0..10 {
        let call = off.call_async(get(client.clone(), format!("http://{server}/{n}")));
        call.then(|seen, outcome| seen.push(outcome));
    }
    run(&mut seen, 10);
    let mut bodies: Vec<_> = seen.drain(..).map(|one| one.unwrap().unwrap()).collect();
    bodies.sort_unstable();
    assert!(bodies.into_iter().eq((0..10).map(|n| format!("/{n}"))));

    // Dropped at its deadline, it closes its connection, for which the server waits. With a longer one
    // each time, until one did not pass on the way to the server.
    let asked = (0..10).any(|attempt| {
        let time = Duration::from_millis(20 << attempt);
        let call = off.call_async(get(client.clone(), format!("http://{server}/never")));
        call.deadline(time).then(|seen, outcome| seen.push(outcome));
        run(&mut seen, 1);
        assert!(matches!(seen[..], [Err(Failure::TimedOut)]), "{seen:?}");
        seen.clear();
        told.recv_timeout(time) == Ok(Told::Asked)
    });
    assert!(asked, "no request got to the server within ten seconds");
    assert_eq!(told.recv_timeout(HANG), Ok(Told::Gone));
}
