//! The calling thread's nice value and CPUs, on Linux. Invariant: both touch this thread alone.

use std::io;

use rustix::process::setpriority_process;
use rustix::thread::{CpuSet, gettid, sched_setaffinity};

pub(crate) fn nice(nice: i32) -> io::Result<()> {
    // Linux keeps a nice value per thread, under the thread's id.
    Ok(setpriority_process(Some(gettid()), nice)?)
}

pub(crate) fn pin(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        if cpu >= CpuSet::MAX_CPU {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        set.set(cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}
