//! A job travels to a worker.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let local = std::rc::Rc::new(());
    off.call(move || drop(local)).detach();
}
