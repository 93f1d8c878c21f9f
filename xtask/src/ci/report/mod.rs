//! The page that `offloop tour --report` writes, as a real browser shows it.
//!
//! The browser opens the file itself, untouched, and a probe that holds it and measures:
//! are the curves there, can they be seen in light and in dark, was anything said on the
//! console, was anything asked of the network.
//!
//! Invariant: what is checked by listening is checked to be heard. The probe writes to
//! the console and asks the network on purpose, and the stage fails where that is missed.

mod browser;
mod heard;
mod seen;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::Note;
use super::pixels::{Picture, luminance};
use crate::workspace::Workspace;
use browser::{Browser, Scheme, Visit};
use seen::Found;

const WIDE: u32 = 1000;
/// Each is short, and every model needs heartbeats and requests enough for a curve.
const ROUNDS: &str = "20";
/// A telephone held upright.
const NARROW: u32 = 390;
const CONTROL: &str = "http://offloop.invalid/control";
const MARKER: &str = "the probe has ended";

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let dir = workspace.scratch("report")?;
    let Some(browser) = Browser::find(&dir) else {
        let missing = "there is no Chromium to look at the page: apt-get install chromium";
        if std::env::var_os("CI").is_some() {
            bail!("{missing}");
        }
        return Ok(format!("NOT RUN: {missing}"));
    };
    let page = dir.join("tour.html");
    write_page(workspace, &page)?;
    let mut curves = 0;
    for scheme in [Scheme::Light, Scheme::Dark] {
        curves = look(&browser, &dir, &page, scheme)
            .with_context(|| format!("in the {} scheme", scheme.name()))?;
    }
    Ok(format!("{curves} curves in light and in dark, {}", browser.version()?))
}

/// A tour of this project's own crates, which are always there.
fn write_page(workspace: &Workspace, page: &Path) -> Result<()> {
    // A page of an earlier run must not be taken for this one's.
    let _ = fs::remove_file(page);
    let cargo = workspace.cargo().args(["run", "--quiet", "--package", "offloop-cli", "--"]);
    cargo.args(["tour", "crates", "--rounds", ROUNDS, "--report"]).arg(page).stdout()?;
    ensure!(page.is_file(), "the tour wrote no page");
    Ok(())
}

/// Gives the number of curves.
fn look(browser: &Browser, dir: &Path, page: &Path, scheme: Scheme) -> Result<usize> {
    let found = probe(browser, dir, page, scheme)?;
    ensure!(found.dark == (scheme == Scheme::Dark), "the page is told of another scheme");
    found.check()?;

    let picture = dir.join(format!("{}.png", scheme.name()));
    let visit = shoot(browser, page, scheme, &picture, found.height)?;
    ensure!(visit.console.is_empty(), "the console says: {}", visit.console.join("\n"));
    ensure!(visit.requests.is_empty(), "the page asked for {}", visit.requests.join(", "));
    check_picture(&found, &Picture::read(&picture)?, scheme)
        .with_context(|| format!("see {}", picture.display()))?;
    Ok(found.charts.iter().map(|chart| chart.curves.len()).sum())
}

fn probe(browser: &Browser, dir: &Path, page: &Path, scheme: Scheme) -> Result<Found> {
    let probe = dir.join("probe.html");
    fs::write(&probe, probe_text(page))?;
    let visit = browser.open(&probe, scheme, &["--dump-dom".to_owned()])?;
    let (marked, said): (Vec<_>, Vec<_>) =
        visit.console.iter().partition(|line| line.contains(MARKER));
    let said: Vec<_> = said.iter().filter(|line| !line.contains(CONTROL)).collect();
    ensure!(said.is_empty(), "the console says: {said:?}");
    ensure!(!marked.is_empty(), "the probe's own line on the console was not heard");
    let (control, asked): (Vec<_>, Vec<_>) = visit.requests.iter().partition(|url| *url == CONTROL);
    ensure!(asked.is_empty(), "the page asked for {asked:?}");
    ensure!(!control.is_empty(), "the probe's own request was not noticed");
    Found::parse(&visit.stdout)
}

fn probe_text(page: &Path) -> String {
    let name = page.file_name().unwrap_or_default().to_string_lossy();
    include_str!("probe.html")
        .replace("PAGE", &name)
        .replace("WIDE", &WIDE.to_string())
        .replace("NARROW", &NARROW.to_string())
        .replace("CONTROL", CONTROL)
        .replace("MARKER", MARKER)
}

fn shoot(
    browser: &Browser,
    page: &Path,
    scheme: Scheme,
    picture: &PathBuf,
    height: u32,
) -> Result<Visit> {
    let _ = fs::remove_file(picture);
    let size = format!("--window-size={WIDE},{height}");
    let file = format!("--screenshot={}", picture.display());
    browser.open(page, scheme, &[size, file])
}

/// The picture, which no probe had a hand in.
fn check_picture(found: &Found, picture: &Picture, scheme: Scheme) -> Result<()> {
    let paper = picture.at(0, 0).context("the picture is empty")?;
    let dark = luminance(paper) < 0.18;
    ensure!(dark == (scheme == Scheme::Dark), "its background is {paper:?}");
    found.charts.iter().try_for_each(|chart| chart.check_drawn(picture))
}
