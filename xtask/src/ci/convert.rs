//! A loop's two programs, the one that stands still and the one that does not: both are run.
//!
//! Invariant: what they print is the same, and is the answer that they wait for.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cmd::Cmd;

/// Far more than a look-up takes: it only ends what hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the program before the conversion and the one after it; what they say beside their output
/// goes to files in `dir`.
pub(super) fn same(dir: &Path, name: &str, programs: [Cmd; 2]) -> Result<()> {
    let [before, after] = programs;
    let before = said(dir, &format!("{name}_before"), before)?;
    let after = said(dir, &format!("{name}_after"), after)?;
    agree(name, &before, &after)
}

/// Whether both have printed the answer, and the same.
pub(super) fn agree(name: &str, before: &str, after: &str) -> Result<()> {
    let answer = before.strip_prefix("localhost: ").map(str::trim_end).unwrap_or_default();
    let addresses: Result<Vec<IpAddr>, _> = answer.split(", ").map(str::parse).collect();
    // The machine's own, by either protocol.
    let is_answer = addresses.is_ok_and(|addresses| addresses.iter().all(IpAddr::is_loopback));
    ensure!(is_answer, "{name}_before says {before:?}");
    ensure!(before == after, "{name} said {before:?} before, and says {after:?} after");
    Ok(())
}

fn said(dir: &Path, name: &str, program: Cmd) -> Result<String> {
    let (out, log) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.log")));
    let program = program.outputs_to(&File::create(&out)?, &File::create(&log)?)?;
    program.run_within(LIMIT).with_context(|| {
        let log = fs::read_to_string(&log).unwrap_or_default();
        format!("{name}, which said {}", log.trim_end())
    })?;
    Ok(fs::read_to_string(&out)?)
}
