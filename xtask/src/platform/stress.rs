//! The stress test at its full size.
//!
//! Invariant: it is the very test that CI runs with fewer calls.

use anyhow::Result;

use crate::workspace::Workspace;

const CALLS_KEY: &str = "OFFLOOP_STRESS_CALLS";
const CALLS: &str = "1000000";

pub(crate) fn command(workspace: &Workspace, args: &[String]) -> Result<()> {
    let calls = std::env::var(CALLS_KEY).unwrap_or_else(|_| CALLS.to_owned());
    workspace
        .cargo()
        .env(CALLS_KEY, calls)
        .args(["test", "--package", "offloop", "--release"])
        .args(["--test", "stress", "--", "--nocapture"])
        .args(args)
        .run()
}
