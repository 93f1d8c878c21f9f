//! Progress handlers. Invariant: values that no handler gets are dropped off the loop.

use std::sync::Arc;

use crate::complete::{Hub, Mailbox, Remains};
use crate::deliver::Watch;

/// A handler and the mailbox that it empties.
pub(super) struct Progress<P: Send + 'static, H> {
    mailbox: Arc<Mailbox<P>>,
    handler: H,
    hub: Arc<Hub>,
}

impl<P: Send + 'static, H> Progress<P, H> {
    pub(super) fn new(mailbox: Arc<Mailbox<P>>, handler: H, hub: Arc<Hub>) -> Self {
        Self { mailbox, handler, hub }
    }
}

impl<S, P, H> Watch<S> for Progress<P, H>
where
    P: Send + 'static,
    H: FnMut(&mut S, P),
{
    fn deliver_one(&mut self, state: &mut S) -> bool {
        let (value, more) = self.mailbox.take();
        if let Some(value) = value {
            (self.handler)(state, value);
        }
        more
    }

    fn has_mail(&self) -> bool {
        !self.mailbox.is_empty()
    }
}

impl<P: Send + 'static, H> Drop for Progress<P, H> {
    fn drop(&mut self) {
        let left = self.mailbox.take_all();
        if !left.is_empty() {
            self.hub.discard(Remains::Value(self.hub.clone(), Box::new(left)));
        }
    }
}
