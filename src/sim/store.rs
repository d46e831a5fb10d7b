//! The memory of the simulated API server: objects by kind and key, one version counter, and
//! the recent changes of each kind for watches.
//!
//! It knows nothing of boards or HTTP. Invariant: every change gets the next version, and a
//! watcher that asks for changes after version N gets all of them in order or is told they are gone.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::watch;

use super::object::Object;
use super::resource::{COUNT, Kind};

/// Changes kept per kind: more than a minute of the large rack.
const HISTORY: usize = 16_384;

pub(crate) type Key = Arc<str>;

/// All objects.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    /// One per kind, in the order of the kinds.
    shelves: [Shelf; COUNT],
    /// Something changed that controllers look at.
    stirred: bool,
}

/// The objects of one kind.
#[derive(Debug)]
struct Shelf {
    objects: BTreeMap<Key, Stored>,
    history: VecDeque<Change>,
    /// Changes up to this version cannot be asked for any more.
    compacted: u64,
    /// Changes up to this version have left the history.
    dropped: u64,
    bell: watch::Sender<u64>,
}

/// An object and the version of its last change.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) version: u64,
    pub(crate) object: Arc<Object>,
}

/// One change, as a watch tells it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    /// What it became; for a deletion, what it was last.
    pub(crate) object: Arc<Object>,
    pub(crate) what: What,
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub(crate) enum What {
    Added,
    /// It was this before; a selector needs to know.
    Modified(Arc<Object>),
    Deleted,
}

/// Objects as they stood at one version.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    pub(crate) items: Vec<(Key, Stored)>,
    /// Whether the limit cut something off.
    pub(crate) more: bool,
}

impl Store {
    /// An empty store whose counter starts at `version`, like a cluster that has lived a while.
    pub(crate) fn new(version: u64) -> Self {
        let shelf = |_| Shelf {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            compacted: version,
            dropped: version,
            bell: watch::Sender::new(version),
        };
        Self {
            version,
            shelves: std::array::from_fn(shelf),
            stirred: true,
        }
    }

    /// Whether something changed since this was last asked that controllers look at.
    pub(crate) fn take_stirred(&mut self) -> bool {
        std::mem::take(&mut self.stirred)
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, kind: Kind, key: &str) -> Option<&Stored> {
        self.shelf(kind).objects.get(key)
    }

    pub(crate) fn len(&self, kind: Kind) -> usize {
        self.shelf(kind).objects.len()
    }

    pub(crate) fn iter(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Stored)> {
        self.shelf(kind).objects.iter()
    }

    /// Stores an object, new or changed, and wakes the watchers. The answer is its version.
    pub(crate) fn put(&mut self, kind: Kind, key: &Key, object: Object) -> u64 {
        self.version += 1;
        self.note(kind);
        let version = self.version;
        let object = Arc::new(object);
        let stored = Stored {
            version,
            object: Arc::clone(&object),
        };
        let place = self.shelf_mut(kind);
        let what = match place.objects.insert(Arc::clone(key), stored) {
            Some(previous) => What::Modified(previous.object),
            None => What::Added,
        };
        place.remember(Change {
            version,
            key: Arc::clone(key),
            object,
            what,
        });
        version
    }

    /// Removes an object; `None` if there was none.
    pub(crate) fn remove(&mut self, kind: Kind, key: &str) -> Option<Arc<Object>> {
        let (key, stored) = self.shelf_mut(kind).objects.remove_entry(key)?;
        self.version += 1;
        self.note(kind);
        let change = Change {
            version: self.version,
            key,
            object: Arc::clone(&stored.object),
            what: What::Deleted,
        };
        self.shelf_mut(kind).remember(change);
        Some(stored.object)
    }

    /// Makes everything before now impossible to resume from, as etcd's compaction does.
    pub(crate) fn compact(&mut self) {
        let version = self.version;
        for shelf in &mut self.shelves {
            shelf.compacted = version;
        }
    }

    /// Forgets the history as well: what was put so far counts as old.
    pub(crate) fn settle(&mut self) {
        self.compact();
        let version = self.version;
        for shelf in &mut self.shelves {
            shelf.history = VecDeque::new();
            shelf.dropped = version;
        }
    }

    /// The version before which a new watch of this kind cannot begin.
    pub(crate) fn oldest(&self, kind: Kind) -> u64 {
        let place = self.shelf(kind);
        place.compacted.max(place.dropped)
    }

    /// The changes after `version`, at most `limit`; `None` if some have left the history.
    pub(crate) fn since(&self, kind: Kind, version: u64, limit: usize) -> Option<Vec<Change>> {
        let place = self.shelf(kind);
        if version < place.dropped {
            return None;
        }
        let first = place
            .history
            .partition_point(|change| change.version <= version);
        Some(
            place
                .history
                .iter()
                .skip(first)
                .take(limit)
                .cloned()
                .collect(),
        )
    }

    /// Wakes the watchers of a kind although nothing has changed.
    pub(crate) fn ring(&mut self, kind: Kind) {
        let version = self.version;
        self.shelf_mut(kind).bell.send_replace(version);
    }

    /// Rings for every change of a kind, with its version.
    pub(crate) fn bell(&self, kind: Kind) -> watch::Receiver<u64> {
        self.shelf(kind).bell.subscribe()
    }

    /// The objects whose keys start with `prefix`, after the key `after`, that `keep` wants.
    pub(crate) fn snapshot(
        &self,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        keep: impl Fn(&Key, &Object) -> bool,
    ) -> Snapshot {
        let start = match after {
            Some(after) => Bound::Excluded(after),
            None => Bound::Included(prefix),
        };
        let mut found = self
            .shelf(kind)
            .objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(key, stored)| keep(key, &stored.object));
        let items = found
            .by_ref()
            .take(limit)
            .map(|(key, stored)| (Arc::clone(key), stored.clone()))
            .collect();
        Snapshot {
            version: self.version,
            items,
            more: found.next().is_some(),
        }
    }

    fn shelf(&self, kind: Kind) -> &Shelf {
        let [first, ..] = &self.shelves;
        self.shelves.get(kind as usize).unwrap_or(first)
    }

    fn shelf_mut(&mut self, kind: Kind) -> &mut Shelf {
        // The array has one place for each kind.
        let index = (kind as usize).min(COUNT - 1);
        &mut self.shelves[index]
    }

    fn note(&mut self, kind: Kind) {
        self.stirred |= !matches!(kind, Kind::Event | Kind::Lease | Kind::Namespace);
    }
}

impl Shelf {
    fn remember(&mut self, change: Change) {
        if self.history.len() >= HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.dropped = oldest.version;
        }
        let version = change.version;
        self.history.push_back(change);
        self.bell.send_replace(version);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::{HISTORY, Store, What};
    use crate::sim::object::Object;
    use crate::sim::resource::Kind;

    fn thing(number: usize) -> Object {
        Object::Given(Box::new(json!({ "metadata": { "number": number } })))
    }

    #[test]
    fn changes_come_in_order_and_only_those_after_the_version() {
        let mut store = Store::new(100);
        let key = Arc::from("rpi-01");
        let added = store.put(Kind::Node, &key, thing(1));
        let changed = store.put(Kind::Node, &key, thing(2));
        store.remove(Kind::Node, &key);
        let all = store.since(Kind::Node, 100, 10).unwrap();
        assert!(matches!(all[0].what, What::Added));
        assert!(matches!(all[1].what, What::Modified(_)));
        assert!(matches!(all[2].what, What::Deleted));
        assert_eq!((added, changed, all[2].version), (101, 102, 103));
        assert_eq!(store.since(Kind::Node, 102, 10).unwrap().len(), 1);
        assert_eq!(store.since(Kind::Pod, 100, 10).unwrap().len(), 0);
    }

    #[test]
    fn what_left_the_history_cannot_be_resumed() {
        let mut store = Store::new(1);
        let key = Arc::from("rpi-01");
        for number in 0..=HISTORY {
            store.put(Kind::Node, &key, thing(number));
        }
        assert!(store.since(Kind::Node, 1, 10).is_none());
        assert_eq!(store.oldest(Kind::Node), 2);
        assert_eq!(
            store.since(Kind::Node, 2, usize::MAX).unwrap().len(),
            HISTORY
        );
    }

    #[test]
    fn a_page_ends_where_the_next_one_begins() {
        let mut store = Store::new(1);
        for name in ["a/1", "b/1", "b/2", "b/3", "c/1"] {
            store.put(Kind::Pod, &Arc::from(name), thing(0));
        }
        let page = store.snapshot(Kind::Pod, "b/", None, 2, |_, _| true);
        let keys: Vec<_> = page.items.iter().map(|(key, _)| &**key).collect();
        assert_eq!((keys, page.more), (vec!["b/1", "b/2"], true));
        let rest = store.snapshot(Kind::Pod, "b/", Some("b/2"), 2, |_, _| true);
        assert_eq!((rest.items.len(), rest.more), (1, false));
    }
}
