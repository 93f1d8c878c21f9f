//! How a file name is shown to a person: on one line, whatever bytes it holds.
//!
//! Two different names are never shown alike (on Unix, where a backslash is doubled).

use std::fmt::Write as _;
use std::path::Path;

/// The name as one line of plain text: control characters, characters which turn the
/// direction of writing, and bytes that are not UTF-8 appear as escapes.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut text, c));
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn push(text: &mut String, c: char) {
    match c {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        // On Windows the backslash separates folders and cannot be part of a name.
        '\\' if cfg!(unix) => text.push_str("\\\\"),
        c if c.is_control() || disturbs_a_terminal(c) => {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
        }
        c => text.push(c),
    }
}

/// Line and paragraph separators and the marks that reorder the text around them.
fn disturbs_a_terminal(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
