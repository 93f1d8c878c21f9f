//! Ten thousand async calls wait at once, for a TCP server of the test's own, on two threads; what each
//! of them costs while it waits is printed.
//!
//! Invariant: the server answers nobody before all have asked, so that all wait at once. It is a
//! process of its own: descriptors and memory of its side are not counted here.
//!
//! `cargo test --release -p offloop-tokio --test ten_thousand` repeats the figures.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use offloop::{Offloop, Outcome};
use offloop_tokio::TokioExecutor;
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Handle};
use tokio::sync::watch;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CALLS: u32 = 10_000;
/// Of everything that is not one of the calls' sockets.
const OTHER_DESCRIPTORS: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(120);
const SERVER: &str = "be the server for";

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, what, count] = &args[..]
        && what == SERVER
    {
        return serve(count.parse().expect("a number"));
    }
    let calls = affordable();
    println!("{calls} async calls wait at once on two threads:");
    through_offloop(calls);
    println!("the same futures by tokio's own spawn:");
    by_tokio_alone(calls);
}

/// As many calls as there are descriptors for, and why.
fn affordable() -> u32 {
    let limit = raise_limit().unwrap_or(u64::from(CALLS) + OTHER_DESCRIPTORS);
    let room = u32::try_from(limit.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(u32::MAX);
    if room < CALLS {
        println!("scaled down to {room} calls: this system gives {limit} descriptors");
    }
    CALLS.min(room)
}

/// The limit on descriptors, after it was raised as far as it goes.
#[cfg(target_os = "linux")]
fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _as_it_was = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current
}

#[cfg(not(target_os = "linux"))]
fn raise_limit() -> Option<u64> {
    Some(200)
}

/// What a call is: it asks, and waits for the answer.
async fn ask(server: SocketAddr, number: u32) -> std::io::Result<u32> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_u32(number).await?;
    stream.read_u32().await
}

struct App {
    off: Offloop<App>,
    answers: Vec<u32>,
}

impl App {
    fn on_answer(&mut self, outcome: Outcome<std::io::Result<u32>>) {
        self.answers.push(outcome.expect("no call fails").expect("no connection fails"));
    }
}

fn through_offloop(calls: u32) {
    let mut server = Server::start(calls);
    let (wake, woken) = mpsc::channel();
    let executor = TokioExecutor::with_threads(2).expect("a runtime");
    let off = Offloop::<App>::builder().waker(move || wake.send(())).async_on(executor);
    let off = off.build().expect("an offloop");
    let mut app = App { off, answers: Vec::new() };
    let before = Memory::now();
    for number in 0..calls {
        app.off.call_async(ask(server.at, number)).then(App::on_answer);
    }
    server.wait("all asked");
    let stats = app.off.stats().async_calls;
    assert_eq!((stats.running, stats.threads), (calls as usize, 2));
    before.print_growth(calls);
    before.print_resident(calls);
    server.answer();
    while app.answers.len() < calls as usize {
        woken.recv_timeout(PATIENCE).expect("the loop is woken");
        app.off.clone().deliver(&mut app);
    }
    app.answers.sort_unstable();
    assert!(app.answers.iter().copied().eq(0..calls), "each has its own answer");
    let report = app.off.shutdown(PATIENCE);
    assert!(report.abandoned.is_empty());
}

/// What of that is tokio's.
fn by_tokio_alone(calls: u32) {
    let mut server = Server::start(calls);
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let before = Memory::now();
    let tasks: Vec<_> = (0..calls).map(|n| runtime.spawn(ask(server.at, n))).collect();
    server.wait("all asked");
    before.print_growth(calls);
    server.answer();
    for (number, task) in (0..).zip(tasks) {
        let answer = runtime.block_on(task).expect("it ends");
        assert_eq!(answer.expect("no connection fails"), number);
    }
}

struct Memory {
    allocated: usize,
    resident: Option<usize>,
}

impl Memory {
    fn now() -> Self {
        Self { allocated: MEMORY.current_usage(), resident: resident() }
    }

    fn print_growth(&self, calls: u32) {
        let allocated = MEMORY.current_usage().saturating_sub(self.allocated);
        println!("  {} bytes allocated a call", allocated / calls as usize);
    }

    /// Only of what comes first: later the system's pages are there already.
    fn print_resident(&self, calls: u32) {
        if let Some((before, now)) = self.resident.zip(resident()) {
            let a_call = now.saturating_sub(before) / calls as usize;
            println!("  {a_call} bytes resident a call, {} MiB in all", now >> 20);
        }
    }
}

/// Bytes of this process that are in memory; Linux tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<usize>().ok().map(|kib| kib << 10)
}

/// The server's process, as the test sees it.
struct Server {
    at: SocketAddr,
    child: Child,
    orders: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(calls: u32) -> Self {
        let program = std::env::current_exe().expect("a program");
        let mut command = Command::new(program);
        command.args([SERVER, &calls.to_string()]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let orders = child.stdin.take().expect("it is piped");
        let mut says = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let at = says.next().expect("it says where it is").expect("in words");
        Self { at: at.parse().expect("an address"), child, orders, says }
    }

    fn wait(&mut self, what: &str) {
        let said = self.says.next().expect("the server lives").expect("and says words");
        assert_eq!(said, what);
    }

    fn answer(&mut self) {
        writeln!(self.orders, "answer").expect("the server listens");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The server: takes so many questions, and sends each back when it is told to. Ends when nobody is
/// there to tell it, or after the patience.
fn serve(count: u32) {
    raise_limit();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (open, opened) = watch::channel(false);
    std::thread::spawn(move || {
        let told = std::io::stdin().lock().lines().next();
        match told {
            Some(Ok(_)) => open.send_replace(true),
            _ => std::process::exit(0),
        };
        std::thread::sleep(PATIENCE);
        std::process::exit(1);
    });
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        let (asked, mut asking) = tokio::sync::mpsc::unbounded_channel();
        let answering = tokio::spawn(accept(listener, count, asked, opened));
        for _ in 0..count {
            asking.recv().await.expect("all ask");
        }
        println!("all asked");
        answering.await.expect("it does not panic");
    });
}

async fn accept(
    listener: TcpListener,
    count: u32,
    asked: tokio::sync::mpsc::UnboundedSender<()>,
    opened: watch::Receiver<bool>,
) {
    let mut answering = Vec::new();
    for _ in 0..count {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let (asked, mut opened) = (asked.clone(), opened.clone());
        answering.push(Handle::current().spawn(async move {
            let number = stream.read_u32().await?;
            let _heard = asked.send(());
            drop(opened.wait_for(|open| *open).await);
            stream.write_u32(number).await
        }));
    }
    for one in answering {
        one.await.expect("it does not panic").expect("no connection fails");
    }
}
