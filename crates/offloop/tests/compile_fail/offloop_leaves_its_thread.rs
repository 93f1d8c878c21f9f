//! The loop's own handle can't be sent to another thread.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    std::thread::spawn(move || drop(off));
}
