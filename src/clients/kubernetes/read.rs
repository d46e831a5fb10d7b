//! The decoder by itself, for bytes that are in hand already: the same code that [`super::follow`] uses, without a
//! server. Benchmarks measure it here.

use super::decode::{self, Event, Kind};
use super::split::Splitter;
use crate::rack::event::NodeEvent;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::Source;
use crate::rack::node::{Lease, Node};
use crate::rack::pod::Pod;

/// A list (or one page of it) as the fact that it is; objects that make no sense are left out.
pub(super) fn list(source: Source, body: &[u8]) -> Option<Fact> {
    fn of<K: Kind>(body: &[u8]) -> Option<Fact> {
        let mut items = Vec::new();
        let mut splitter = Splitter::default();
        let mut each =
            |json: &[u8]| items.extend(decode::object::<K>(json).ok().map(|object| object.item));
        splitter.push(body, &mut each).ok()?;
        splitter.finish().ok()?;
        Some(K::fact(Change::Listed(items)))
    }
    match source {
        Source::Nodes => of::<Node>(body),
        Source::Leases => of::<Lease>(body),
        Source::Pods => of::<Pod>(body),
        Source::Events => of::<NodeEvent>(body),
        Source::Metrics => None,
    }
}

/// A line of a watch as the fact that it is.
pub(super) fn line(source: Source, line: &[u8]) -> Option<Fact> {
    fn of<K: Kind>(line: &[u8]) -> Option<Fact> {
        match decode::event::<K>(line) {
            Event::Applied(object) => Some(K::fact(Change::Applied(object.item))),
            Event::Deleted(object) => Some(K::fact(Change::Deleted(object.item))),
            _ => None,
        }
    }
    match source {
        Source::Nodes => of::<Node>(line),
        Source::Leases => of::<Lease>(line),
        Source::Pods => of::<Pod>(line),
        Source::Events => of::<NodeEvent>(line),
        Source::Metrics => None,
    }
}
