//! The inputs that a fuzzer begins with: for each target what is right, and its commonest wrong.
//!
//! Invariant: the seeds in the tree are these, byte for byte.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A target, a name, its bytes.
type Seed = (&'static str, &'static str, Vec<u8>);

const READY: u8 = 2;
const CALL: u8 = 3;
const VALUE: u8 = 4;
const PANIC: u8 = 5;
const CODEC: u8 = 6;
const TOO_LARGE: u8 = 7;
const PROGRESS: u8 = 8;

/// The functions of the targets' workers, by their numbers.
const ECHO: u32 = 0;
const LEND: u32 = 2;
const RAISE: u32 = 3;
const TELL: u32 = 4;
const WRAP: u32 = 5;

/// In the numbers of pulses, which go by type names.
const U32: u32 = 14;

/// A list of a number and three bytes, as the targets' `Value`.
const LIST: &[u8] = &[8, 2, 1, 14, 6, 3, 1, 2, 3];

/// A buffer: the first that comes along, by the number 1, of a page, and ten bytes of it.
const BUFFER: &[u8] = &[12, 0, 1, 0x80, 0x20, 10];

/// What a script has after nothing else.
const HEAR: &[u8] = &[4];
const CLOSE: &[u8] = &[6];
const END: &[u8] = &[7];
const CANCEL: &[u8] = &[8];
const NEXT: &[u8] = &[10];
const BEGIN: &[u8] = &[3, 0];

/// A message with nothing wrong but the length that its body has elsewhere.
fn say(kind: u8, place: u8, index: u32, elsewhere: u64, fds: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, kind, place];
    bytes.extend(index.to_le_bytes());
    for added in [0, elsewhere, 0] {
        bytes.extend(added.to_le_bytes());
    }
    bytes.push(fds.len() as u8);
    bytes.extend(fds);
    bytes.extend([body.len() as u8, 0]);
    bytes.extend(body);
    bytes
}

fn write(body: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, body.len() as u8][..], body].concat()
}

/// Terms for so many bytes, with the right memory.
fn hello(max_payload: u64) -> Vec<u8> {
    let words = [1_u64, 0, max_payload].into_iter().flat_map(u64::to_le_bytes);
    [&[9][..], &words.collect::<Vec<_>>(), &[0]].concat()
}

fn header(kind: u8, place: u8, len: u64) -> Vec<u8> {
    let mut bytes = vec![kind, place, 0, 0, 0, 0, 0, 0];
    bytes.extend([1_u64, len, 0, 0].into_iter().flat_map(u64::to_le_bytes));
    bytes
}

fn all() -> Vec<Seed> {
    let mut all = plain();
    all.extend(of_answer());
    all.extend(of_worker());
    all
}

fn plain() -> Vec<Seed> {
    let ready = say(READY, 0, 0, 0, &[], &[]);
    vec![
        ("message", "inline", [&header(VALUE, 0, 9)[..], LIST].concat()),
        ("message", "arena", header(CALL, 1, 1 << 20)),
        ("message", "terms", [&header(1, 0, 40)[..], &[1; 40]].concat()),
        ("decode", "list", [&[0, 0, 0][..], LIST].concat()),
        ("decode", "buffer", [&[1, 0, 0, 0][..], BUFFER].concat()),
        ("decode", "known", [&[0, 1, 0, 0][..], BUFFER].concat()),
        ("decode", "unsealed", [&[1, 2, 0, 0][..], BUFFER].concat()),
        ("decode", "deep", [&[0, 0, 0][..], &[8, 1].repeat(1500), &[0]].concat()),
        ("decode", "endless", [&[0, 0, 5, 1][..], &[0xff; 9], &[1]].concat()),
        ("decode", "table", vec![0, 0, 3, 1, 1, 1, 97, 1, 2, 3, 4, 5]),
        ("greeting", "ready", ready),
        ("greeting", "listing", say(READY, 0, 0, 0, &[], b"other: fn")),
        ("greeting", "gone", END.to_vec()),
    ]
}

fn of_answer() -> Vec<Seed> {
    let value = say(VALUE, 0, 0, 0, &[], LIST);
    let way = |way: u8, steps: &[&[u8]]| [&[way][..], &steps.concat()].concat();
    let parts = |parts: &[&[u8]]| way(0, parts);
    let in_arena = say(VALUE, 1, 0, LIST.len() as u64, &[], &[]);
    vec![
        ("answer", "value", parts(&[&value])),
        ("answer", "arena", parts(&[&write(LIST), &in_arena])),
        ("answer", "buffer", parts(&[&say(VALUE, 0, 0, 0, &[0], BUFFER)])),
        ("answer", "panic", parts(&[&say(PANIC, 0, 0, 0, &[], b"text")])),
        ("answer", "codec", parts(&[&say(CODEC, 0, 0, 0, &[], b"text")])),
        ("answer", "too-large", parts(&[&say(TOO_LARGE, 0, 0, 0, &[], &[])])),
        ("answer", "progress", parts(&[&say(PROGRESS, 0, U32, 0, &[], &[5]), &value])),
        ("answer", "died", parts(&[BEGIN, END])),
        ("answer", "requeued", way(4, &[CLOSE, NEXT, &value])),
        ("answer", "twice", way(10, &[&value, &value])),
        ("answer", "live", way(1, &[&value])),
        ("answer", "cancelled", way(1, &[CANCEL])),
    ]
}

fn of_worker() -> Vec<Seed> {
    let call = |index, body: &[u8]| say(CALL, 0, index, 0, &[], body);
    let after = |calls: &[&[u8]]| [&hello(4096)[..], &calls.concat()].concat();
    let in_arena = say(CALL, 1, WRAP, 5, &[], &[]);
    let buffer = [&[1][..], &BUFFER[1..]].concat();
    vec![
        ("worker", "calls", after(&[&call(WRAP, &[7, 3, 1, 2, 3]), &call(ECHO, LIST), HEAR])),
        ("worker", "arena", after(&[&write(&[7, 3, 1, 2, 3]), &in_arena])),
        ("worker", "buffer", after(&[&say(CALL, 0, LEND, 0, &[0], &buffer)])),
        ("worker", "panic", after(&[&call(RAISE, &[1, 97])])),
        ("worker", "progress", after(&[&call(TELL, &[2, 1, 97])])),
        ("worker", "no-terms", call(WRAP, &[7, 0])),
    ]
}

/// Writes them to `corpus`; gives their number.
pub(super) fn write_to(corpus: &Path) -> Result<usize> {
    let all = all();
    for (target, name, bytes) in &all {
        let dir = corpus.join(target);
        fs::create_dir_all(&dir).with_context(|| format!("no folder {}", dir.display()))?;
        fs::write(dir.join(format!("seed-{name}")), bytes)?;
    }
    Ok(all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_in_the_tree_are_these() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
        for (target, name, bytes) in all() {
            let path = corpus.join(target).join(format!("seed-{name}"));
            assert_eq!(fs::read(&path).ok(), Some(bytes), "{target}: {name}");
        }
    }
}
