//! Real clients of tokio's, tried as async calls. Invariant: the tests are all there is.
