//! The parent's side of the measuring client: start it, stop it, take its result.
//!
//! Dropping it ends the process, so that no way out of the parent leaves one behind.

use super::Measured;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running client.
pub(crate) struct ClientProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// The client's end of its connection.
    pub(crate) address: SocketAddr,
}

impl ClientProcess {
    /// Starts a client and waits until it is connected. The kernel completes the
    /// connection, so that the loop need not run yet.
    pub(crate) fn start(service: SocketAddr) -> Result<ClientProcess> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let mut command = Command::new(program);
        command.arg(crate::cli::CLIENT_COMMAND).arg(service.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is the parent's to handle: the client still owes its result.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        #[cfg(windows)]
        {
            const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
            std::os::windows::process::CommandExt::creation_flags(
                &mut command,
                CREATE_NEW_PROCESS_GROUP,
            );
        }
        let mut child = command.spawn().context("cannot start the measuring client")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the measuring client was started without pipes");
        };
        let mut client = ClientProcess {
            child,
            stdin: Some(stdin),
            stdout: BufReader::new(stdout),
            address: service,
        };
        let mut line = String::new();
        client.stdout.read_line(&mut line)?;
        client.address =
            line.trim().parse().context("the measuring client ended before it was connected")?;
        Ok(client)
    }

    /// Lets it send its first request.
    pub(crate) fn go(&mut self) -> Result<()> {
        let Some(stdin) = &mut self.stdin else {
            bail!("the measuring client was stopped before");
        };
        stdin.write_all(b"go\n").context("the measuring client ended early")
    }

    /// Lets it send no more. It disconnects when its last request is answered.
    pub(crate) fn stop(&mut self) {
        self.stdin = None;
    }

    /// Ends it without a result.
    pub(crate) fn kill(&mut self) {
        // Fails only when it has ended and was waited for.
        let _ = self.child.kill();
    }

    /// Takes the result of a client that has disconnected or was killed.
    pub(crate) fn result(mut self) -> Result<Measured> {
        let mut json = String::new();
        self.stdout.read_to_string(&mut json)?;
        serde_json::from_str(&json).context("the measuring client ended without a result")
    }
}

impl Drop for ClientProcess {
    fn drop(&mut self) {
        self.stdin = None;
        self.kill();
        // Fails only when it was waited for.
        let _ = self.child.wait();
    }
}
