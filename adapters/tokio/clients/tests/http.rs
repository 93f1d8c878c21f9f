//! A request of a real HTTP client, reqwest, to a server of the test's own. Invariant: all of it is bound
//! to 127.0.0.1, and the server serves as many requests as the test makes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use offloop::{Failure, Offloop, Outcome};
use offloop_tokio::TokioExecutor;

/// Answers with the path that it was asked for; `/never` not at all, until its asker is gone.
fn serve(requests: usize) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    let serving = thread::spawn(move || {
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
            let first = lines.next().expect("a request").expect("in words");
            let path = first.split(' ').nth(1).expect("of a path").to_owned();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            if path == "/never" {
                // It reads on until the asker closes.
                assert!(lines.next().is_none_or(|line| line.is_err()), "nothing else is said");
                continue;
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", path.len());
            write!(stream, "{head}connection: close\r\n\r\n{path}").expect("the asker listens");
        }
    });
    (at, serving)
}

type Seen = Vec<Outcome<reqwest::Result<String>>>;

async fn get(client: reqwest::Client, url: String) -> reqwest::Result<String> {
    client.get(url).send().await?.error_for_status()?.text().await
}

#[test]
fn requests_run_behind_a_loop_and_one_without_an_answer_is_dropped() {
    let (server, serving) = serve(11);
    let (wake, woken) = mpsc::channel();
    let executor = TokioExecutor::new().expect("a runtime");
    let off = Offloop::<Seen>::builder().waker(move || wake.send(())).async_on(executor);
    let off = off.build().expect("an offloop");
    let mut seen = Seen::new();
    let run = |seen: &mut Seen, count| {
        while seen.len() < count {
            woken.recv_timeout(Duration::from_secs(60)).expect("the loop is woken");
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

    // Dropped at its deadline, it closes its connection, for which the server waits.
    let call = off.call_async(get(client, format!("http://{server}/never")));
    call.deadline(Duration::from_millis(200)).then(|seen, outcome| seen.push(outcome));
    run(&mut seen, 1);
    assert!(matches!(seen[..], [Err(Failure::TimedOut)]), "{seen:?}");
    serving.join().expect("the server saw the connection close");
}
