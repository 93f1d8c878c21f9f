//! The documented table of combinations and the tests that hold it. Invariant: each row of the
//! documentation names tests that exist, and each policy and each pair that is tested has its row.

const DOC: &str = include_str!("../../src/submit/combinations.md");
const COLUMNS: [&str; 7] = ["deadline", "cancel", "panic", "refusal", "close", "shutdown", "scope"];

/// The cells of each line of the table whose first cell is `head`, without the lines at its top.
fn rows(head: &str) -> Vec<Vec<String>> {
    let lines = DOC.lines().skip_while(|line| !line.starts_with(&format!("| {head}")));
    let table = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| line.trim_matches('|').split('|').map(clean).collect();
    table.map(cells).collect()
}

fn clean(cell: &str) -> String {
    cell.trim().replace('`', "")
}

/// The functions of a test module, and its macro's.
fn names(source: &str, before: &str) -> Vec<String> {
    let found = source.lines().filter_map(|line| line.strip_prefix(before));
    found.map(|rest| rest.split(['(', ';']).next().unwrap_or(rest).to_owned()).collect()
}

#[test]
fn every_policy_of_the_table_has_a_test_for_every_column() {
    let head = format!("| policy | {} |", COLUMNS.map(|column| format!("`{column}`")).join(" | "));
    assert!(DOC.contains(&head), "the table's head names the columns: {head}");
    let columns = names(include_str!("rows.rs"), "pub(crate) fn ");
    assert!(COLUMNS.iter().all(|column| columns.contains(&(*column).to_owned())));
    let modules = names(include_str!("main.rs"), "mod ");
    let table = rows("policy");
    assert_eq!(table.len(), 9);
    for row in table {
        assert_eq!(row.len(), 1 + COLUMNS.len(), "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert!(modules.contains(&row[0]), "{} has no tests", row[0]);
    }
}

#[test]
fn every_pair_of_the_table_has_a_test_and_every_test_its_row() {
    let mut together = names(include_str!("pairs.rs"), "fn ");
    together.retain(|name| name.contains("_and_"));
    let mut against = names(include_str!("conflicts.rs"), "fn ");
    against.retain(|name| name.contains("_against_"));
    for (head, tests) in [("together", together), ("against", against)] {
        let mut documented: Vec<String> =
            rows(head).into_iter().map(|row| row[0].clone()).collect();
        let mut tests: Vec<String> = tests;
        documented.sort();
        tests.sort();
        assert_eq!(documented, tests, "the table under `{head}`");
    }
}
