//! The page and the document: what a finished tour reports.

use crate::tour::{MODELS, sparse, tour};
use serde_json::Value;
use std::fs;
use tempfile::{TempDir, tempdir};

const FILES: u64 = 300;

fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    for number in 0..FILES - 1 {
        let name = format!("file-{number}");
        fs::write(folder.path().join(&name), name).unwrap();
    }
    sparse(&folder.path().join("large"), 8_000_000);
    folder
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn assert_quantiles(value: &Value) {
    let order = ["p50_ns", "p99_ns", "p99_9_ns", "max_ns"].map(|key| number(&value[key]));
    assert!(order.is_sorted(), "{value}");
    assert!(number(&value["count"]) > 0 && order[0] > 0, "{value}");
}

#[test]
fn the_document_holds_every_model_in_full() {
    let folder = folder();
    let ended = tour(folder.path(), &["--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let json = ended.json();
    assert_eq!(json["schema"], "offloop.tour/1");
    assert_eq!(json["interrupted"], false);
    assert_eq!(number(&json["files"]["hashed"]), FILES);
    assert_eq!((&json["failed"], &json["skipped"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let rotated = |by| MODELS.iter().cycle().skip(by).take(MODELS.len()).collect::<Vec<_>>();
    assert_eq!(json["order"], serde_json::json!([rotated(0), rotated(1), rotated(2)]));
    let models = json["models"].as_array().unwrap();
    let names: Vec<&Value> = models.iter().map(|model| &model["model"]).collect();
    assert_eq!(names, MODELS);
    for model in models {
        assert_eq!(number(&model["files_done"]), 3 * FILES);
        assert_eq!(model["rounds_complete"], 3);
        assert_eq!(model["round_times_ns"].as_array().unwrap().len(), 3);
        assert!(model["files_per_s"].as_f64().unwrap() > 0.0);
        assert!(number(&model["longest_stall_ns"]) > 0);
        assert_quantiles(&model["heartbeat"]);
        assert_quantiles(&model["request"]["latency"]);
        assert_eq!(model["request"]["unanswered"], 0);
        assert_eq!(model["request"]["sent"], model["request"]["latency"]["count"]);
    }
    assert!(json["verdict"].as_str().unwrap().ends_with('.'));
}

#[test]
fn on_the_loop_a_large_file_is_a_stall_that_every_measure_sees() {
    let folder = tempdir().unwrap();
    sparse(&folder.path().join("large"), 64_000_000);
    let ended = tour(folder.path(), &["--json", "--cold", "--rounds", "1", "--model", "inline"]);
    let json = ended.json();
    let model = &json["models"][0];
    let stall_ns = number(&model["longest_stall_ns"]);
    // One file, one call, one turn: nearly the whole run was one stall.
    assert!(stall_ns > number(&model["total_time_ns"]) / 2, "{model}");
    assert!(number(&model["heartbeat"]["max_ns"]) > stall_ns / 2, "{model}");
    assert!(number(&model["request"]["latency"]["max_ns"]) > stall_ns / 2, "{model}");
    // Beats and requests that should have been are counted, not only those that were.
    let beats = number(&model["heartbeat"]["count"]);
    assert!(beats >= stall_ns / 1_000_000 - 1, "{model}");
    assert!(number(&model["missed_beats"]) >= beats / 2, "{model}");
    assert!(number(&model["request"]["sent"]) >= 2, "{model}");
    assert!(number(&model["request"]["latency"]["p50_ns"]) > stall_ns / 10, "{model}");
}

#[test]
fn the_page_has_a_column_per_model_and_says_when_it_is_cold() {
    let folder = folder();
    let args = ["--model", "cores", "--model", "inline", "--model", "cores", "--cold"];
    let ended = tour(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let page = ended.page();
    assert!(page.contains("300 files") && page.contains("(cold:"), "{page}");
    let header = page.lines().find(|line| line.contains("inline")).unwrap();
    let columns: Vec<&str> = header.split_whitespace().collect();
    assert_eq!(columns, ["cores", "inline"]);
    for row in ["total time", "heartbeat lateness p50", "request latency p50", "longest stall"] {
        assert!(page.contains(row), "no {row} in {page}");
    }
    let prose = page.replace('\n', " ");
    assert!(prose.contains("Each of 300 files had the same SHA-256 in every run"), "{page}");
    // Without a terminal there is no bar and no colour.
    assert!(!ended.stderr.contains('\u{1b}') && !page.contains('\u{1b}'));
}

#[test]
fn prose_keeps_to_80_columns_without_a_terminal_and_one_is_singular() {
    let folder = folder();
    let ended = tour(folder.path(), &["large", "--rounds", "1"]);
    let page = ended.page();
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let singular = ["1 file, 8.00 MB", "1 round on", "The one file had the same SHA-256"];
    assert!(singular.iter().all(|words| page.contains(words)), "{page}");
    let json = tour(folder.path(), &["large", "--rounds", "1", "--json"]).json();
    assert!(!json["verdict"].as_str().unwrap().contains('\n'));
}

#[test]
fn paths_may_overlap_and_each_file_is_listed_once() {
    let folder = folder();
    let args = ["file-1", "file-1", "file-2", "--json", "--rounds", "1", "--model", "threads"];
    assert_eq!(tour(folder.path(), &args).json()["files"]["listed"], 2);
}

#[test]
fn help_documents_exit_codes_and_links() {
    let help = tour(tempdir().unwrap().path(), &["--help"]).page();
    for word in ["Exit codes", "130", "Symbolic links", "sha256sum -c", "PING"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    assert!(!help.contains("measuring-client"), "{help}");
}
