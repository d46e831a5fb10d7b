//! A view of all objects of a set, by kind, with their places in the whole text.

use std::collections::HashMap;
use std::ops::Range;

use crate::rack::pools::finding::{Finding, Kind};
use crate::rack::pools::object::{
    Alias, BgpAdvertisement, Body, Head, L2Advertisement, Object, ObjectKind, Peer, Pool, Profile,
};
use crate::rack::pools::range::Family;

/// An object's part of the set, with where its text begins in the whole.
#[derive(Debug)]
pub(super) struct At<'a, T> {
    pub head: &'a Head,
    pub body: &'a T,
    pub digest: &'a Digest,
    pub offset: usize,
}

impl<T> Clone for At<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for At<'_, T> {}

impl<T> At<'_, T> {
    pub(super) fn span(&self, local: &Range<usize>) -> Range<usize> {
        local.start + self.offset..local.end + self.offset
    }

    pub(super) fn head_span(&self) -> Range<usize> {
        self.span(&self.head.name.span)
    }

    pub(super) fn title(&self) -> String {
        self.head.title()
    }
}

/// What the whole-set rules ask of a pool's entries, counted once when the pool is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Digest {
    /// Per family, the entry whose widest block is narrowest: its prefix length and its index.
    pub narrowest: [Option<(u8, usize)>; 2],
    /// An entry of addresses that belong to somebody on the internet.
    pub public: Option<usize>,
    pub has: [bool; 2],
    pub mixed: Option<usize>,
}

impl Digest {
    pub(super) fn of(object: &Object) -> Digest {
        let mut digest = Digest::default();
        let Body::Pool(pool) = &object.body else {
            return digest;
        };
        for (index, written) in pool.addresses.iter().enumerate() {
            let Some(range) = written.range() else {
                if written.entry.is_ok() {
                    digest.mixed.get_or_insert(index);
                }
                continue;
            };
            let family = usize::from(range.family() == Family::V6);
            digest.has[family] = true;
            let length = written.widest_block().unwrap_or(0);
            if digest.narrowest[family].is_none_or(|(narrowest, _)| length > narrowest) {
                digest.narrowest[family] = Some((length, index));
            }
            if super::addresses::is_public(range) {
                digest.public.get_or_insert(index);
            }
        }
        digest
    }

    pub(super) fn narrowest(&self, family: Family) -> Option<(u8, usize)> {
        self.narrowest[usize::from(family == Family::V6)]
    }

    pub(super) fn has(&self, family: Family) -> bool {
        self.has[usize::from(family == Family::V6)]
    }
}

/// Everything of one world.
#[derive(Default)]
pub(super) struct Set<'a> {
    pub pools: Vec<At<'a, Pool>>,
    pub l2: Vec<At<'a, L2Advertisement>>,
    pub bgp: Vec<At<'a, BgpAdvertisement>>,
    pub peers: Vec<At<'a, Peer>>,
    pub profiles: Vec<At<'a, Profile>>,
    pub aliases: Vec<At<'a, Vec<Alias>>>,
    pub has_config_map: bool,
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Set<'a> {
    /// The first pool of a name.
    pub(super) fn pool(&self, name: &str) -> Option<At<'a, Pool>> {
        self.pools.get(*self.by_name.get(name)?).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        let objects = self.pools.len() + self.l2.len() + self.bgp.len() + self.peers.len();
        objects + self.profiles.len() + self.aliases.len() == 0 && !self.has_config_map
    }

    pub(super) fn add(&mut self, object: &'a Object, digest: &'a Digest, offset: usize) {
        let head = &object.head;
        match &object.body {
            Body::Pool(body) => {
                self.by_name
                    .entry(&head.name.value)
                    .or_insert(self.pools.len());
                self.pools.push(At {
                    head,
                    body,
                    digest,
                    offset,
                });
            }
            Body::L2Advertisement(body) => self.l2.push(At {
                head,
                body,
                digest,
                offset,
            }),
            Body::BgpAdvertisement(body) => self.bgp.push(At {
                head,
                body,
                digest,
                offset,
            }),
            Body::Peer(body) => self.peers.push(At {
                head,
                body: &**body,
                digest,
                offset,
            }),
            Body::Profile(body) => self.profiles.push(At {
                head,
                body,
                digest,
                offset,
            }),
            Body::Aliases(body) => self.aliases.push(At {
                head,
                body,
                digest,
                offset,
            }),
            Body::ConfigMap => self.has_config_map = true,
        }
    }
}

/// Objects that stand twice in the text: applying it leaves the last. Gives the findings and which objects to leave out.
pub(super) fn replaced<'a>(
    objects: impl Iterator<Item = (usize, &'a Object)>,
    findings: &mut Vec<Finding>,
) -> Vec<usize> {
    let mut last: HashMap<(ObjectKind, &str, &str), usize> = HashMap::new();
    let mut gone = Vec::new();
    for (index, (offset, object)) in objects.enumerate() {
        let head = &object.head;
        if head.kind.is_legacy() || head.name.is_empty() {
            continue;
        }
        let namespace = head.namespace.as_ref().map_or("", |it| &*it.value);
        if let Some(before) = last.insert((head.kind, namespace, &head.name), index) {
            gone.push(before);
            let span = head.name.span.start + offset..head.name.span.end + offset;
            let what = format!("{} stands twice", head.title());
            findings.push(
                Finding::warning(Kind::DuplicateName, span, what)
                    .why("the second replaces the first")
                    .next("give one of them another name"),
            );
        }
    }
    gone
}
