//! Sampling, distributions and books, alone.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Number;
use super::book::{Book, OTHER_NAMES, Stretches};
use super::latencies::Latencies;
use super::sample::{FIRST, SHARE, WINDOW_NS, Window};
use super::stamps::{Stamps, Timing};
use super::{CallStats, Passage};

#[test]
fn the_first_calls_of_a_window_are_timed_and_a_share_of_the_rest() {
    let window = Window::new();
    window.look(WINDOW_NS, 1000);
    assert!((1000..1000 + FIRST).all(|number| window.takes(number)));
    let rest = 1000 + FIRST..1000 + FIRST + 16_000;
    let taken = rest.filter(|&number| window.takes(number)).count();
    assert!((240..260).contains(&taken), "{taken} of 16000");
}

#[test]
fn calls_that_come_by_turns_all_have_their_share() {
    let window = Window::new();
    for kinds in 2..=64 {
        for kind in 0..kinds {
            let calls = (0..4000).map(|round| FIRST + round * kinds + kind);
            let taken = calls.filter(|&number| window.takes(number)).count() as u64;
            let share = 4000 / SHARE;
            assert!((share / 2..share * 2).contains(&taken), "{taken}, kind {kind} of {kinds}");
        }
    }
}

#[test]
fn a_window_begins_when_the_last_one_is_over() {
    let window = Window::new();
    window.look(2 * WINDOW_NS, 100);
    window.look(3 * WINDOW_NS - 1, 500);
    let all = |from: u64| (from..from + FIRST).all(|number| window.takes(number));
    assert!(all(100) && !all(500));
    window.look(3 * WINDOW_NS, 500);
    assert!(all(500) && !all(100));
}

#[test]
fn the_loop_and_its_handles_have_windows_of_their_own() {
    let now = Instant::now();
    let timing = Timing::new(now);
    let is_timed = |number| timing.submit(number, || now).are_there();
    assert!((0..FIRST).all(|number| is_timed(Number::OfLoop(number))));
    assert!((0..FIRST).all(|number| is_timed(Number::OfHandles(number))));
    let after = FIRST..2 * FIRST;
    assert!(!after.clone().all(|number| is_timed(Number::OfLoop(number))));
    assert!(!after.clone().all(|number| is_timed(Number::OfHandles(number))));
}

fn latencies(all_ns: impl IntoIterator<Item = u64>) -> Latencies {
    let mut latencies = Latencies::default();
    all_ns.into_iter().for_each(|ns| latencies.record(ns));
    latencies
}

#[test]
fn nothing_counted_is_zero_everywhere() {
    let none = Latencies::default();
    let zero = Duration::ZERO;
    assert_eq!((none.count(), none.min(), none.mean(), none.max()), (0, zero, zero, zero));
    assert_eq!((none.percentile(50.0), none.to_string()), (zero, "0 calls".to_owned()));
}

#[test]
fn extremes_and_mean_are_exact_and_percentiles_within_one_percent() {
    let all = latencies((1..=100_000).map(|n| n * 1000));
    let us = Duration::from_micros;
    assert_eq!((all.count(), all.min(), all.max()), (100_000, us(1), us(100_000)));
    assert_eq!(all.mean(), Duration::from_nanos(50_000_500));
    for percent in [1.0, 25.0, 50.0, 90.0, 99.0, 99.9] {
        let (is, exact) = (all.percentile(percent).as_secs_f64(), percent / 1000.0);
        assert!((is / exact - 1.0).abs() < 0.01, "p{percent}: {is} instead of {exact}");
    }
    assert_eq!((all.percentile(-1.0), all.percentile(0.0)), (us(1), us(1)));
    assert_eq!((all.percentile(100.0), all.percentile(f64::INFINITY)), (us(100_000), us(100_000)));
    assert!(all.percentile(f64::NAN) <= all.max());
}

#[test]
fn one_time_is_its_own_percentile_however_long_it_is() {
    for ns in [0, 1, 999, 123_456_789, u64::from(u32::MAX) * 1000, u64::MAX] {
        let one = latencies([ns]);
        let time = Duration::from_nanos(ns);
        let all = [one.min(), one.mean(), one.percentile(50.0), one.percentile(99.9), one.max()];
        assert_eq!(all, [time; 5]);
    }
}

#[test]
fn two_distributions_add_up_to_one() {
    let (low, high) = (latencies([5, 10, 15]), latencies([1_000_000, 2_000_000]));
    let mut sum = low.clone();
    sum.add(&high);
    assert_eq!(sum, latencies([5, 10, 15, 1_000_000, 2_000_000]));
    let mut same = Latencies::default();
    same.add(&sum);
    same.add(&Latencies::default());
    assert_eq!(same, sum);
    assert_ne!(sum, low);
}

#[test]
fn a_distribution_reads_in_one_line() {
    let text = latencies([84, 1500, 2_500_000]).to_string();
    assert_eq!(text, "3 calls: min 84ns, mean 833.9µs, p50 1.5µs, p99 2.5ms, max 2.5ms");
    let one = format!("{:?}", latencies([84]));
    assert_eq!(one, "Latencies(1 call: min 84ns, mean 84ns, p50 84ns, p99 84ns, max 84ns)");
}

fn stretches(ns: u64) -> Stretches {
    Stretches { queue_wait_ns: Some(ns), run_ns: None, delivery_wait_ns: 2 * ns }
}

#[test]
fn a_book_keeps_executors_and_names_apart() {
    let mut book = Book::default();
    book.record(2, Some(&Cow::Borrowed("a")), &stretches(10));
    book.record(0, Some(&Cow::Owned("a".to_owned())), &stretches(20));
    book.record(2, None, &stretches(30));
    let counts = |stats: &CallStats| {
        [&stats.queue_wait, &stats.run, &stats.delivery_wait].map(Latencies::count)
    };
    assert_eq!(counts(&book.take_lane(0)), [1, 0, 1]);
    assert_eq!(counts(&book.take_lane(1)), [0, 0, 0]);
    assert_eq!(counts(&book.take_lane(2)), [2, 0, 2]);
    let names: Vec<_> = book.into_names().map(|(name, stats)| (name, counts(&stats))).collect();
    assert_eq!(names, [("a".into(), [2, 0, 2])]);
}

#[test]
fn names_beyond_the_limit_share_an_entry() {
    let mut book = Book::default();
    for number in 0..1000 {
        book.record(0, Some(&Cow::Owned(format!("name {number}"))), &stretches(1));
    }
    let names: Vec<_> = book.into_names().collect();
    assert_eq!(names.len(), 257);
    let counted = |name: &(Cow<'static, str>, CallStats)| name.1.queue_wait.count();
    assert_eq!(names.iter().map(counted).sum::<u64>(), 1000);
    let (_, others) = names.iter().find(|(name, _)| name == OTHER_NAMES).expect("it is full");
    assert_eq!(others.queue_wait.count(), 744);
}

#[test]
fn stamps_take_little_room_and_are_as_rough_as_the_wait_is_long() {
    assert_eq!(size_of::<Stamps>(), 16, "the docs of `Offloop::stats` say so");
    let epoch = Instant::now();
    let timing = Timing::new(epoch);
    let ran_ns = |queued_ns: u64, ran_ns: u64| {
        let at = |ns: u64| epoch + Duration::from_nanos(ns);
        let stamps = timing.submit(Number::OfLoop(0), || epoch);
        stamps.begin(&timing, at(queued_ns));
        stamps.end(&timing, at(queued_ns + ran_ns));
        let passage = Passage { lane: 0, name: None, queued: true, began: true, by_task: false };
        stamps.stretches(timing.ns(at(queued_ns + ran_ns)), &passage).run_ns
    };
    assert_eq!(ran_ns(16_000_000, 85), Some(85));
    assert_eq!(ran_ns(0, 1 << 40), Some(1 << 40));
    let ten_minutes = 600_000_000_000;
    let told = ran_ns(ten_minutes, 100_000).expect("it ran");
    assert!(told.abs_diff(100_000) <= ten_minutes >> 23, "{told} ns");
}

#[test]
fn the_stretches_of_a_way_follow_on_one_another() {
    let epoch = Instant::now();
    let timing = Timing::new(epoch);
    let at = |ms: u64| epoch + Duration::from_millis(ms);
    let stamps = timing.submit(Number::OfLoop(0), || at(1));
    stamps.begin(&timing, at(3));
    let way = |stamps: &Stamps, queued, began| {
        let passage = Passage { lane: 0, name: None, queued, began, by_task: false };
        let Stretches { queue_wait_ns, run_ns, delivery_wait_ns } =
            stamps.stretches(timing.ns(at(10)), &passage);
        let ms = |ns: u64| ns / 1_000_000;
        (queue_wait_ns.map(ms), run_ns.map(ms), ms(delivery_wait_ns))
    };
    assert_eq!(way(&stamps, true, true), (Some(2), Some(7), 0), "the end is not stamped yet");
    stamps.end(&timing, at(6));
    assert_eq!(way(&stamps, true, true), (Some(2), Some(3), 4), "it ran");
    assert_eq!(way(&stamps, true, false), (Some(5), None, 4), "it ended in the queue");
    assert_eq!(way(&stamps, false, false), (None, None, 9), "it was refused");
    assert!(!Stamps::none().are_there());

    let run = Stamps::of_run(&timing, at(1));
    run.begin(&timing, at(4));
    for (submitted_ms, queue_wait, ran) in [(2, 2, 4), (7, 0, 1)] {
        let member = timing.submit(Number::OfLoop(1), || at(submitted_ms));
        member.begin_with(&run);
        member.end(&timing, at(8));
        assert_eq!(way(&member, true, true), (Some(queue_wait), Some(ran), 2));
    }
}
