//! What the windows have in common: their size, their colours, and, for the two that bring no drawing
//! of their own, the drawing.
//!
//! Invariant: nothing here knows of a loop, or of offloop.

mod canvas;

pub use canvas::{Canvas, is_on_cancel};

/// What stands above each window.
pub const TITLE: &str = "hash a folder";
/// Width and height, in pixels.
pub const SIZE: (u32, u32) = (560, 150);

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// Behind all, while the call is under way.
pub const RUNNING: Rgb = [0x2b, 0x2f, 0x3a];
/// Behind all, when its outcome is there.
pub const DONE: Rgb = [0x1e, 0x6b, 0x3c];
/// The Cancel button, where it has no text.
pub const CANCEL: Rgb = [0xb8, 0x32, 0x2a];
/// All text.
pub const TEXT: Rgb = [0xff, 0xff, 0xff];
