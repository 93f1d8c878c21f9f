//! What the fuzz targets do with their bytes, apart from the fuzzer.
//!
//! Invariant: the same bytes do the same, and what a target ends with is either nothing or an abort: a
//! panic that no target asked for is one, even where the library would contain it.

mod answer;
mod cursor;
mod decode;
mod descriptors;
mod greeting;
mod message;
mod script;
mod values;
mod watch;
mod worker;

pub use self::answer::answer;
pub use self::decode::decode;
pub use self::greeting::greeting;
pub use self::message::message;
pub use self::worker::worker;
