//! `--report`: the page is there as a whole, in one file, or refused before the work.
#![cfg(unix)]

use crate::tour::{Ended, MODELS, tour};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::{TempDir, tempdir};

fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    for number in 0..50 {
        fs::write(folder.path().join(format!("file-{number}")), "x".repeat(200_000)).unwrap();
    }
    folder
}

fn report(folder: &Path, file: &str) -> Ended {
    tour(folder, &["--rounds", "1", "--report", file])
}

fn assert_complete(page: &str) {
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
}

#[test]
fn the_page_has_both_charts_and_every_model() {
    let folder = folder();
    let target = tempdir().unwrap();
    let file = target.path().join("tour.html");
    let ended = report(folder.path(), file.to_str().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says(&["tour.html", "browser"]);
    let page = fs::read_to_string(file).unwrap();
    assert_complete(&page);
    for id in ["heartbeat-chart", "request-chart"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{page}");
    }
    for words in MODELS.iter().chain(&["50, 10.0 MB, each read once before", "CPU"]) {
        assert!(page.contains(words), "{words}");
    }
    // The table is printed as it is without a page.
    assert!(ended.page().contains("heartbeat lateness p50"));
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 1);
}

#[test]
fn an_existing_page_is_replaced_and_is_no_work() {
    let folder = folder();
    let file = folder.path().join("tour.html");
    fs::write(&file, "old").unwrap();
    let ended = report(folder.path(), "tour.html");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says(&["skipped ./tour.html", "its report"]);
    assert_complete(&fs::read_to_string(&file).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 51);
}

#[test]
fn behind_a_link_the_file_is_replaced_and_the_link_stays() {
    let folder = folder();
    let target = tempdir().unwrap();
    fs::write(target.path().join("real.html"), "old").unwrap();
    let link = target.path().join("link.html");
    symlink("real.html", &link).unwrap();
    let ended = report(folder.path(), link.to_str().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_complete(&fs::read_to_string(target.path().join("real.html")).unwrap());
}

/// One line, the exit code of a request that makes no sense, and no work done.
#[track_caller]
fn assert_refused(folder: &Path, args: &[&str], words: &[&str]) {
    let ended = tour(folder, args);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    ended.assert_says(words);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
}

#[test]
fn a_page_that_cannot_be_written_is_refused_before_the_work() {
    let folder = folder();
    let refused = |file: &str, words: &[&str]| {
        assert_refused(folder.path(), &["--report", file], words);
    };
    refused(".", &["is a folder", "--report"]);
    refused("no/such/tour.html", &["no/such/tour.html", "there is no folder no/such", "make it"]);
    refused("file-0/tour.html", &["there is no folder file-0"]);
    refused("no-such-name/..", &["names no file"]);
    refused("-", &["--report -", "the name of a file"]);
    let full = "x".repeat(300);
    refused(&full, &["cannot be written", "another file", "too long"]);
    #[cfg(target_os = "linux")]
    refused("/proc/tour.html", &["/proc/tour.html: cannot be written", "); give --report another"]);
}

#[test]
fn digests_and_page_need_a_file_each() {
    let folder = folder();
    let args = ["--report", "./out", "--digests", "out"];
    assert_refused(folder.path(), &args, &["--digests and --report need a file each"]);
}

#[test]
fn digests_on_standard_output_and_a_page_go_together() {
    let folder = folder();
    let args = ["--model", "cores", "--rounds", "1", "--digests", "-", "--report", "tour.html"];
    let ended = tour(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.iter().filter(|&&byte| byte == b'\n').count(), 50);
    assert_complete(&fs::read_to_string(folder.path().join("tour.html")).unwrap());
}
