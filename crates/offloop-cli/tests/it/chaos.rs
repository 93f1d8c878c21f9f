//! `--chaos`: a crash, a hang and a hog cost what they are, and nothing beside them.

use crate::tour::tour;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tempfile::{TempDir, tempdir};

fn folder(files: u32) -> TempDir {
    let folder = tempdir().unwrap();
    for number in 0..files {
        fs::write(folder.path().join(format!("file-{number}")), number.to_string()).unwrap();
    }
    folder
}

fn chaos(folder: &Path, model: &str) -> Value {
    let ended = tour(folder, &["--chaos", "--rounds", "1", "--json", "--model", model]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let json = ended.json();
    assert_eq!(json["settings"]["chaos"], true);
    // The rounds are as without it.
    assert_eq!(json["files"]["hashed"], json["files"]["listed"]);
    assert_eq!(json["failed"], json!([]), "{json}");
    json["chaos"][0].clone()
}

/// Made and lost, of each ill.
fn ills(column: &Value) -> Vec<(&Value, &Value)> {
    column["ills"].as_array().unwrap().iter().map(|ill| (&ill["calls"], &ill["lost"])).collect()
}

#[test]
fn a_process_loses_those_calls_and_no_other() {
    let folder = folder(400);
    let column = chaos(folder.path(), "process");
    assert_eq!(
        ills(&column),
        [(&json!(3), &json!(3)), (&json!(3), &json!(3)), (&json!(2), &json!(2))]
    );
    assert_eq!(column["run"]["others"], json!({ "calls": 392, "lost": 0 }), "{column}");
    assert_eq!(column["run"]["first_other_lost"], Value::Null);
}

#[test]
fn threads_lose_what_hangs_and_are_not_run_with_the_rest() {
    let folder = folder(150);
    let column = chaos(folder.path(), "threads");
    let run = column["ills"].as_array().unwrap().iter().map(|ill| &ill["run"]);
    assert_eq!(run.collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(ills(&column)[1], (&json!(1), &json!(1)));
    assert_eq!(column["run"]["others"], json!({ "calls": 149, "lost": 0 }), "{column}");
}

/// More of them than a runtime has threads for, or than may be left behind: a future that hangs has
/// no thread.
#[test]
fn async_loses_what_hangs_and_leaves_no_thread_behind() {
    let folder = folder(150 * 70);
    let ended = tour(folder.path(), &["--chaos", "--rounds", "1", "--json", "--model", "async"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let column = &ended.json()["chaos"][0];
    let run = column["ills"].as_array().unwrap().iter().map(|ill| &ill["run"]);
    assert_eq!(run.collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(ills(column)[1], (&json!(70), &json!(70)));
    assert_eq!(column["run"]["others"], json!({ "calls": 10_430, "lost": 0 }), "{column}");
    assert!(!ended.stderr.contains("left behind"), "{}", ended.stderr);
}

#[test]
fn on_the_loop_nothing_of_it_is_run() {
    let folder = folder(1);
    let column = chaos(folder.path(), "inline");
    assert_eq!((&column["model"], &column["run"]), (&json!("inline"), &Value::Null));
    assert!(ills(&column).iter().all(|ill| *ill == (&json!(0), &json!(0))));
}

#[test]
fn a_short_list_is_gone_through_until_each_ill_came_up() {
    let folder = folder(40);
    let column = chaos(folder.path(), "process");
    assert!(ills(&column).iter().all(|ill| *ill == (&json!(1), &json!(1))), "{column}");
    assert_eq!(column["run"]["others"]["calls"], 157);
}

#[test]
fn both_pages_have_the_table_and_say_what_it_means() {
    let folder = folder(60);
    let args = ["--chaos", "--rounds", "1", "--report", "page.html"];
    let ended = tour(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let text = ended.page();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let html = fs::read_to_string(folder.path().join("page.html")).unwrap();
    for page in [text, html] {
        for words in ["lost of all others", "not run", "1 of 1", "0 of 177", "and no other."] {
            assert!(page.contains(words), "no {words} in {page}");
        }
    }
}

#[test]
fn a_name_that_is_not_utf_8_and_a_file_that_cannot_be_read_come_back_from_a_process() {
    let folder = folder(1);
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"odd-\xff"));
    fs::write(&odd, "odd").unwrap();
    // A file that the system refuses to read, to every user.
    let args = ["--rounds", "1", "--json", "--model", "process", ".", "/proc/self/mem"];
    let ended = tour(folder.path(), &args);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let json = ended.json();
    assert_eq!(json["files"]["hashed"], 2, "{json}");
    let reason = json["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("cannot be read: ") && reason.contains("os error"), "{reason}");
}
