//! A headless Chromium: found, started, and kept from the network.
//!
//! Invariant: it resolves no name, so nothing that it or a page asks for leaves this
//! machine; what was asked for stands in its log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::heard;
use crate::cmd::Cmd;

const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Far more than a page needs: it only ends a browser that hangs.
const LIMIT: Duration = Duration::from_secs(90);

const FLAGS: &[&str] = &[
    "--headless=new",
    // The page is this project's own, and root, as which CI runs, has no sandbox.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--force-color-profile=srgb",
    "--enable-logging=stderr",
    "--log-level=0",
    // Lets the probe look into the page it holds, which is a file too.
    "--allow-file-access-from-files",
];

/// What a reader's system prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The numbers are those of Blink's own setting; `--force-dark-mode` changes the
    /// browser's frame and not what a page is told.
    fn flag(self) -> String {
        let number = u8::from(self == Self::Light);
        format!("--blink-settings=preferredColorScheme={number}")
    }
}

/// One installed browser, with a folder for what it writes.
pub(super) struct Browser {
    program: PathBuf,
    dir: PathBuf,
}

/// What a browser left behind.
pub(super) struct Visit {
    pub(super) stdout: String,
    pub(super) console: Vec<String>,
    /// What the page asked for beside files.
    pub(super) requests: Vec<String>,
}

impl Browser {
    pub(super) fn find(dir: &Path) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let mut programs = NAMES.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
        let program = programs.find(|program| program.is_file())?;
        Some(Self { program, dir: dir.to_owned() })
    }

    pub(super) fn version(&self) -> Result<String> {
        let version = Cmd::new(&self.program).arg("--version").stdout()?;
        Ok(version.split(" built on ").next().unwrap_or_default().trim().to_owned())
    }

    /// Opens a file as a reader with this preference would. `task` says what is made of it.
    pub(super) fn open(&self, page: &Path, scheme: Scheme, task: &[String]) -> Result<Visit> {
        let at = |name: &str| self.dir.join(name);
        let profile = at("profile");
        // An earlier profile's caches would hide requests.
        let _ = fs::remove_dir_all(&profile);
        let (out, log, net) = (at("stdout.txt"), at("stderr.txt"), at("net.json"));
        Cmd::new(&self.program)
            .args(FLAGS)
            .arg(scheme.flag())
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--log-net-log={}", net.display()))
            .args(task)
            .arg(format!("file://{}", page.display()))
            .outputs_to(&File::create(&out)?, &File::create(&log)?)?
            .run_within(LIMIT)
            .with_context(|| format!("what it said is in {}", log.display()))?;
        let _ = fs::remove_dir_all(&profile);
        let net = fs::read_to_string(&net).context("the browser kept no log of its requests")?;
        Ok(Visit {
            stdout: fs::read_to_string(&out)?,
            console: heard::console(&String::from_utf8_lossy(&fs::read(&log)?)),
            requests: heard::requests(&net)?,
        })
    }
}
