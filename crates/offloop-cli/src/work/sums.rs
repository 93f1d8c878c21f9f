//! The line format of GNU `sha256sum`, as `sha256sum -c` reads it.
//!
//! A name that holds a backslash, a newline or a carriage return is escaped and its line
//! starts with a backslash; every other byte of a name stands as it is.

use std::io::{self, Write};
use std::path::Path;

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// Writes the line of one file.
pub(crate) fn write_line(out: &mut impl Write, digest: &Digest, path: &Path) -> io::Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    let escaped = name.iter().any(|b| matches!(b, b'\\' | b'\n' | b'\r'));
    if escaped {
        out.write_all(b"\\")?;
    }
    for byte in digest {
        write!(out, "{byte:02x}")?;
    }
    out.write_all(b"  ")?;
    if !escaped {
        out.write_all(name)?;
        return out.write_all(b"\n");
    }
    for &byte in name {
        match byte {
            b'\\' => out.write_all(b"\\\\")?,
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            other => out.write_all(&[other])?,
        }
    }
    out.write_all(b"\n")
}
