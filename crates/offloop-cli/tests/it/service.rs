//! The line service of a running tour, asked by a real client.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

/// A client of the line service.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: &str) -> Client {
        Client(BufReader::new(TcpStream::connect(address).unwrap()))
    }

    /// Sends one line and gives the line that comes back.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    pub(crate) fn stat(&mut self) -> serde_json::Value {
        let answer = self.ask("STAT");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }
}

#[test]
fn a_client_is_served_while_the_work_goes_on() {
    use crate::tour::{Running, command, sparse};
    let folder = tempfile::tempdir().unwrap();
    sparse(&folder.path().join("zeros"), 1 << 40);
    let args = ["--cold", "--rounds", "1", "--model", "threads"];
    let running = Running::start(command(folder.path()).args(args));
    let mut client = Client::connect(&running.address);
    assert_eq!(client.ask("PING"), "PONG");
    let mut stat = client.stat();
    // The work starts when the measuring client is there.
    while stat["in_flight"] == 0 {
        stat = client.stat();
    }
    assert_eq!(stat["model"], "threads");
    assert_eq!((&stat["round"], &stat["rounds"]), (&1.into(), &1.into()));
    assert_eq!((&stat["files_total"], &stat["files_done"]), (&1.into(), &0.into()));
    assert_eq!(stat["in_flight"], 1);
    assert!(stat["connections"].as_u64().unwrap() >= 2, "{stat}");
    assert!(stat["uptime_ms"].is_u64() && stat["beats"].is_u64(), "{stat}");
    assert!(client.ask("BREW").starts_with("ERR "));
    running.signal(rustix::process::Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130));
    assert!(ended.page().contains("interrupted"), "{}", ended.page());
    assert!(ended.page().contains("threads*"), "{}", ended.page());
}
