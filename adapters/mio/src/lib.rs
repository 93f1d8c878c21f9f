//! offloop on a mio loop.
