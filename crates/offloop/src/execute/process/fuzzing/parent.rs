//! A parent whose workers are anything that holds their end of the socket.
//!
//! Invariant: a call here takes the way that it takes in earnest from the moment an attendant's
//! thread runs it; what stands beside that way, the manager and the loop, is played by the target.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::manager;
use super::super::options::Processes;
use super::super::peer::Peer;
use super::super::remote::Remote;
use super::super::shop::Shop;
use super::super::wire::Layout;
use crate::complete::{
    CallRef, Details, Hub, LaneId, Mailbox, Phase, Policy, Receiver, Verdict, Work, call, rig,
};
use crate::deliver::Popper;
use crate::execute::Functions;
use crate::execute::named::Named;
use crate::failure::{By, Outcome};
use crate::sys::WakeFd;
use crate::sys::process::{Arena, Child, Socket};

/// Calls in a row that one parent takes.
const ROOM: usize = 16;

/// All that an attendant has to do with, and the loop's end of it.
pub struct Parent {
    shop: Arc<Shop>,
    hub: Arc<Hub>,
    ready: Popper<CallRef>,
}

/// What the parent knows of a worker.
#[derive(Clone)]
pub struct Worker(Arc<Peer>);

/// What a worker has, and whether its process has ended.
pub struct WorkerSide {
    /// What a worker finds at its descriptor 0.
    pub socket: OwnedFd,
    /// The arena.
    pub memory: OwnedFd,
    /// An event descriptor: the process has ended when it is written to.
    pub process: OwnedFd,
}

impl Parent {
    /// Of workers with these functions, whose arguments and results have `max_payload` bytes at most.
    pub fn new(functions: &Functions, max_payload: usize) -> Self {
        let bell = Arc::new(WakeFd::new().expect("a descriptor"));
        let processes = Processes::new(functions.clone()).workers(ROOM).spare(ROOM);
        let processes = processes.max_payload(max_payload);
        let shop = Shop::unmanaged(processes, &bell).expect("nothing is started");
        let (hub, ready) = rig::hub(ROOM);
        Self { shop, hub, ready }
    }

    /// A worker that nobody has met; its terms are on their way to it.
    pub fn meet(&self) -> (Worker, WorkerSide) {
        let layout = Layout::new(self.shop.config.max_payload).expect("a small one");
        let (socket, theirs) = Socket::pair().expect("two descriptors");
        let (arena, memory) = Arena::create(layout.len()).expect("memory");
        let process = WakeFd::new().expect("a descriptor");
        let process = process.as_fd().try_clone_to_owned().expect("a descriptor");
        let child = Child::stand_in(process.try_clone().expect("a descriptor"));
        let peer = Peer::new(socket, child, arena, layout, false);
        peer.greet(&self.shop.config, self.shop.digest, &memory);
        (Worker(Arc::new(peer)), WorkerSide { socket: theirs, memory, process })
    }

    /// What the manager makes of a worker's first message.
    pub fn check(&self, worker: &Worker) -> Result<(), String> {
        manager::check(&self.shop, &worker.0, &mut Vec::new())
    }

    /// Has calls go to this worker, before all others.
    pub fn hire(&self, worker: &Worker) {
        self.shop.rack.plan_starts();
        self.shop.rack.started(worker.0.clone());
    }

    /// Has no more calls go to it.
    pub fn dismiss(&self, worker: &Worker) {
        self.shop.rack.lose(&worker.0);
    }

    /// A call of `function`, which is one of the workers', with progress of whole numbers.
    pub fn call<F, A, T>(&self, function: F, args: A, idempotent: bool) -> Pending<'_, T>
    where
        F: Fn(A) -> T + Send + 'static,
        A: Serialize + Send + 'static,
        T: DeserializeOwned + Send + 'static,
    {
        let remote = Remote::new(&self.shop, std::any::TypeId::of::<F>());
        let mut job = Named::new(function, args);
        job.set_remote(remote.expect("a function of the workers'"));
        if idempotent {
            job.set_idempotent();
        }
        let mut policy = Policy::default();
        policy.mail = Some(Mailbox::<u32>::new(false));
        let details = rig::details(LaneId::Process);
        let details = Details { policy: Some(Box::new(policy)), ..details };
        self.hub.lane(LaneId::Process).admit().expect("room for it");
        let (work, receiver, call) = call(&self.hub, job, details);
        Pending { parent: self, work, receiver, call }
    }

    /// How many outcomes were decided since the last look.
    pub fn count_decided(&mut self) -> usize {
        std::iter::from_fn(|| self.ready.pop()).count()
    }
}

impl Worker {
    /// Whether it is out of its parent's books.
    pub fn is_lost(&self) -> bool {
        self.0.gone.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Wakes it from whatever it waits for.
    pub fn shut(&self) {
        self.0.socket.shut();
    }
}

/// A call that nobody runs yet.
pub struct Pending<'a, T: Send + 'static> {
    parent: &'a Parent,
    work: Work,
    receiver: Receiver<T>,
    call: CallRef,
}

impl<T: Send + 'static> Pending<'_, T> {
    /// Whoever may cancel it meanwhile.
    pub fn canceller(&self) -> Canceller {
        Canceller { shop: self.parent.shop.clone(), call: self.call.clone() }
    }

    /// Runs it on this thread, as an attendant does.
    pub fn run(mut self) -> Outcome<T> {
        drop(self.work.try_run());
        assert!(self.call.is_decided(), "an attendant came back without an outcome");
        self.receiver.take().expect("what is decided can be taken")
    }
}

/// Whoever may cancel a call, on any thread.
pub struct Canceller {
    shop: Arc<Shop>,
    call: CallRef,
}

impl Canceller {
    /// As [`Ticket::cancel`](crate::Ticket::cancel).
    pub fn cancel(&self) {
        if self.call.decide(Verdict::Cancelled(By::Caller)) == Some(Phase::Running) {
            self.shop.cut(&self.call);
        }
    }
}
