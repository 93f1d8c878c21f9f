//! This program as the child of itself: offloop's worker, procspawn's, ipc-channel's, and what the
//! floors need.
//!
//! Invariant: it is asked before the command line is parsed, and a child never comes back from it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio, exit};

use anyhow::{Context, Result};
use rustix::io::{read, write};
use rustix::process::Pid;
use rustix::stdio::{stdin, stdout};

use super::functions::{self, functions};
use super::sides::ipc_channel;

/// The first argument of a child; the second says what it does.
const CHILD: &str = "--as-child";

/// What a child does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// Gives back on its standard output what comes on its input.
    Echo,
    /// The same with one socket that is its input.
    EchoSocket,
    /// Says that it is there, and kills itself when it is told something.
    Crash,
    /// Works for ipc-channel's side, whose channel has the name that follows.
    IpcChannel,
}

impl Task {
    const ALL: [Task; 4] = [Task::Echo, Task::EchoSocket, Task::Crash, Task::IpcChannel];

    fn name(self) -> &'static str {
        match self {
            Task::Echo => "echo",
            Task::EchoSocket => "echo-socket",
            Task::Crash => "crash",
            Task::IpcChannel => "ipc-channel",
        }
    }

    /// This program again, with this to do.
    pub(super) fn command(self) -> Result<Command> {
        let program = std::env::current_exe().context("could not find this program")?;
        let mut command = Command::new(program);
        command.args([CHILD, self.name()]);
        Ok(command)
    }

    /// Started with a pipe to it and one from it.
    pub(super) fn start(self) -> Result<Piped> {
        let mut command = self.command()?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().context("the child has no input")?.into();
        let from = child.stdout.take().context("the child has no output")?.into();
        Ok(Piped { to, from, child })
    }
}

/// A child with a pipe to it and one from it.
pub(super) struct Piped {
    pub(super) to: OwnedFd,
    pub(super) from: OwnedFd,
    pub(super) child: Child,
}

pub(super) fn pid(child: &Child) -> Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process without a number")
}

/// Serves and ends, if this process was started to.
pub(crate) fn become_child() {
    offloop::worker::run_if_worker(&functions());
    let args: Vec<String> = std::env::args().skip(1).take(3).collect();
    if args.first().is_some_and(|first| first == CHILD) {
        let name = args.get(1).map_or("", String::as_str);
        let task = Task::ALL.into_iter().find(|task| task.name() == name);
        exit(i32::from(task.map(|task| serve(task, args.get(2))) != Some(true)));
    }
    procspawn::init();
}

/// Whether it could.
fn serve(task: Task, name: Option<&String>) -> bool {
    match task {
        Task::Echo => echo(stdin(), stdout()).is_ok(),
        Task::EchoSocket => echo(stdin(), stdin()).is_ok(),
        Task::Crash => {
            let told = write(stdout(), &[1]).and_then(|_| read(stdin(), &mut [0_u8]));
            told.is_ok_and(|len| {
                if len > 0 {
                    functions::crash(());
                }
                len == 0
            })
        }
        Task::IpcChannel => name.is_some_and(|name| ipc_channel::work(name).is_ok()),
    }
}

/// Each message by itself, until no more can come.
fn echo(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let mut message = [0; super::sides::MESSAGE];
    loop {
        let len = read(&from, &mut message)?;
        if len == 0 {
            return Ok(());
        }
        write(&to, &message[..len])?;
    }
}
