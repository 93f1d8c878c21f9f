//! The programs, how each is compiled, and the checkers that some of them are run under.
//!
//! Invariant: warnings are errors, and what is found of a system is found by pkg-config and PATH.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::run::{Run, Stdin};
use crate::ci::packages::{self, Package, Thing::Headers, Thing::Tool, has};
use crate::cmd::Cmd;

/// One loop's program.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
    /// Where the one before and the one after stand, below `convert`.
    pub(super) conversion: &'static str,
    /// As pkg-config knows the loop, and as Debian does.
    library: Option<(&'static str, &'static str)>,
    pub(super) has_window: bool,
}

const fn program(
    name: &'static str,
    source: &'static str,
    conversion: &'static str,
    library: Option<(&'static str, &'static str)>,
) -> Program {
    Program { name, source, conversion, library, has_window: false }
}

pub(super) const PROGRAMS: &[Program] = &[
    program("poll", "hash_poll.c", "poll", None),
    program("libuv", "hash_uv.c", "uv", Some(("libuv", "libuv1-dev"))),
    program("libevent", "hash_event.c", "event", Some(("libevent_core", "libevent-dev"))),
    program("GLib", "hash_glib.c", "glib_c", Some(("glib-2.0", "libglib2.0-dev"))),
    program("asyncio", "hash_asyncio.py", "asyncio", None),
    Program {
        has_window: true,
        ..program("Qt", "hash_qt.cpp", "qt", Some(("Qt6Widgets", "qt6-base-dev")))
    },
];

const TOOLS: [Package; 4] = [
    Package(Tool("c++"), "g++"),
    Package(Tool("pkg-config"), "pkg-config"),
    Package(Tool("python3"), "python3"),
    Package(Tool("valgrind"), "valgrind"),
];

/// Debian's packages that are not here.
pub(super) fn missing() -> Vec<&'static str> {
    let libraries = PROGRAMS.iter().filter_map(|program| program.library);
    let libraries = libraries.map(|(library, package)| Package(Headers(library), package));
    let libraries: Vec<Package> = libraries.collect();
    packages::missing(TOOLS.iter().chain(&packages::DISPLAY).chain(&libraries))
}

fn flags(what: &str, library: &str) -> Option<Vec<String>> {
    let output = Command::new("pkg-config").args([what, library]).stderr(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success())?;
    // Warnings in a library's headers are its own.
    let quiet = |flag: &str| flag.replacen("-I", "-isystem", 1);
    Some(String::from_utf8(output.stdout).ok()?.split_whitespace().map(quiet).collect())
}

/// Where things stand.
pub(super) struct Kit {
    pub(super) root: PathBuf,
    /// Of liboffloop_c.
    pub(super) libs: PathBuf,
    pub(super) out: PathBuf,
}

impl Kit {
    fn compiler(&self, name: &str) -> Cmd {
        let standard = if name == "c++" { "-std=gnu++20" } else { "-std=gnu11" };
        let common = ["-O1", "-g", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Iinclude"];
        let cmd = Cmd::new(name).dir(&self.root).arg(standard).args(common);
        // Of a struct that names its fields, the others are zero on purpose.
        if name == "c++" { cmd.arg("-Wno-missing-field-initializers") } else { cmd }
    }

    fn shared(&self) -> [String; 3] {
        let libs = self.libs.display();
        [format!("-L{libs}"), "-loffloop_c".to_owned(), format!("-Wl,-rpath,{libs}")]
    }

    /// The part that knows of no loop, for C++ and for Python.
    pub(super) fn folder_library(&self) -> Result<()> {
        let library = self.out.join("libhash_folder.so");
        let cc = self.compiler("cc").arg("-shared").arg("programs/hash_folder.c").arg("-o");
        cc.arg(library).args(self.shared()).run()?;
        let link = self.out.join("liboffloop_c.so");
        std::fs::copy(self.libs.join("liboffloop_c.so"), link).context("no liboffloop_c.so")?;
        Ok(())
    }

    /// How to run it; none where something that it needs is missing.
    pub(super) fn build(&self, program: &Program) -> Result<Option<Run>> {
        if program.has_window && !["Xvfb", "xdotool", "import"].into_iter().all(has) {
            return Ok(None);
        }
        let folder = self.out.display();
        let folder =
            [format!("-L{folder}"), "-lhash_folder".to_owned(), format!("-Wl,-rpath,{folder}")];
        self.built(program, &format!("programs/{}", program.source), &folder)
    }

    /// One of the programs in `convert`, or a test of the header for a loop, with sanitizers.
    pub(super) fn sanitized(&self, program: &Program, source: &str) -> Result<Option<Run>> {
        self.built(program, source, &["-fsanitize=address,undefined".to_owned()])
    }

    fn built(&self, program: &Program, source: &str, own: &[String]) -> Result<Option<Run>> {
        if source.ends_with(".py") {
            if !has("python3") {
                return Ok(None);
            }
            let python = Run::new("python3").arg(self.root.join(source));
            let python = python.env("PYTHONPATH", self.root.join("programs"));
            let python = python.env("PYTHONDONTWRITEBYTECODE", "1");
            return Ok(Some(python.env("OFFLOOP_C_LIBS", &self.out)));
        }
        let mut library = (Vec::new(), Vec::new());
        if let Some((name, _)) = program.library {
            let found = flags("--cflags", name).zip(flags("--libs", name));
            let Some(found) = found else { return Ok(None) };
            library = found;
        }
        let compiler = if source.ends_with(".cpp") { "c++" } else { "cc" };
        if !has(compiler) {
            return Ok(None);
        }
        let out = self.out.join(source.replace('/', "-")).with_extension("");
        let cc = self.compiler(compiler).arg(source).args(library.0).arg("-o").arg(&out);
        cc.args(own).args(self.shared()).args(library.1).run()?;
        Ok(Some(Run::new(out)))
    }

    /// The program on poll(2) and the test of the ABI, under memcheck and AddressSanitizer; says which.
    pub(super) fn checked(&self, folder: &Path) -> Result<String> {
        let sanitized = self.linked("-fsanitize=address,undefined")?;
        let mut ways = vec![("AddressSanitizer", sanitized.map(Run::new))];
        if has("valgrind") {
            let plain = self.linked("-fno-omit-frame-pointer")?;
            ways.push((
                "memcheck",
                plain.map(|program| {
                    let options = ["--quiet", "--leak-check=full", "--error-exitcode=9"];
                    // std keeps a thread's own handle by a pointer into its middle.
                    let leaks = ["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"];
                    let valgrind = Run::new("valgrind").args(options).args(leaks);
                    valgrind.arg("--child-silent-after-fork=yes").arg(program)
                }),
            ));
        }
        for (name, [hash, abi]) in &ways {
            let hash = || hash.clone().arg(folder);
            hash().arg("0").run(Stdin::None).with_context(|| (*name).to_owned())?;
            let cancelled = hash().arg("100").run(Stdin::CancelAt(" 1 of ")).context(*name)?;
            if cancelled.stdout.trim_end() != super::CANCELLED {
                bail!("under {name}, cancelled, it came to {}", cancelled.stdout);
            }
            let forks = if *name == "memcheck" { "--no-fork" } else { "--fork" };
            abi.clone().arg(forks).run(Stdin::None).with_context(|| (*name).to_owned())?;
        }
        let names: Vec<_> = ways.iter().map(|(name, _)| *name).collect();
        Ok(format!("under {}", names.join(" and ")))
    }

    /// Both programs, with the static library.
    fn linked(&self, flag: &str) -> Result<[PathBuf; 2]> {
        let sources: [(&str, &[&str]); 2] = [
            ("hash", &["programs/hash_poll.c", "programs/hash_folder.c"]),
            ("abi", &["tests/c/abi.c"]),
        ];
        let build = |(name, sources): (&str, &[&str])| {
            let out = self.out.join(format!("{name}{flag}"));
            let cc = self.compiler("cc").arg(flag).args(sources).arg("-o").arg(&out);
            let cc = cc.arg(self.libs.join("liboffloop_c.a"));
            cc.args(["-lpthread", "-ldl", "-lm"]).run().map(|()| out)
        };
        let [hash, abi] = sources.map(build);
        Ok([hash?, abi?])
    }
}
