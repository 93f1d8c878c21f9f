//! `offloop calibrate`: every executor has every figure that this system can tell.

use crate::tour::{Ended, MODELS, finish};
use serde_json::Value;
use std::process::{Command, Stdio};

fn calibrate(args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offloop"));
    finish(command.arg("calibrate").args(args).stdin(Stdio::null()))
}

#[track_caller]
fn assert_spread(executor: &Value, name: &str, samples: u64) {
    let spread = &executor[name];
    assert_eq!(spread["samples"], samples, "{name} of {executor}");
    let order = ["q1", "median", "q3"].map(|key| spread[key].as_f64().unwrap());
    assert!(order.is_sorted() && order[0] >= 0.0, "{name} of {executor}");
}

#[test]
fn the_document_has_each_figure_with_its_spread() {
    let ended = calibrate(&["--rounds", "2", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let json = ended.json();
    assert_eq!((&json["schema"], &json["rounds"]), (&"offloop.calibrate/1".into(), &2.into()));
    let executors = json["executors"].as_array().unwrap();
    let names: Vec<&Value> = executors.iter().map(|one| &one["executor"]).collect();
    assert_eq!(names, MODELS);
    for one in executors {
        assert_spread(one, "hand_over_ns", 800);
        assert_spread(one, "on_loop_ns", 800);
        assert_spread(one, "payload_ns_per_mib", 6);
        match one["executor"] == "async" {
            true => assert_spread(one, "yielding_ns", 800),
            false => assert_eq!(one["yielding_ns"], Value::Null),
        }
        assert!(one["hand_over_ns"]["median"].as_f64() >= one["on_loop_ns"]["median"].as_f64());
    }
}

/// What only the system can tell, and what it can't but be.
#[cfg(target_os = "linux")]
#[test]
fn a_call_weighs_something_and_a_process_is_switched_to() {
    let json = calibrate(&["--rounds", "1", "--json"]).json();
    let executors = json["executors"].as_array().unwrap();
    for one in executors {
        assert_spread(one, "switches_per_call", 1);
        assert_spread(one, "in_place_ns_per_mib", 3);
        let bytes = one["memory_per_call_bytes"].as_f64().unwrap();
        assert!((50.0..20_000.0).contains(&bytes), "{one}");
    }
    let [inline, .., process] = &executors[..] else { panic!("{json}") };
    // The worker, its attendant and the loop wait for one another in turn.
    assert!(process["switches_per_call"]["median"].as_f64().unwrap() >= 1.0, "{process}");
    assert!(process["payload_ns_per_mib"]["median"].as_f64().unwrap() > 0.0, "{process}");
    assert!(process["worker_bytes"].as_u64().unwrap() > 4096, "{process}");
    assert_eq!(inline["worker_bytes"], Value::Null);
}

#[test]
fn the_table_has_a_column_for_each_and_says_what_break_even_is() {
    let page = calibrate(&["--rounds", "1"]).page();
    let header = page.lines().find(|line| line.contains("inline")).unwrap();
    assert_eq!(header.split_whitespace().collect::<Vec<_>>(), MODELS);
    for row in [
        "hand-over and back",
        "yields once",
        "break-even length",
        "context switches",
        "per MiB",
        "memory",
    ] {
        assert!(page.contains(row), "no {row} in {page}");
    }
    assert!(page.contains("Break-even: a call that takes longer"), "{page}");
    assert!(page.contains("1 round"), "{page}");
}

#[test]
fn no_rounds_make_no_sense() {
    let ended = calibrate(&["--rounds", "0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--rounds"), "{}", ended.stderr);
}
