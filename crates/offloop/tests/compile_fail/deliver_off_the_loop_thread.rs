//! A turn can't be done on another thread.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| off.deliver(&mut ()));
    });
}
