//! The simulation itself: what it finds, what it says, and that a seed is a seed. Invariant: each
//! finding is looked for in the report that users read.

use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use offloop::{By, Failure, Offloop};
use offloop_testkit::sim::pause;
use offloop_testkit::{Sim, check};

/// A search field. `latest` is what makes it right.
struct Search {
    off: Offloop<Search>,
    shown: String,
    latest: bool,
}

impl Search {
    fn typed(&mut self, text: &'static str) {
        let call = self.off.call(move || format!("hits for {text}")).name(text);
        let call = if self.latest { call.latest("search") } else { call };
        call.then(|app, hits| {
            if let Ok(hits) = hits {
                app.shown = hits;
            }
        });
    }
}

fn shows_the_last_hits(latest: bool) -> impl Fn(&mut Sim<Search>) {
    move |sim| {
        let mut app = Search { off: sim.offloop(), shown: String::new(), latest };
        for text in ["a", "ab", "abc"] {
            app.typed(text);
            sim.some(&mut app);
        }
        sim.run(&mut app);
        assert_eq!(app.shown, "hits for abc");
    }
}

fn report(check: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(check)).expect_err("a seed fails");
    *payload.downcast::<String>().expect("the report is text")
}

fn seed_of(report: &str) -> u64 {
    let rest = report.strip_prefix("seed ").expect("the report begins with the seed");
    rest.split(' ').next().expect("a number").parse().expect("a number")
}

#[test]
fn a_stale_answer_is_found_and_its_seed_shows_it_again() {
    let first = report(|| check(0..1_000, shows_the_last_hits(false)));
    assert!(first.contains("hits for a"), "{first}");
    assert!(
        first.contains("threads: `ab` of crates/offloop-testkit/tests/simulation.rs"),
        "{first}"
    );
    let seed = seed_of(&first);
    assert!(first.contains(&format!("OFFLOOP_SIM_SEED={seed} cargo test")), "{first}");
    assert_eq!(report(|| check([seed], shows_the_last_hits(false))), first);
}

#[test]
fn with_latest_no_seed_shows_a_stale_answer() {
    check(0..2_000, shows_the_last_hits(true));
}

#[test]
fn a_call_that_nothing_will_finish_is_named() {
    let report = report(|| {
        check(0..1, |sim: &mut Sim<u32>| {
            sim.offloop().call(|| 1).name("kept").then(|_, _| {});
            let kept = sim.threads().take(0).expect("it waits there");
            let blocked = catch_unwind(AssertUnwindSafe(|| sim.run(&mut 0)));
            kept.run();
            std::panic::resume_unwind(blocked.expect_err("nothing finishes it"));
        });
    });
    assert!(report.contains("this would block for ever"), "{report}");
    assert!(report.contains("`kept` of crates/offloop-testkit/tests/simulation.rs"), "{report}");
    assert!(report.contains("nothing that could decide it is on its way"), "{report}");
}

#[test]
fn a_condition_that_never_holds_is_told_apart_from_calls_that_wait() {
    let report = report(|| {
        check(0..1, |sim: &mut Sim<u32>| {
            let off = sim.offloop();
            off.call(|| 1).then(|count, outcome| *count += outcome.unwrap_or(0));
            sim.run_until(&mut 0, |count| *count == 2);
        });
    });
    assert!(report.contains("nothing is left to happen before the test's condition"), "{report}");
}

/// What one seed does, in words.
fn life(seed: u64) -> String {
    let mut sim = Sim::<Vec<String>>::new(seed);
    let mut seen = Vec::new();
    let off = sim.offloop();
    for call in 0..12u64 {
        let work = off.call_with(move |cx| {
            pause();
            (call, cx.is_cancelled())
        });
        let work = if call.is_multiple_of(3) { work.cores() } else { work };
        let work =
            if call.is_multiple_of(4) { work.deadline(Duration::from_millis(call)) } else { work };
        let ticket = work.then(|seen, outcome| seen.push(format!("{outcome:?}")));
        sim.may_cancel(&ticket);
        sim.some(&mut seen);
    }
    sim.run(&mut seen);
    format!("{}\n{}", seen.join("\n"), sim.trace())
}

#[test]
fn a_seed_always_does_the_same_and_others_do_something_else() {
    let lives: HashSet<String> = (0..50).map(life).collect();
    assert!(lives.len() > 45, "50 seeds did {} things", lives.len());
    for seed in 0..50 {
        assert_eq!(life(seed), life(seed));
    }
}

#[test]
fn everything_that_chance_decides_comes_up() {
    let all: Vec<String> = (0..200).map(life).collect();
    let all = all.join("\n");
    for what in [
        "wakes arrive as one",
        "a wake arrives twice",
        "a turn, unasked",
        "and leaves more",
        "a ticket is cancelled",
        "pass\n",
        "and has returned",
        "TimedOut",
        "Cancelled(Caller)",
    ] {
        assert!(all.contains(what), "in 200 seeds it never came to `{what}`");
    }
}

#[test]
fn a_deadline_passes_at_its_own_time_and_takes_none() {
    check(0..200, |sim: &mut Sim<Option<Failure>>| {
        let (began, hour) = (sim.clock().now(), Duration::from_secs(3600));
        let off = sim.offloop();
        let mut seen = None;
        off.call(|| ()).deadline(hour).then(|seen, outcome| *seen = outcome.err());
        let kept = sim.threads().take(0).expect("it waits there");
        sim.run(&mut seen);
        assert!(matches!(seen, Some(Failure::TimedOut)), "{seen:?}");
        assert_eq!(sim.clock().now() - began, hour);
        drop(kept);
    });
}

#[test]
fn an_end_may_cut_in_anywhere() {
    let ended = Rc::new(Cell::new([0; 2]));
    let seen = ended.clone();
    check(0..400, move |sim: &mut Sim<Vec<Result<u64, Failure>>>| {
        let off = sim.offloop();
        if sim.seed().is_multiple_of(2) {
            sim.may_close()
        } else {
            sim.may_shut_down()
        }
        let mut outcomes = Vec::new();
        for call in 0..10 {
            off.call(move || {
                pause();
                call
            })
            .then(|outcomes, outcome| outcomes.push(outcome));
            sim.some(&mut outcomes);
        }
        sim.run(&mut outcomes);
        assert_eq!(outcomes.len(), 10);
        let shut = outcomes.iter().filter(|outcome| matches!(outcome, Err(Failure::Shutdown)));
        if shut.count() > 0 {
            let mut ended = seen.get();
            ended[(sim.seed() % 2) as usize] += 1;
            seen.set(ended);
        }
        let other = outcomes.iter().find(|outcome| {
            !matches!(outcome, Ok(_) | Err(Failure::Shutdown | Failure::Cancelled(By::Caller)))
        });
        assert!(other.is_none(), "{other:?}");
    });
    let [closed, shut_down] = ended.get();
    assert!(closed > 50 && shut_down > 50, "{closed} were closed early, {shut_down} shut down");
}
