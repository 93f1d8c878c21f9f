//! What runs another platform's programs on Linux.
//!
//! Invariant: what an emulator lacks is made up for here, or its tests are left out by
//! count and reason; the library and its tests know of no emulator.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// How far a target can be taken on a Linux machine.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// No package brings both its linker and an emulator.
    Check,
    /// Tests run under wine.
    Wine,
    /// Tests run under this user-mode emulator, linked by this compiler.
    Qemu { emulator: &'static str, linker: &'static str },
}

/// Where other targets' programs are built, below the compiler's own folder.
pub(super) const TARGET_DIR: &str = "targets";

const WINE: &str = "wine";
const MINGW: &str = "x86_64-w64-mingw32-gcc";

/// Wine 8 lacks the one function of this library that Rust's std calls for its random
/// keys, `ProcessPrng`; the older `RtlGenRandom` does the same.
const LIBRARY: &str = "\
int __stdcall SystemFunction036(void *buffer, unsigned long length);
__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *buffer, unsigned long long length)
{ return SystemFunction036(buffer, (unsigned long)length); }
";

/// An emulator that is installed, ready for one target.
pub(super) struct Emulator {
    name: &'static str,
    env: Vec<(String, OsString)>,
    /// The tests that it can't run.
    pub(super) skipped: Vec<String>,
}

impl Emulator {
    /// Makes a cargo command link and run the target's programs.
    pub(super) fn set_on(&self, cmd: Cmd) -> Cmd {
        self.env.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value))
    }
}

impl fmt::Display for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "under {}", self.name)?;
        match self.skipped.len() {
            0 => Ok(()),
            count => write!(f, ", {count} left out: they start their program again"),
        }
    }
}

/// The target's emulator, or the reason why there is none.
pub(super) fn find(workspace: &Workspace, target: &str, reach: Reach) -> Result<Emulator> {
    let key = format!("CARGO_TARGET_{}", target.to_uppercase().replace('-', "_"));
    match reach {
        Reach::Check => bail!("nothing on Linux links and runs it"),
        Reach::Wine => wine(workspace, target, &key),
        Reach::Qemu { emulator, linker } => qemu(workspace, &key, emulator, linker),
    }
}

fn wine(workspace: &Workspace, target: &str, key: &str) -> Result<Emulator> {
    if !installed(WINE) || !installed(MINGW) {
        bail!("not installed: apt-get install wine wine64 gcc-mingw-w64-x86-64");
    }
    let built = workspace.target.join("build-std").join(TARGET_DIR);
    supply_library(&built.join(target).join("debug/deps"))?;
    Ok(Emulator {
        name: WINE,
        env: vec![
            (format!("{key}_RUNNER"), WINE.into()),
            ("WINEPREFIX".to_owned(), workspace.scratch("wine")?.into()),
            ("WINEDEBUG".to_owned(), "-all".into()),
        ],
        skipped: Vec::new(),
    })
}

/// Puts the missing library into `dir`, where programs are about to be started.
fn supply_library(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let source = dir.join("bcryptprimitives.c");
    fs::write(&source, LIBRARY).with_context(|| format!("could not write {}", source.display()))?;
    let library = dir.join("bcryptprimitives.dll");
    let compiler = Cmd::new(MINGW).args(["-shared", "-o"]).arg(library);
    compiler.arg(&source).arg("-ladvapi32").run()
}

/// The emulator runs one program; the kernel refuses any other that it starts, unless
/// such programs are registered with it.
fn qemu(
    workspace: &Workspace,
    key: &str,
    emulator: &'static str,
    linker: &'static str,
) -> Result<Emulator> {
    if !installed(emulator) || !installed(linker) {
        bail!("not installed: apt-get install qemu-user gcc-aarch64-linux-gnu");
    }
    let registered = Path::new("/proc/sys/fs/binfmt_misc").join(emulator).exists();
    let skipped = if registered { Vec::new() } else { restarting_tests(workspace)? };
    let libraries = linker.strip_suffix("-gcc").unwrap_or(linker);
    Ok(Emulator {
        name: emulator,
        env: vec![
            (format!("{key}_RUNNER"), emulator.into()),
            (format!("{key}_LINKER"), linker.into()),
            ("QEMU_LD_PREFIX".to_owned(), format!("/usr/{libraries}").into()),
        ],
        skipped,
    })
}

fn installed(program: &str) -> bool {
    Path::new("/usr/bin").join(program).exists()
}

/// The tests which call `alone("their name", …)` to run in a process of their own.
fn restarting_tests(workspace: &Workspace) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace.root.join("crates/offloop/tests"))? {
        let path: PathBuf = entry?.path();
        if path.extension().is_some_and(|ext| ext == "rs") {
            names.extend(restarting_tests_in(&fs::read_to_string(path)?));
        }
    }
    Ok(names)
}

fn restarting_tests_in(text: &str) -> impl Iterator<Item = String> {
    let after = text.split("alone(\"").skip(1);
    after.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
}
