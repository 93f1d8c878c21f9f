//! A TCP line server on a mio loop: `ping` is answered at once, `ask` makes a blocking call to a
//! database. offloop wakes the loop with an event of one token, through `offloop-mio`.
//!
//! Look at `App::on_line`, where the blocking call was, and at the order of the output: one
//! connection has all its answers while the call of the other still blocks.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use offloop::Offloop;
use offloop_mio::MioWaker;

const LISTENER: Token = Token(0);
const OFFLOOP: Token = Token(1);
const FIRST_CONNECTION: usize = 2;

/// Each query blocks until the database sends a row.
type Database = Arc<Mutex<mpsc::Receiver<u32>>>;

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

struct App {
    off: Offloop<App>,
    database: Database,
    connections: HashMap<Token, Connection>,
    accepted: usize,
}

impl App {
    fn on_line(&mut self, from: Token, line: &str) {
        match line {
            "ping" => self.reply(from, "pong"),
            "ask" => {
                let database = self.database.clone();
                self.off.call(move || database.lock().unwrap().recv()).then(move |app, outcome| {
                    let answer = match outcome {
                        Ok(Ok(row)) => format!("the answer is {row}"),
                        Ok(Err(error)) => format!("the database is gone: {error}"),
                        Err(failure) => failure.to_string(),
                    };
                    app.reply(from, &answer);
                });
            }
            _ => self.reply(from, "say ping or ask"),
        }
    }

    fn reply(&mut self, to: Token, line: &str) {
        if let Some(connection) = self.connections.get_mut(&to) {
            // A line fits the socket's buffer; a real server keeps what does not.
            if writeln!(connection.stream, "{line}").is_err() {
                self.connections.remove(&to);
            }
        }
    }

    fn on_readable(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let ended = match connection.stream.read_to_end(&mut connection.input) {
            Ok(_) => true,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        let whole = connection.input.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = connection.input.drain(..whole).collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            self.on_line(token, line);
        }
        if ended {
            self.connections.remove(&token);
        }
    }

    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    let token = Token(FIRST_CONNECTION + self.accepted);
                    self.accepted += 1;
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    self.connections.insert(token, Connection { stream, input: Vec::new() });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;

    let waker = MioWaker::new(poll.registry(), OFFLOOP)?;
    let off = Offloop::<App>::builder().waker(waker).build()?;
    let (rows, database) = mpsc::channel();
    let database = Arc::new(Mutex::new(database));
    let mut app = App { off, database, connections: HashMap::new(), accepted: 0 };

    let address = listener.local_addr()?;
    let clients = thread::spawn(move || two_clients(address, &rows).expect("the server answers"));

    let mut events = Events::with_capacity(64);
    while app.accepted < 2 || !app.connections.is_empty() {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => app.accept(&listener, &poll)?,
                OFFLOOP => {
                    app.off.clone().deliver(&mut app);
                }
                token => app.on_readable(token),
            }
        }
    }
    clients.join().expect("the clients got what they expect");
    Ok(())
}

/// The database has no row before the second client has had its answers: a loop that the first
/// one's call blocked would leave the second to its time limit.
fn two_clients(server: SocketAddr, database: &mpsc::Sender<u32>) -> Result<(), Box<dyn Error>> {
    let connect = || -> io::Result<_> {
        let stream = std::net::TcpStream::connect(server)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok((stream.try_clone()?, BufReader::new(stream).lines()))
    };
    let (mut first, mut first_answers) = connect()?;
    let (mut second, mut second_answers) = connect()?;

    writeln!(first, "ask")?;
    for _ in 0..3 {
        writeln!(second, "ping")?;
        assert_eq!(show("second", second_answers.next())?, "pong");
    }
    database.send(42)?;
    assert_eq!(show("first", first_answers.next())?, "the answer is 42");
    Ok(())
}

fn show(whose: &str, answer: Option<io::Result<String>>) -> Result<String, Box<dyn Error>> {
    let answer = answer.ok_or("the server closed the connection")??;
    println!("{whose} connection: {answer}");
    Ok(answer)
}
