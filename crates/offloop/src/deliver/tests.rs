//! The table's tokens and the queue, alone.

use std::borrow::Cow;
use std::panic::Location;

use super::queue::{Parcel, queue};
use super::table::{Entry, Table, Token, Unobserved, Waiting};

struct Number(u32);

impl Entry<Vec<u32>> for Number {
    fn run(self: Box<Self>, state: &mut Vec<u32>, _: &dyn Fn(Unobserved)) {
        state.push(self.0);
    }

    fn forgo(self: Box<Self>) -> Unobserved {
        Unobserved { name: None, place: self.place(), failure: None, handler_dropped: true }
    }

    fn shutter(&self) -> Box<dyn FnOnce()> {
        Box::new(|| {})
    }

    fn starter(&self) -> Option<Box<dyn FnOnce()>> {
        None
    }

    fn place(&self) -> &'static Location<'static> {
        Location::caller()
    }

    fn name(&self) -> Option<Cow<'static, str>> {
        None
    }

    fn is_decided(&self) -> bool {
        true
    }
}

fn insert(table: &mut Table<Vec<u32>>, number: u32) -> Token {
    let token = table.reserve();
    table.insert(token, Waiting::new(Box::new(Number(number)), None, 0));
    token
}

fn run(table: &mut Table<Vec<u32>>, token: Token) -> Option<u32> {
    let mut seen = Vec::new();
    table.take(token)?.entry.run(&mut seen, &|_| {});
    seen.pop()
}

#[test]
fn a_token_finds_its_own_entry_and_only_once() {
    let mut table = Table::new();
    let (a, b) = (insert(&mut table, 1), insert(&mut table, 2));
    assert_eq!(run(&mut table, b), Some(2));
    assert_eq!(run(&mut table, b), None, "delivered twice");
    let c = insert(&mut table, 3);
    assert_eq!(run(&mut table, b), None, "a late token found its slot's next tenant");
    assert_eq!(run(&mut table, c), Some(3));
    assert_eq!(run(&mut table, a), Some(1));
    assert_eq!(table.len(), 0);
}

#[test]
fn tokens_of_a_burst_stay_dead_when_its_memory_is_given_back() {
    let mut table = Table::new();
    let burst: Vec<_> = (0..2000).map(|number| insert(&mut table, number)).collect();
    for &token in &burst {
        assert!(run(&mut table, token).is_some());
    }
    let few = insert(&mut table, 0);
    assert_eq!(run(&mut table, few), Some(0));
    assert_eq!(table.slots(), 0, "hardly used, it gives its memory back");
    let second: Vec<_> = (0..2000).map(|number| insert(&mut table, number)).collect();
    for (number, (&dead, &alive)) in burst.iter().zip(&second).enumerate() {
        assert_eq!(run(&mut table, dead), None);
        assert_eq!(run(&mut table, alive), Some(number as u32));
    }
}

#[test]
fn a_table_keeps_its_memory_from_burst_to_burst() {
    let mut table = Table::new();
    for burst in [2000, 1500, 501] {
        let tokens: Vec<_> = (0..burst).map(|number| insert(&mut table, number)).collect();
        tokens.into_iter().for_each(|token| assert!(run(&mut table, token).is_some()));
        assert_eq!(table.slots(), 2000);
    }
    let tokens: Vec<_> = (0..499).map(|number| insert(&mut table, number)).collect();
    tokens.into_iter().for_each(|token| assert!(run(&mut table, token).is_some()));
    assert_eq!(table.slots(), 0);
}

#[test]
fn the_queue_is_first_in_first_out_and_drops_what_is_left() {
    let counted = std::sync::Arc::new(());
    let (push, mut pop) = queue();
    for number in 0..100 {
        push.push(Parcel::new((number, counted.clone())));
    }
    assert!((0..50).all(|number| pop.pop().is_some_and(|parcel| parcel.value.0 == number)));
    assert!(!pop.is_empty());
    drop(pop);
    assert_eq!(std::sync::Arc::strong_count(&counted), 1, "the popper dropped the rest");
    push.push(Parcel::new((100, counted.clone())));
    assert_eq!(std::sync::Arc::strong_count(&counted), 1, "a closed queue keeps nothing");
}
