//! What will happen in the simulated rack, and when.
//!
//! It runs nothing itself; `life` takes what is due. Invariant: what is due at the same moment
//! comes out in the order it went in, so a seed always gives the same history.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::store::Key;

/// Something that will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// A kubelet renews its lease, if the board has not changed state since.
    Beat { node: Key, epoch: u32 },
    /// A kubelet posts its whole status.
    Status { node: Key, epoch: u32 },
    /// The node controller looks at the age of a lease.
    Watchdog { node: Key },
    /// The pods of a node lost in this epoch are given up.
    GiveUp { node: Key, epoch: u32 },
    /// A board falls silent, for so long if it will come back.
    Dark { node: Key, back: Option<Duration> },
    /// A board comes back, having been rebooted or not.
    Back { node: Key, rebooted: bool },
    /// A board that was rebooted while it is onboarded comes back.
    Wake { board: Key },
    /// The unit of a board that is onboarded has started.
    Join { board: Key },
    /// Some pod changes.
    Churn,
    /// Some node has something to say.
    Remark,
    /// A pod that fails takes its next step.
    Crash { pod: Key },
    /// A pod that was starting or unready becomes ready.
    Settle { pod: Key },
    /// A pod that was asked to end has ended.
    Gone { pod: Key },
    /// The controllers look at what has changed.
    Control,
    /// k3s's own balancer writes its addresses.
    ServiceLb,
}

/// Jobs by the time they are due, counted from the start of the simulation.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Entry>,
    count: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    due: Duration,
    order: u64,
    job: Job,
}

impl Agenda {
    pub(crate) fn add(&mut self, due: Duration, job: Job) {
        self.count += 1;
        let order = self.count;
        self.heap.push(Entry { due, order, job });
    }

    /// When the next job is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.heap.peek().map(|entry| entry.due)
    }

    /// Takes the next job due at `now` or before, with its time.
    pub(crate) fn take_due(&mut self, now: Duration) -> Option<(Duration, Job)> {
        let entry = self.heap.peek().filter(|entry| entry.due <= now)?;
        let due = entry.due;
        self.heap.pop().map(|entry| (due, entry.job))
    }
}

impl Ord for Entry {
    /// The heap gives the greatest first, so the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Agenda, Job};

    #[test]
    fn jobs_come_out_by_time_and_then_by_arrival() {
        let mut agenda = Agenda::default();
        let second = Duration::from_secs(1);
        agenda.add(second * 2, Job::Remark);
        agenda.add(second, Job::Churn);
        agenda.add(second, Job::Remark);
        assert_eq!(agenda.take_due(second), Some((second, Job::Churn)));
        assert_eq!(agenda.take_due(second), Some((second, Job::Remark)));
        assert_eq!(agenda.take_due(second), None);
        assert_eq!(agenda.next_due(), Some(second * 2));
    }
}
