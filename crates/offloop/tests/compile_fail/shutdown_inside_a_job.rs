//! A worker can't wait for its own end: the loop's handle does not get there.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let clone = off.clone();
    off.call(move || clone.shutdown(std::time::Duration::MAX)).detach();
}
