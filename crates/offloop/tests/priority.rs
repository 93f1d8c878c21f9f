//! Priorities: what is urgent goes first, and nothing starves. Invariant: one worker runs all the
//! calls of a test, and all wait before it takes the first.

mod common;

use common::{Hold, TestLoop};
use offloop::{Priority, Threads};

/// Submits these in this order, and says in which order they ran, by index.
fn order(priorities: &[Priority]) -> Vec<usize> {
    let lp = TestLoop::<Vec<usize>>::with(|builder| builder.threads(Threads::new().max(1)));
    let hold = Hold::threads(&lp.off, 1);
    for (index, &priority) in priorities.iter().enumerate() {
        let call = lp.off.call(|| ()).priority(priority);
        call.then(move |ran: &mut Vec<usize>, _| ran.push(index));
    }
    hold.open();
    let mut ran = Vec::new();
    lp.run_until(&mut ran, |ran| ran.len() == priorities.len());
    ran
}

fn place(ran: &[usize], index: usize) -> usize {
    ran.iter().position(|&one| one == index).unwrap()
}

#[test]
fn calls_of_one_priority_run_in_submit_order() {
    for priority in [Priority::High, Priority::Normal, Priority::Low] {
        assert!(order(&[priority; 100]).into_iter().eq(0..100));
    }
}

#[test]
fn a_higher_priority_goes_first() {
    use Priority::{High, Low, Normal};
    let submitted: Vec<Priority> = [Low, Normal, High].into_iter().cycle().take(120).collect();
    let ran = order(&submitted);
    let mean = |wanted: Priority| {
        let of = |&index: &usize| submitted[index] == wanted;
        (0..120).filter(of).map(|index| place(&ran, index)).sum::<usize>() / 40
    };
    assert!(mean(High) < mean(Normal) && mean(Normal) < mean(Low));
    assert_eq!(Priority::default(), Normal);
    assert!(High < Normal && Normal < Low, "in the order in which they go");
}

#[test]
fn a_flood_of_urgent_calls_starves_no_other() {
    let mut submitted = vec![Priority::High; 200];
    submitted[198] = Priority::Low;
    submitted[199] = Priority::Normal;
    let ran = order(&submitted);
    assert!(place(&ran, 199) <= 4, "one take in 4 is of normal priority, if one waits");
    assert!(place(&ran, 198) <= 16, "one take in 16 is of low priority, if one waits");
}

#[test]
fn a_flood_of_normal_calls_starves_no_low_one() {
    let mut submitted = vec![Priority::Normal; 200];
    submitted[199] = Priority::Low;
    assert!(place(&order(&submitted), 199) <= 16);
}
