//! What a browser's logs tell: the lines of the console, and what a page asked for.

use anyhow::{Context, Result};
use serde_json::Value;

/// Messages of any level, from the browser's log: `INFO:CONSOLE:1] "…", source: …`.
pub(super) fn console(log: &str) -> Vec<String> {
    let messages = log.lines().filter_map(|line| Some(line.split_once(":CONSOLE")?.1));
    messages.map(|rest| rest.split_once("] ").map_or(rest, |(_, text)| text).to_owned()).collect()
}

/// The addresses that pages asked for, files and data of their own aside. The browser's
/// own requests have no page for an initiator, and are not its pages' doing.
pub(super) fn requests(net_log: &str) -> Result<Vec<String>> {
    let log: Value = serde_json::from_str(net_log).context("the log of requests is no JSON")?;
    let start = &log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"];
    let (Some(_), Some(events)) = (start.as_u64(), log["events"].as_array()) else {
        anyhow::bail!("the log of requests has another form than the one known here");
    };
    let started = events.iter().filter(|event| event["type"] == *start);
    let mut asked: Vec<String> = started
        .filter(|event| event["params"]["initiator"] != "not an origin")
        .filter_map(|event| event["params"]["url"].as_str())
        .filter(|url| !["file:", "data:", "about:"].iter().any(|local| url.starts_with(local)))
        .map(str::to_owned)
        .collect();
    asked.sort();
    asked.dedup();
    Ok(asked)
}
