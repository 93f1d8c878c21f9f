//! C programs, compiled and run: the README's example, and `c/abi.c`, with and without sanitizers.
//!
//! Invariant: they are linked to the library that cargo has built for this very test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a program against the static library, runs it, and gives what it printed.
fn run(source: &Path, name: &str, flags: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let this = std::env::current_exe().expect("a test knows where it is");
    let library = this.parent().expect("it is in a folder").join("liboffloop_c.a");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-I"])
        .arg(root.join("include"))
        .args(flags)
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg(library)
        .args(["-lpthread", "-ldl", "-lm"])
        .status();
    assert!(compiled.expect("there is a C compiler").success(), "{} compiles", source.display());
    let output = Command::new(&program).output().expect("what was compiled runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{said}", output.status);
    String::from_utf8(output.stdout).expect("it prints text")
}

fn abi() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/abi.c")
}

#[test]
fn the_readme_example_runs() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README is there");
    let example = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.c");
    fs::write(&source, example.expect("it has an example")).expect("it can be written");
    assert_eq!(run(&source, "readme", &[]), "the sum is 500500\n");
}

#[test]
fn a_c_program_uses_and_misuses_all_of_it() {
    assert_eq!(run(&abi(), "abi", &[]), "");
}

#[test]
fn the_same_with_address_and_undefined_behaviour_sanitizers() {
    assert_eq!(run(&abi(), "abi-sanitized", &["-fsanitize=address,undefined"]), "");
}
