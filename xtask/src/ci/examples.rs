//! Runs every program in `examples/` to its end, those that show one program on every loop to their cancel,
//! and each loop's two programs of `convert/`.
//!
//! Invariant: a file in `examples/` that cargo does not build is a failure, so none can
//! drop out of CI unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{Note, convert};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// Far more than any example needs: it only catches one that hangs.
const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let sources = sources(workspace)?;
    if sources.is_empty() {
        bail!("examples/ holds no program");
    }
    let built = build(workspace)?;
    let logs = workspace.scratch("examples")?;
    let mut lines = BTreeSet::new();
    for source in &sources {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        let program = built.get(source).with_context(|| {
            format!("examples/{name}.rs is not built: name it as an [[example]] or [[bin]]")
        })?;
        run_one(workspace, &name, program, &logs)?;
        if name.starts_with("hash_") {
            lines.insert(hash(workspace, &name, program)?);
        }
    }
    ensure!(lines.len() <= 1, "one program says different things on different loops: {lines:?}");
    let conversions = conversions(workspace, &built, &logs)?;
    Ok(format!("{} programs, and {conversions} before and after", sources.len()))
}

fn conversions(
    workspace: &Workspace,
    built: &BTreeMap<PathBuf, PathBuf>,
    logs: &Path,
) -> Result<usize> {
    let dir = workspace.root.join("examples/convert");
    let mut count = 0;
    for entry in fs::read_dir(&dir).with_context(|| format!("no folder {}", dir.display()))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let program = |which: &str| {
            let source = folder.join(format!("{which}.rs"));
            let program = built.get(&source).with_context(|| {
                format!(
                    "examples/convert/{name}/{which}.rs is not built: name it as an [[example]]"
                )
            })?;
            anyhow::Ok(Cmd::new(program))
        };
        convert::same(logs, &name, [program("before")?, program("after")?])?;
        count += 1;
    }
    Ok(count)
}

/// The programs: every `.rs` file there but the one that is the package's library.
fn sources(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let dir = workspace.root.join("examples");
    let libraries: Vec<&PathBuf> = workspace
        .packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.kind == "lib")
        .map(|target| &target.source)
        .collect();
    let mut sources = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("no folder {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "rs") && !libraries.contains(&&path) {
            sources.push(path);
        }
    }
    sources.sort();
    Ok(sources)
}

/// Source file to program, as cargo itself reports them.
fn build(workspace: &Workspace) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let cargo = workspace.cargo().args(["build", "--workspace", "--bins"]);
    let messages =
        cargo.args(["--examples", "--message-format=json-render-diagnostics"]).stdout()?;
    let mut built = BTreeMap::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line)?;
        let source = message["target"]["src_path"].as_str();
        if let (Some(source), Some(program)) = (source, message["executable"].as_str()) {
            built.insert(source.into(), program.into());
        }
    }
    Ok(built)
}

/// Tells it to cancel, then lets it go to its end; gives what it says there.
fn hash(workspace: &Workspace, name: &str, program: &Path) -> Result<String> {
    let run = |args: &[&str]| Cmd::new(program).dir(&workspace.root).args(args);
    let said = run(&["crates", "1000"]).stdout_for("c\n")?;
    let cancelled = said.starts_with("the call was cancelled");
    ensure!(cancelled, "examples/{name}.rs, told to cancel, says {said:?}");
    let said = run(&["crates"]).stdout()?;
    ensure!(said.contains(" bytes, "), "examples/{name}.rs says {said:?}");
    Ok(said)
}

fn run_one(workspace: &Workspace, name: &str, program: &Path, logs: &Path) -> Result<()> {
    let log = logs.join(format!("{name}.log"));
    let file = File::create(&log)?;
    let started = Instant::now();
    let outcome = Cmd::new(program).dir(&workspace.root).log_to(&file)?.run_within(LIMIT);
    if let Err(error) = outcome {
        let output = fs::read(&log).unwrap_or_default();
        eprintln!("{}", String::from_utf8_lossy(&output));
        return Err(error.context(format!("examples/{name}.rs")));
    }
    eprintln!("  {name:<28} {:>6.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
