//! The library's tests under sanitizers.
//!
//! Invariant: a tool that is not there is an error which names what to install, never a
//! silent pass.

use anyhow::{Context, Result};

use super::COMPILES;
use super::toolchain::{self, Debian};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const TESTS: &[&str] = &["test", "--package", "offloop", "--lib", "--tests", "--target", TARGET];

/// What a sanitizer can not follow: a limit on memory, which its own meets first; the forked child of
/// a program with threads, where nothing may be freed; tests of the compiler's messages, which build
/// for another target; and the bytes that a million keys leave, which take minutes and are not the
/// program's own then.
const BESIDE: &[&str] = &[
    "--",
    "--skip",
    "fork",
    "--skip",
    "built_in_the_child",
    "--skip",
    "hang_no_child",
    "--skip",
    "a_thread_that_can_not_start",
    "--skip",
    "at_its_memory_limit",
    "--skip",
    "an_allocation_beyond_the_limit",
    "--skip",
    "chaos_costs_nobody",
    "--skip",
    "a_million_distinct_keys",
    "--skip",
    COMPILES,
];

/// A box goes back to the allocator at once, so that a use behind its end is seen.
const ASAN_FLAGS: &str =
    "-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer --cfg offloop_no_recycling";

/// Std is built with the sanitizer too: without that, it reports races in std which are
/// none. Debian ships no runtime library, so a rustup toolchain's is linked instead.
pub(crate) fn tsan(workspace: &Workspace, args: &[String]) -> Result<()> {
    let debian = Debian::find(workspace)?;
    let runtime = toolchain::sanitizer_runtime(TARGET, "tsan")
        .context("needs librustc-*_rt.tsan.a, which rustup's toolchains bring for x86_64 Linux")?;
    let flags = format!(
        "-Zsanitizer=thread -Zexternal-clangrt -Zpre-link-arg=-Wl,--whole-archive \
         -Zpre-link-arg={} -Zpre-link-arg=-Wl,--no-whole-archive",
        runtime.display()
    );
    debian
        .cargo(workspace, "tsan")
        .env("RUSTFLAGS", flags)
        .env("TSAN_OPTIONS", "halt_on_error=1")
        .args(TESTS)
        .arg("-Zbuild-std")
        .args(args)
        .args(BESIDE)
        .run()
}

pub(crate) fn asan(workspace: &Workspace, args: &[String]) -> Result<()> {
    let nightly = toolchain::nightly()
        .context("needs a nightly toolchain, and none is installed under rustup")?;
    Cmd::new("rustup")
        .dir(&workspace.root)
        .env_remove("CARGO")
        .env("CARGO_TARGET_DIR", workspace.target.join("asan"))
        // std is prebuilt without the sanitizer, which changes the calling convention
        // for no type that crosses here.
        .env("RUSTFLAGS", ASAN_FLAGS)
        .args(["run", &nightly, "cargo"])
        .args(TESTS)
        .args(args)
        .args(BESIDE)
        .run()
}
