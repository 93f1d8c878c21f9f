//! What other people's programs and libraries a stage needs, with Debian's names of their packages.
//!
//! Invariant: what is missing is told by the command that installs it, and on CI it is an error.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::Note;

/// How one finds out whether it is there.
pub(super) enum Thing {
    /// On `PATH`.
    Tool(&'static str),
    /// What a program loads, as `ldconfig` names it.
    Library(&'static str),
    /// What a program is built with, as `pkg-config` names it.
    Headers(&'static str),
}

use Thing::{Headers, Library, Tool};

pub(super) struct Package(pub(super) Thing, pub(super) &'static str);

impl Package {
    fn is_missing(&self) -> bool {
        match self.0 {
            Tool(name) => !has(name),
            Library(name) => !loadable().contains(name),
            Headers(name) => !Command::new("pkg-config")
                .args(["--exists", name])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
        }
    }
}

/// What a [`Display`](super::display::Display) takes.
pub(super) const DISPLAY: [Package; 3] = [
    Package(Tool("Xvfb"), "xvfb"),
    Package(Tool("xdotool"), "xdotool"),
    Package(Tool("import"), "imagemagick"),
];

/// The packages that are not here.
pub(super) fn missing<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Vec<&'static str> {
    let packages = packages.into_iter().filter(|package| package.is_missing());
    packages.map(|package| package.1).collect()
}

/// Why a stage can't go on, as its note.
pub(super) fn absent<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Result<Option<Note>> {
    let missing = missing(packages);
    if missing.is_empty() {
        return Ok(None);
    }
    let missing = format!("it needs what is missing: apt-get install {}", missing.join(" "));
    if std::env::var_os("CI").is_some() {
        bail!("{missing}");
    }
    Ok(Some(format!("NOT ALL RUN: {missing}")))
}

pub(super) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Which `ldconfig` knows of; it is not on everybody's `PATH`.
fn loadable() -> String {
    let known = ["ldconfig", "/sbin/ldconfig"].iter().find_map(|ldconfig| {
        let listed = Command::new(Path::new(ldconfig)).arg("-p").output().ok()?;
        Some(String::from_utf8_lossy(&listed.stdout).into_owned())
    });
    known.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Headers, Library, Package, Tool, has, missing};

    #[test]
    fn what_is_missing_is_named_by_its_package() {
        assert!(has("sh") && !has("no-such-program"));
        let packages = [
            Package(Tool("sh"), "dash"),
            Package(Tool("no-such-program"), "a"),
            Package(Library("libno-such-library.so.1"), "b"),
            Package(Headers("no-such-headers"), "c"),
        ];
        assert_eq!(missing(&packages), ["a", "b", "c"]);
    }
}
