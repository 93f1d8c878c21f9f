//! Ten thousand async calls wait at once, for a TCP server of the test's own, on two threads; what each
//! of them costs while it waits is printed.
//!
//! Invariant: the server answers nobody before all have asked, so that all wait at once. It is a
//! process of its own: descriptors and memory of its side are not counted here. No more connections
//! are on their way than its backlog takes, for a system may drop or reset what is beyond that; and
//! neither side waits without end for the other.
//!
//! `cargo test --release -p offloop-tokio --test ten_thousand` repeats the figures.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use offloop::{Offloop, Outcome};
use offloop_tokio::TokioExecutor;
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CALLS: u32 = 10_000;
/// Of everything that is not one of the calls' sockets.
const OTHER_DESCRIPTORS: u64 = 64;
/// Connections that the server has not welcomed yet, at most: a backlog that every system gives.
const CONNECTING: usize = 100;
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

/// Where to ask, and how many may be on their way there.
struct Address {
    at: SocketAddr,
    connecting: Semaphore,
}

/// What a call is: it asks, and waits for the answer.
async fn ask(server: Arc<Address>, number: u32) -> std::io::Result<u32> {
    let turn = server.connecting.acquire().await.expect("it is never closed");
    let stream = TcpStream::connect(server.at).await;
    let mut stream = stream.inspect_err(|error| eprintln!("call {number}: {error}"))?;
    // The server's welcome: the connection has left the backlog.
    stream.read_u8().await?;
    drop(turn);
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
    let address = server.address();
    let (wake, woken) = mpsc::channel();
    let executor = TokioExecutor::with_threads(2).expect("a runtime");
    let off = Offloop::<App>::builder().waker(move || wake.send(())).async_on(executor);
    let off = off.build().expect("an offloop");
    let mut app = App { off, answers: Vec::new() };
    let before = Memory::now();
    for number in 0..calls {
        app.off.call_async(ask(Arc::clone(&address), number)).then(App::on_answer);
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
    let address = server.address();
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let before = Memory::now();
    let tasks: Vec<_> = (0..calls).map(|n| runtime.spawn(ask(Arc::clone(&address), n))).collect();
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
    says: mpsc::Receiver<std::io::Result<String>>,
}

impl Server {
    fn start(calls: u32) -> Self {
        let program = std::env::current_exe().expect("a program");
        let mut command = Command::new(program);
        command.args([SERVER, &calls.to_string()]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let orders = child.stdin.take().expect("it is piped");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let (line, says) = mpsc::channel();
        std::thread::spawn(move || lines.map(|said| line.send(said)).all(|sent| sent.is_ok()));
        let at = hear(&says).parse().expect("it says where it is");
        Self { at, child, orders, says }
    }

    fn address(&self) -> Arc<Address> {
        Arc::new(Address { at: self.at, connecting: Semaphore::new(CONNECTING) })
    }

    fn wait(&self, what: &str) {
        assert_eq!(hear(&self.says), what);
    }

    fn answer(&mut self) {
        writeln!(self.orders, "answer").expect("the server listens");
    }
}

fn hear(says: &mpsc::Receiver<std::io::Result<String>>) -> String {
    let said = says.recv_timeout(PATIENCE).expect("the server lives, and says a line in time");
    said.expect("in words")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The server: takes so many questions, and sends each back when it is told to. Ends when nobody is
/// there to tell it, or when a connection fails.
fn serve(count: u32) {
    raise_limit();
    let (open, opened) = oneshot::channel();
    std::thread::spawn(move || match std::io::stdin().lock().lines().next() {
        // Nobody hears it where a connection has failed.
        Some(Ok(_)) => open.send(()),
        _ => std::process::exit(0),
    });
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if let Err(error) = runtime.block_on(answer_all(count, opened)) {
        println!("a connection failed: {error}");
    }
}

async fn answer_all(count: u32, opened: oneshot::Receiver<()>) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let mut asking = JoinSet::new();
    for _ in 0..count {
        let (mut stream, _) = listener.accept().await?;
        asking.spawn(async move {
            stream.write_u8(0).await?;
            std::io::Result::Ok((stream.read_u32().await?, stream))
        });
    }
    let asked = together(asking).await?;
    println!("all asked");
    let _told = opened.await;
    let mut answering = JoinSet::new();
    for (number, mut stream) in asked {
        answering.spawn(async move { stream.write_u32(number).await });
    }
    together(answering).await?;
    Ok(())
}

/// What all of them bring, or the first failure.
async fn together<T: 'static>(mut tasks: JoinSet<std::io::Result<T>>) -> std::io::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(one) = tasks.join_next().await {
        all.push(one.expect("it does not panic")?);
    }
    Ok(all)
}
