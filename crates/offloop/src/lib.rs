//! offloop.
