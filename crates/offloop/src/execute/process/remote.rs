//! The part of a named call that knows the way out of the process. Invariant: it is made by
//! `.process()` alone, where the types are known to be serde values.

use std::any::TypeId;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attend::attend;
use super::shop::Shop;
use crate::complete::CallRef;
use crate::failure::Outcome;

type Attend<A, T> = fn(&Shop, u32, bool, &CallRef, A) -> Outcome<T>;

pub(crate) struct Remote<A, T> {
    shop: Arc<Shop>,
    index: u32,
    attend: Attend<A, T>,
}

impl<A: Serialize, T: DeserializeOwned> Remote<A, T> {
    /// `None`: the function is not registered.
    pub(crate) fn new(shop: &Arc<Shop>, function: TypeId) -> Option<Self> {
        let index = shop.registry.index_of(function)?;
        Some(Self { shop: shop.clone(), index, attend: attend::<A, T> })
    }
}

impl<A, T> Remote<A, T> {
    /// On an attendant's thread.
    pub(crate) fn perform(&self, idempotent: bool, call: &CallRef, args: A) -> Outcome<T> {
        (self.attend)(&self.shop, self.index, idempotent, call, args)
    }
}
