//! The minimum supported Rust version holds: the manifest states it, clippy and, where
//! it is installed, that very toolchain confirm it.
//!
//! Invariant: the number is read from the manifest. That no other place states it is a
//! rule of `tidy`.

use anyhow::{Result, bail};

use super::{Note, stages};
use crate::cmd::Cmd;
use crate::platform::toolchain;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let version = version(workspace)?;
    let lint = "-Dclippy::incompatible_msrv";
    stages::clippy(workspace, &["--workspace", "--all-targets"], &[lint])?;
    let Some(toolchain) = toolchain::installed(&version) else {
        return Ok(format!(
            "{version} by clippy; NOT compiled with it: that toolchain is not installed"
        ));
    };
    Cmd::new("rustup")
        .dir(&workspace.root)
        .env_remove("CARGO")
        .args(["run", &toolchain, "cargo", "check", "--workspace"])
        .run()?;
    Ok(format!("{version} by clippy and by {toolchain}"))
}

/// The one version which all members inherit.
fn version(workspace: &Workspace) -> Result<String> {
    let mut found: Option<&str> = None;
    for package in &workspace.packages {
        let Some(version) = package.rust_version.as_deref() else {
            bail!("{} inherits no rust-version", package.name);
        };
        if found.is_some_and(|other| other != version) {
            bail!("{} has a rust-version of its own: {version}", package.name);
        }
        found = Some(version);
    }
    match found {
        Some(version) => Ok(version.to_owned()),
        None => bail!("the workspace has no member"),
    }
}
