//! Where the results go: the digests file, the page for a browser, and the table or
//! document on standard output.
//!
//! A result that cannot be written is said on one line, and the others are still written.

use super::html;
use super::ledger::Settled;
use super::report::Report;
use super::target::Target;
use crate::cli::TourArgs;
use crate::say;
use crate::work::sums;
use crate::work::walk::Own;
use anyhow::{Result, bail};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use terminal_size::{Width, terminal_size_of};

/// The width of the page in a file or a pipe.
const COLUMNS_ELSEWHERE: usize = 80;

/// Where the options say that results go.
pub(crate) struct Outputs {
    json: bool,
    digests: Option<Target>,
    html: Option<Target>,
}

impl Outputs {
    /// Refuses what cannot be meant.
    pub(crate) fn new(args: &TourArgs) -> Result<Outputs> {
        let digests = args.digests.as_deref().map(|path| Target::new("--digests", path));
        let html = args.report.as_deref().map(|path| Target::new("--report", path));
        if args.json && digests.as_ref().is_some_and(Target::is_dash) {
            bail!("--json and --digests - both need standard output: give --digests a file");
        }
        if html.as_ref().is_some_and(Target::is_dash) {
            bail!("--report - is no file, and the page is one: give --report the name of a file");
        }
        if let (Some(digests), Some(html)) = (&digests, &html)
            && digests.is_same_as(html)
        {
            bail!(
                "{}: --digests and --report need a file each: give one of them another name",
                html.name()
            );
        }
        Ok(Outputs { json: args.json, digests, html })
    }

    /// Finds out before the work whether all can be written after it.
    pub(crate) fn try_write(&self) -> Result<()> {
        self.files().try_for_each(|(target, _)| target.try_write())
    }

    /// What is there already of the files that will be written: no work for the tour.
    pub(crate) fn own(&self) -> Vec<Own> {
        let real = |(target, holds): (&Target, _)| {
            Some(Own { real: target.real_path()?.to_owned(), holds })
        };
        self.files().filter_map(real).collect()
    }

    fn files(&self) -> impl Iterator<Item = (&Target, &'static str)> {
        let digests = self.digests.iter().filter(|target| !target.is_dash());
        digests.map(|target| (target, "digests")).chain(self.html.iter().map(|t| (t, "report")))
    }

    fn digests_to_stdout(&self) -> bool {
        self.digests.as_ref().is_some_and(Target::is_dash)
    }

    /// Writes everything. Says whether all of it was written.
    pub(crate) fn write(&self, report: &Report, settled: &Settled, files: &[PathBuf]) -> bool {
        let digests = self.digests.as_ref().is_none_or(|target| {
            let lines = |out: &mut dyn Write| write_digests(out, settled, files);
            let result = match target.is_dash() {
                true => lines(&mut BufWriter::new(io::stdout().lock())),
                false => target.write(lines),
            };
            told(&target.name(), result)
        });
        let html = self.html.as_ref().is_none_or(|target| {
            let written = target.write(|out| out.write_all(html::page(report)?.as_bytes()));
            let written = told(&target.name(), written);
            if written {
                say(&format!("{}: the page with the curves, for a browser", target.name()));
            }
            written
        });
        let shown = told("the report", self.show(report));
        digests && html && shown
    }

    /// The table or the document.
    fn show(&self, report: &Report) -> io::Result<()> {
        let to_stderr = self.digests_to_stdout();
        let text = match self.json {
            true => report.json()?,
            false => report.page(columns(to_stderr)),
        };
        if to_stderr {
            return io::stderr().write_all(text.as_bytes());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

fn write_digests(mut out: &mut dyn Write, settled: &Settled, files: &[PathBuf]) -> io::Result<()> {
    for (path, digest) in super::hashed(settled, files) {
        sums::write_line(&mut out, digest, path)?;
    }
    out.flush()
}

/// The width of the terminal that the page goes to.
fn columns(to_stderr: bool) -> usize {
    let size = match to_stderr {
        true => terminal_size_of(io::stderr()),
        false => terminal_size_of(io::stdout()),
    };
    size.map_or(COLUMNS_ELSEWHERE, |(Width(columns), _)| usize::from(columns))
}

fn told(what: &str, result: io::Result<()>) -> bool {
    match &result {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            say(&format!("{what}: standard output was closed before it was all written"));
        }
        Err(error) => say(&format!("{what}: cannot be written: {error}")),
    }
    result.is_ok()
}
