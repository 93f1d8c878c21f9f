//! A closure can't cross into another process; a named function can.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let times = 2;
    off.call(move || 21 * times).process().detach();
}
