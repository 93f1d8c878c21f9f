//! The fuzz targets: built with the flags that cargo-fuzz passes, by plain cargo, and run.
//!
//! Invariant: the targets are the files in `fuzz/fuzz_targets`; what a fuzzer writes goes to the target
//! directory, so that the seeds in the tree stay as they are.

mod seeds;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::toolchain;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// Coverage for libFuzzer, as cargo-fuzz has it compiled.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-stack-depth \
     -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1 --cfg fuzzing";

/// As the tests have it: see `sanitize`.
const ADDRESS: &str =
    "-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer --cfg offloop_no_recycling";

const SECONDS: u32 = 60;

/// Far longer than any input takes; one that takes longer hangs.
const TIMEOUT_S: u32 = 20;

/// All that a script of so many steps can say.
const INPUT_MAX: u32 = 4096;

/// What a build of the targets is checked by, beside the fuzzer's own checks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    Own,
    Address,
}

/// The targets, built.
pub(crate) struct Fuzzers {
    root: PathBuf,
    programs: PathBuf,
    pub(crate) names: Vec<String>,
}

pub(crate) fn command(workspace: &Workspace, args: &[String]) -> Result<()> {
    if args == ["--seeds"] {
        println!("fuzz: {} seeds", seeds::write_to(&workspace.root.join("fuzz/corpus"))?);
        return Ok(());
    }
    let (seconds, wanted) = parse(args)?;
    let nightly = toolchain::nightly();
    let checks = if nightly.is_some() { Checks::Address } else { Checks::Own };
    let fuzzers = Fuzzers::build(workspace, checks)?;
    if let Some(unknown) = wanted.iter().find(|name| !fuzzers.names.contains(name)) {
        bail!("there is no target `{unknown}`; there are: {}", fuzzers.names.join(", "));
    }
    for name in &fuzzers.names {
        if wanted.is_empty() || wanted.contains(name) {
            let corpus = workspace.scratch(&format!("fuzz/{name}"))?;
            let figures = fuzzers.run(name, &corpus, seconds)?;
            println!("fuzz: {name:<9} {figures}");
        }
    }
    match nightly {
        Some(nightly) => println!("fuzz: with AddressSanitizer, by {nightly}"),
        None => println!("fuzz: NOT with AddressSanitizer: no nightly is installed under rustup"),
    }
    Ok(())
}

/// How long, and which targets.
fn parse(args: &[String]) -> Result<(u32, Vec<String>)> {
    let (mut seconds, mut names) = (SECONDS, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let number = args.next().context("--seconds needs a number")?;
            seconds = number.parse().with_context(|| format!("no number of seconds: {number}"))?;
        } else if arg.starts_with('-') {
            bail!("there is no option `{arg}`; usage: cargo xtask fuzz [--seconds N] [TARGET...]");
        } else {
            names.push(arg.clone());
        }
    }
    Ok((seconds, names))
}

impl Fuzzers {
    pub(crate) fn build(workspace: &Workspace, checks: Checks) -> Result<Self> {
        let root = workspace.root.join("fuzz");
        let names = targets(&root)?;
        // A target of its own keeps build scripts and procedural macros as they are.
        let host = host(&root)?;
        let (cargo, dir, flags) = match checks {
            Checks::Own => (Cmd::cargo(&root), "fuzz", COVERAGE.to_owned()),
            Checks::Address => {
                let nightly = toolchain::nightly().context("needs a nightly toolchain")?;
                let rustup = Cmd::new("rustup").dir(&root).env_remove("CARGO");
                let rustup = rustup.args(["run", &nightly, "cargo"]);
                (rustup, "fuzz-asan", format!("{COVERAGE} {ADDRESS}"))
            }
        };
        let dir = workspace.target.join(dir);
        cargo
            .env("CARGO_TARGET_DIR", &dir)
            .env("RUSTFLAGS", flags)
            .args(["build", "--quiet", "--release", "--bins", "--locked", "--target", &host])
            .run()?;
        Ok(Self { root, programs: dir.join(&host).join("release"), names })
    }

    /// Runs a target over its seeds and over new inputs, which are added to `corpus`; gives what the
    /// fuzzer says of it at its end.
    pub(crate) fn run(&self, name: &str, corpus: &Path, seconds: u32) -> Result<String> {
        let found = self.root.join("artifacts").join(name);
        fs::create_dir_all(&found).with_context(|| format!("no folder {}", found.display()))?;
        let log_path = corpus.with_extension("log");
        let log = fs::File::create(&log_path)?;
        let ran = Cmd::new(self.programs.join(name))
            .dir(&self.root)
            // The libraries' own globals are many, and are no leak.
            .env("ASAN_OPTIONS", "detect_odr_violation=0")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={TIMEOUT_S}"))
            .arg(format!("-max_len={INPUT_MAX}"))
            .arg(format!("-artifact_prefix={}/", found.display()))
            // Of a thread that is about to end it can't tell what is still to be freed.
            .args(["-detect_leaks=0", "-print_final_stats=1"])
            .arg(corpus)
            .arg(self.root.join("corpus").join(name))
            .log_to(&log)?
            .run();
        let text = String::from_utf8_lossy(&fs::read(&log_path)?).into_owned();
        if let Err(error) = ran {
            eprintln!("{text}");
            return Err(error.context(format!(
                "the fuzz target `{name}` found something; its input is in {}",
                found.display()
            )));
        }
        figures(&text).with_context(|| format!("the fuzzer of `{name}` says no figures:\n{text}"))
    }
}

/// The targets' names.
fn targets(root: &Path) -> Result<Vec<String>> {
    let dir = root.join("fuzz_targets");
    let entries = fs::read_dir(&dir).with_context(|| format!("no folder {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    if names.is_empty() {
        bail!("{} holds no target", dir.display());
    }
    names.sort();
    Ok(names)
}

/// The platform that programs are built for here.
fn host(root: &Path) -> Result<String> {
    let said = Cmd::new("rustc").dir(root).arg("-vV").stdout()?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// From a fuzzer's output: how much it ran, and how much it reached.
pub(crate) fn figures(text: &str) -> Option<String> {
    let runs =
        text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    let reached = text.lines().rev().find_map(|line| {
        let (_, after) = line.split_once(" cov: ")?;
        let mut words = after.split_whitespace();
        let edges = words.next()?;
        let features = words.skip_while(|word| *word != "ft:").nth(1)?;
        Some((edges.to_owned(), features.to_owned()))
    });
    let (edges, features) = reached?;
    Some(format!("{} runs, {edges} edges, {features} features", runs.trim()))
}
