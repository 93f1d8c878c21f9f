//! Real calloop loops. Invariant of every test: the loop delivers in the source's callback and at no
//! other time, so a wake that is missing makes it hang, which the limit of `dispatch` reports.

mod conformance;
mod faults;
mod source;
