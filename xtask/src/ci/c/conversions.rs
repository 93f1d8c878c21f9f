//! Each loop's program before its conversion and after it, and the tests of what makes the latter short.
//!
//! Invariant: what is in C or C++ is compiled with sanitizers, so that a program that leaves
//! something behind fails.

use anyhow::{Context, Result};

use super::build::{Kit, PROGRAMS, Program};
use super::run::Run;
use crate::ci::convert;

/// Of the module and the header that a program copies, by the folder of its loop.
const TESTS: &[(&str, &str)] = &[("asyncio", "tests/calls.py"), ("qt", "tests/c/qt.cpp")];

/// How many loops there were programs for.
pub(super) fn run(kit: &Kit) -> Result<usize> {
    let mut count = 0;
    for program in PROGRAMS {
        let name = program.conversion;
        let (Some(before), Some(after)) =
            (one(kit, program, "before")?, one(kit, program, "after")?)
        else {
            continue;
        };
        convert::same(&kit.out, name, [before, after].map(Run::into_cmd))?;
        count += 1;
        for (_, test) in TESTS.iter().filter(|(folder, _)| *folder == name) {
            let test = kit.sanitized(program, test)?.context("its programs were built")?;
            headless(test).run(super::run::Stdin::None)?;
        }
    }
    Ok(count)
}

fn one(kit: &Kit, program: &Program, which: &str) -> Result<Option<Run>> {
    let (_, ending) = program.source.rsplit_once('.').context("a program has an ending")?;
    let source = format!("convert/{}/{which}.{ending}", program.conversion);
    Ok(kit.sanitized(program, &source)?.map(headless))
}

fn headless(program: Run) -> Run {
    program.env("QT_QPA_PLATFORM", "offscreen")
}
