//! The toolchains that are installed, by rustup or by Debian.
//!
//! Invariant: this only looks. Nothing is installed, set up or downloaded.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cmd::Cmd;
use crate::workspace::Workspace;

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// The rustup toolchains whose folder exists, by name.
fn rustup_toolchains() -> Vec<(String, PathBuf)> {
    let home = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".rustup")));
    let Some(dir) = home.map(|home| home.join("toolchains")) else {
        return Vec::new();
    };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut toolchains: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    toolchains.sort();
    toolchains
}

/// The installed toolchain of a version: `1.88` finds `1.88.0-x86_64-…` too.
pub(crate) fn installed(version: &str) -> Option<String> {
    let exact = format!("{version}-");
    let patch = format!("{version}.");
    rustup_toolchains()
        .into_iter()
        .map(|(name, _)| name)
        .find(|name| name.starts_with(&exact) || name.starts_with(&patch))
}

/// An installed nightly.
pub(crate) fn nightly() -> Option<String> {
    rustup_toolchains().into_iter().map(|(name, _)| name).find(|name| name.starts_with("nightly"))
}

/// A toolchain with all that Miri needs; without `rust-src` it would download it.
pub(crate) fn with_miri() -> Option<String> {
    let complete = |dir: &Path| {
        dir.join("bin/cargo-miri").exists() && dir.join("lib/rustlib/src/rust/library").exists()
    };
    rustup_toolchains().into_iter().find(|(_, dir)| complete(dir)).map(|(name, _)| name)
}

/// The runtime library of a sanitizer, from whichever toolchain ships it.
pub(crate) fn sanitizer_runtime(target: &str, sanitizer: &str) -> Option<PathBuf> {
    let ending = format!("_rt.{sanitizer}.a");
    let mut found: Vec<PathBuf> = rustup_toolchains()
        .into_iter()
        .map(|(_, dir)| dir.join("lib/rustlib").join(target).join("lib"))
        .filter_map(|dir| fs::read_dir(dir).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(&ending))
        .collect();
    // A stable runtime is nearest to Debian's release compiler.
    found.sort_by_key(|path| !path.to_string_lossy().contains("stable"));
    found.into_iter().next()
}

/// Debian's compiler, which brings the sources of std and so can build any target's.
pub(crate) struct Debian {
    target_dir: PathBuf,
}

impl Debian {
    pub(crate) fn find(workspace: &Workspace) -> Result<Self> {
        let sources = Cmd::new(DEBIAN_RUSTC)
            .args(["--print", "sysroot"])
            .stdout()
            .map(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library"));
        let complete = Path::new(DEBIAN_CARGO).exists() && sources.is_ok_and(|dir| dir.exists());
        if !complete {
            bail!(
                "needs a compiler with std's sources: apt-get install rustc-web cargo-web rust-web-src"
            );
        }
        Ok(Self { target_dir: workspace.target.join("build-std") })
    }

    /// That cargo, building std too, with `name`'s own folder for what it builds.
    pub(crate) fn cargo(&self, workspace: &Workspace, name: &str) -> Cmd {
        Cmd::new(DEBIAN_CARGO)
            .dir(&workspace.root)
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("PATH", OsString::from("/usr/bin:/bin"))
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", self.target_dir.join(name))
    }
}
