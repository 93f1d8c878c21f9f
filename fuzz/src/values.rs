//! The values that go to and fro, and the functions of them. Invariant: a function's result depends on
//! its argument alone.

use std::collections::BTreeMap;

use offloop::{Context, Functions, SharedBuf};
use serde::{Deserialize, Serialize};

use crate::watch::ASKED_FOR;

/// Of each kind that a format has a way for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Value {
    Nothing,
    Number(i64),
    Wide(u128),
    Real(f64),
    Letter(char),
    Text(String),
    Bytes(Vec<u8>),
    Maybe(Option<Box<Value>>),
    Many(Vec<Value>),
    Named { name: String, value: Box<Value> },
    Table(BTreeMap<String, u32>),
    Grid(Vec<Vec<Option<String>>>),
    Buffer(SharedBuf),
}

impl Value {
    /// Looks at every part, so that memory which is not there is found out; a sum of what it saw.
    pub(crate) fn look(&mut self) -> usize {
        match self {
            Self::Nothing | Self::Number(_) | Self::Wide(_) | Self::Real(_) | Self::Letter(_) => 1,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Maybe(value) => value.as_mut().map_or(0, |value| value.look()),
            Self::Many(values) => values.iter_mut().map(Self::look).sum(),
            Self::Named { name, value } => name.len() + value.look(),
            Self::Table(table) => table.len(),
            Self::Grid(rows) => rows.iter().flatten().flatten().map(String::len).sum(),
            Self::Buffer(buffer) => look(buffer),
        }
    }
}

/// Writes to the first and the last page of a buffer.
pub(crate) fn look(buffer: &mut SharedBuf) -> usize {
    if let Some(first) = buffer.first_mut() {
        *first = first.wrapping_add(1);
    }
    if let Some(last) = buffer.last_mut() {
        *last = last.wrapping_add(1);
    }
    buffer.len()
}

/// What most calls call. Of text, which is encoded at once and not byte by byte.
pub(crate) fn wrap((number, text): (u32, String)) -> Value {
    Value::Many(vec![Value::Number(number.into()), Value::Text(text)])
}

fn lend((number, buffer): (u32, SharedBuf)) -> (u32, Option<SharedBuf>) {
    (number, (buffer.len() > number as usize).then_some(buffer))
}

fn echo(mut value: Value) -> (usize, Value) {
    (value.look(), value)
}

fn fill(len: u32) -> String {
    "x".repeat(len as usize % (1 << 18))
}

fn raise(text: String) -> u8 {
    panic!("{ASKED_FOR}: {text}")
}

fn tell(context: &Context, (count, text): (u8, String)) -> bool {
    (0..count).for_each(|number| context.progress(u32::from(number)));
    context.progress(text);
    context.is_cancelled()
}

/// What worker and parent have in common.
pub(crate) fn functions() -> Functions {
    Functions::new()
        .add("echo", echo)
        .add("fill", fill)
        .add("lend", lend)
        .add("raise", raise)
        .add_with("tell", tell)
        .add("wrap", wrap)
}
