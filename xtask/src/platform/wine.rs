//! Runs Windows programs under wine.
//!
//! Invariant: what wine lacks is supplied beside the program, never in the library.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cmd::Cmd;

/// Wine 8 lacks the one function of this library that Rust's std calls for its random
/// keys, `ProcessPrng`; the older `RtlGenRandom` does the same.
const STUB: &str = "\
int __stdcall SystemFunction036(void *buffer, unsigned long length);
__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *buffer, unsigned long long length)
{ return SystemFunction036(buffer, (unsigned long)length); }
";

const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// The program that runs Windows programs, if it is installed.
pub(super) fn find() -> Option<PathBuf> {
    ["/usr/bin/wine64", "/usr/bin/wine", "/usr/lib/wine/wine64"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
}

/// Puts the missing library into `dir`, where programs are about to be started.
pub(super) fn supply_library(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let source = dir.join("bcryptprimitives.c");
    fs::write(&source, STUB).with_context(|| format!("could not write {}", source.display()))?;
    Cmd::new(COMPILER)
        .args(["-shared", "-o"])
        .arg(dir.join("bcryptprimitives.dll"))
        .arg(&source)
        .arg("-ladvapi32")
        .run()
}
