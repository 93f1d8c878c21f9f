//! What a thread keeps, for what, and when it gives that back.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{
    BURST_MAX, KEPT_MAX, PERIOD, boxed, dispose, kept_bytes, no_more_turns, turn, unboxed,
};

type Words = [usize; 8];

const WORDS: Words = [7; 8];

const SIZE: usize = size_of::<Words>();

fn address<T>(of: &T) -> usize {
    std::ptr::from_ref(of).addr()
}

#[expect(clippy::vec_box, reason = "the boxes are what is tested")]
fn many(bytes: usize) -> Vec<Box<Words>> {
    (0..bytes / SIZE).map(|_| boxed(WORDS)).collect()
}

#[expect(clippy::vec_box, reason = "as above")]
fn dispose_of(boxes: Vec<Box<Words>>) {
    boxes.into_iter().for_each(dispose);
}

/// Each test on a thread of its own, which begins with nothing and frees what it kept at its end.
fn on_a_thread(test: fn()) {
    std::thread::spawn(test).join().expect("the test's thread ends well");
}

#[test]
fn memory_comes_back_for_a_type_of_the_same_layout_only() {
    on_a_thread(|| {
        let first = boxed(WORDS);
        let place = address(&*first);
        assert_eq!(unboxed(first), WORDS);
        assert_eq!(kept_bytes(), SIZE);
        let smaller = boxed([0usize; 7]);
        assert_eq!(kept_bytes(), SIZE, "it is for another size");
        let second: Box<[u64; 8]> = boxed([1; 8]);
        assert_eq!(address(&*second), place);
        assert_eq!((kept_bytes(), *second), (0, [1; 8]));
        dispose(second);
        dispose(smaller);
        assert_eq!(kept_bytes(), SIZE + 56);
        drop(boxed(WORDS));
        assert_eq!(kept_bytes(), 56, "a box that is simply dropped is the allocator's");
    });
}

#[test]
fn what_has_no_class_is_the_allocators() {
    #[repr(align(32))]
    #[derive(Clone, Copy)]
    struct Wide([u8; 64]);

    on_a_thread(|| {
        dispose(boxed(()));
        dispose(boxed(Wide([1; 64])));
        dispose(boxed([0u8; 64]));
        dispose(boxed([0usize; 33]));
        assert_eq!(unboxed(boxed(Wide([3; 64]))).0[63], 3);
        unboxed(boxed(()));
        assert_eq!(kept_bytes(), 0);
    });
}

#[test]
fn a_value_is_dropped_once() {
    on_a_thread(|| {
        let counted = Rc::new(());
        dispose(boxed((counted.clone(), 0usize)));
        assert_eq!(Rc::strong_count(&counted), 1);
        let (moved, _) = unboxed(boxed((counted.clone(), 0usize)));
        assert_eq!(Rc::strong_count(&counted), 2);
        drop(moved);
        assert_eq!(Rc::strong_count(&counted), 1);
    });
}

#[test]
fn memory_is_kept_of_a_value_whose_destructor_unwinds() {
    struct Unwinds(#[expect(dead_code, reason = "it gives the value its size")] Words);

    impl Drop for Unwinds {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(()));
        }
    }

    on_a_thread(|| {
        let ended = std::panic::catch_unwind(|| dispose(boxed(Unwinds(WORDS))));
        assert!(ended.is_err());
        assert_eq!(kept_bytes(), SIZE);
    });
}

#[test]
fn a_thread_keeps_little_and_one_with_turns_a_burst() {
    on_a_thread(|| {
        dispose_of(many(4 * KEPT_MAX));
        assert_eq!(kept_bytes(), KEPT_MAX);
        turn(Instant::now());
        dispose_of(many(4 * KEPT_MAX));
        assert_eq!(kept_bytes(), 4 * KEPT_MAX);
        dispose_of(many(2 * BURST_MAX));
        assert_eq!(kept_bytes(), BURST_MAX);
        no_more_turns();
        assert_eq!(kept_bytes(), KEPT_MAX);
    });
}

#[test]
fn turns_give_back_what_a_period_went_by_without() {
    on_a_thread(|| {
        let (began, mut turns) = (Instant::now(), 0);
        let mut turn_in = |period: u32, ms: u64| {
            turns += 1;
            turn(began + PERIOD * period + Duration::from_millis(ms));
        };
        turn_in(0, 0);
        dispose_of(many(8 * KEPT_MAX));
        // The first period had nothing at its begin, and in the second half of it was in use.
        turn_in(1, 0);
        dispose_of(many(4 * KEPT_MAX));
        (0..1000).for_each(|ms| turn_in(1, ms));
        assert_eq!(kept_bytes(), 8 * KEPT_MAX);
        turn_in(2, 0);
        let each = 8 * KEPT_MAX - kept_bytes();
        assert!(each > 0 && each <= 64 * SIZE, "a turn gives back a few blocks, not {each} bytes");
        (0..1000).for_each(|ms| turn_in(2, ms));
        assert_eq!(kept_bytes(), 8 * KEPT_MAX - (4 * KEPT_MAX - KEPT_MAX), "half of it was needed");
        (0..1000).for_each(|ms| turn_in(3, ms));
        assert_eq!(kept_bytes(), KEPT_MAX);
    });
}

/// As of calls that handles make on other threads, and that end here.
#[test]
fn a_thread_keeps_little_of_what_others_made() {
    on_a_thread(|| {
        turn(Instant::now());
        (0..8 * KEPT_MAX / SIZE).for_each(|_| dispose(Box::new(WORDS)));
        assert_eq!(kept_bytes(), KEPT_MAX);
        // What it made itself comes on top.
        dispose_of(many(3 * KEPT_MAX));
        assert_eq!(kept_bytes(), 3 * KEPT_MAX);
    });
}

/// Else the turns would give back the blocks that the loop lives by, again and again, and keep what
/// is left of the burst for ever.
#[test]
fn turns_give_back_what_is_not_in_use_before_what_is() {
    on_a_thread(|| {
        let began = Instant::now();
        turn(began);
        dispose_of(many(8 * KEPT_MAX));
        let larger = || (0..100).map(|_| boxed([WORDS; 2])).collect::<Vec<_>>();
        let in_use = 100 * 2 * SIZE;
        for at in (0..1000).map(|turn| began + Duration::from_millis(8 * turn)) {
            larger().into_iter().for_each(dispose);
            turn(at);
        }
        assert!(kept_bytes() <= KEPT_MAX + in_use, "{} bytes are kept", kept_bytes());
        assert!(kept_bytes() >= in_use);
        let all_kept = kept_bytes();
        let again = larger();
        assert_eq!(kept_bytes(), all_kept - in_use, "what the loop lives by is there");
        again.into_iter().for_each(dispose);
    });
}
