//! What happened in a simulation, step by step. Invariant: a line is made from the step when
//! somebody asks, so that a seed which passes costs little.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use offloop::Work;

/// Which call.
#[derive(Debug, Clone)]
pub(super) struct Who {
    name: Option<String>,
    place: &'static Location<'static>,
}

impl Who {
    pub(super) fn of(work: &Work) -> Self {
        Self { name: work.name().map(str::to_owned), place: work.place() }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "`{name}` of {}", self.place),
            None => write!(f, "the call of {}", self.place),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Runs { on: &'static str, who: Who },
    Skips { on: &'static str, who: Who },
    Ends,
    WakesArrive { posted: usize },
    WakeRepeats,
    Turn { asked: bool, count: usize, more: bool },
    Time(Duration),
    Cancels,
    Closes,
    ShutsDown,
    Says(Cow<'static, str>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Runs { on, who } => write!(f, "{on}: {who} runs"),
            Step::Skips { on, who } => write!(f, "{on}: {who} is decided and does not run"),
            Step::Ends => f.write_str("and has returned"),
            Step::WakesArrive { posted: 1 } => f.write_str("the loop: a wake arrives"),
            Step::WakesArrive { posted } => write!(f, "the loop: {posted} wakes arrive as one"),
            Step::WakeRepeats => f.write_str("the loop: a wake arrives twice"),
            Step::Turn { asked, count, more } => {
                let why = if *asked { "woken" } else { "unasked" };
                write!(f, "the loop: a turn, {why}, delivers {count}")?;
                if *more { f.write_str(" and leaves more") } else { Ok(()) }
            }
            Step::Time(by) => write!(f, "{by:?} pass"),
            Step::Cancels => f.write_str("a ticket is cancelled"),
            Step::Closes => f.write_str("offloop is closed"),
            Step::ShutsDown => f.write_str("offloop is shut down"),
            Step::Says(text) => f.write_str(text),
        }
    }
}

/// The steps so far, each with how deep inside running functions it was taken.
#[derive(Default)]
pub(super) struct Trace(Vec<(usize, Step)>);

impl Trace {
    pub(super) fn push(&mut self, depth: usize, step: Step) {
        self.0.push((depth, step));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (depth, step)) in self.0.iter().enumerate() {
            writeln!(f, "{:>4}  {:indent$}{step}", number + 1, "", indent = 2 * depth)?;
        }
        Ok(())
    }
}
