//! MetalLB's objects as we understand them, with the place of every word that a problem may point at.
//!
//! Both worlds end here: a pool of the ConfigMap and an `IPAddressPool` are one [`Pool`], which remembers where it came
//! from. What could not be read is left out; a [finding](crate::rack::pools::finding) says so.

use std::ops::{Deref, Range};

use crate::rack::pools::entry::{Entry, EntryError, Notation};
use crate::rack::pools::range::{AddressRange, Family};
use crate::rack::pools::space::Space;
use crate::rack::selector::{LabelSelector, Labels};

/// A value and its bytes in the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A word with its place.
pub type Word = Spanned<Box<str>>;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    IpAddressPool,
    /// Gone since 0.14.3.
    AddressPool,
    L2Advertisement,
    BgpAdvertisement,
    BgpPeer,
    BfdProfile,
    Community,
    ConfigMap,
    /// A pool, peer or profile inside the ConfigMap.
    Legacy(Part),
}

/// What the ConfigMap's text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Pool,
    Peer,
    Profile,
    Communities,
}

impl ObjectKind {
    pub fn word(self) -> &'static str {
        match self {
            ObjectKind::IpAddressPool => "IPAddressPool",
            ObjectKind::AddressPool => "AddressPool",
            ObjectKind::L2Advertisement => "L2Advertisement",
            ObjectKind::BgpAdvertisement => "BGPAdvertisement",
            ObjectKind::BgpPeer => "BGPPeer",
            ObjectKind::BfdProfile => "BFDProfile",
            ObjectKind::Community => "Community",
            ObjectKind::ConfigMap => "ConfigMap",
            ObjectKind::Legacy(Part::Pool) => "pool",
            ObjectKind::Legacy(Part::Peer) => "peer",
            ObjectKind::Legacy(Part::Profile) => "bfd profile",
            ObjectKind::Legacy(Part::Communities) => "bgp-communities",
        }
    }

    pub fn is_legacy(self) -> bool {
        matches!(self, ObjectKind::Legacy(_) | ObjectKind::ConfigMap)
    }
}

/// Who an object is and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub kind: ObjectKind,
    /// Empty where the name is missing; peers of the ConfigMap have none and are called by their address.
    pub name: Word,
    pub namespace: Option<Word>,
    pub labels: Labels,
    pub span: Range<usize>,
}

impl Head {
    /// `IPAddressPool lan`.
    pub fn title(&self) -> String {
        if self.name.is_empty() {
            format!("a {} without a name", self.kind.word())
        } else {
            format!("{} {}", self.kind.word(), &*self.name.value)
        }
    }
}

/// An object of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub head: Head,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Pool(Pool),
    L2Advertisement(L2Advertisement),
    BgpAdvertisement(BgpAdvertisement),
    Peer(Box<Peer>),
    Profile(Profile),
    Aliases(Vec<Alias>),
    /// The ConfigMap itself; what it holds follows it as objects of their own.
    ConfigMap,
}

/// How a legacy pool is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Layer2,
    Bgp,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pool {
    pub addresses: Vec<Written>,
    /// Where `addresses` stands.
    pub addresses_span: Range<usize>,
    pub auto_assign: bool,
    pub avoids_buggy: bool,
    pub allocation: Option<Allocation>,
    /// Legacy pools and `AddressPool`s only; `Err` holds a word that is no protocol.
    pub protocol: Option<Spanned<Result<Protocol, Box<str>>>>,
    /// Legacy pools and `AddressPool`s only.
    pub advertisements: Vec<BgpAdvertisement>,
}

/// One entry of `addresses`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub text: Box<str>,
    pub span: Range<usize>,
    pub entry: Result<Entry, EntryError>,
}

impl Written {
    pub fn range(&self) -> Option<AddressRange> {
        self.entry.as_ref().ok()?.range
    }

    /// The length of its widest block: what an aggregation must not be shorter than.
    pub fn widest_block(&self) -> Option<u8> {
        match self.entry.as_ref().ok()? {
            Entry {
                notation: Notation::Prefix { prefix, .. },
                ..
            } => Some(prefix.length),
            Entry { range, .. } => (*range)?.prefixes().map(|it| it.length).min(),
        }
    }
}

impl Pool {
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> {
        self.addresses.iter().filter_map(Written::range)
    }

    pub fn space(&self) -> Space {
        Space::new(self.ranges(), self.avoids_buggy)
    }

    pub fn has_family(&self, family: Family) -> bool {
        self.ranges().any(|range| range.family() == family)
    }
}

/// Which Services may have addresses of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allocation {
    /// 0 comes last, otherwise the lower first.
    pub priority: i64,
    pub namespaces: Vec<Word>,
    pub namespace_selectors: Vec<Spanned<LabelSelector>>,
    pub service_selectors: Vec<Spanned<LabelSelector>>,
}

impl Allocation {
    /// Namespaces by name or by label, and Services by label; a list that is empty asks for nothing.
    pub fn takes(
        &self,
        namespace: &str,
        namespace_labels: &Labels,
        service_labels: &Labels,
    ) -> bool {
        let any = |selectors: &[Spanned<LabelSelector>], labels| {
            selectors.iter().any(|it| it.matches(labels))
        };
        let names_nobody = self.namespaces.is_empty() && self.namespace_selectors.is_empty();
        let is_here = names_nobody
            || self.namespaces.iter().any(|it| &*it.value == namespace)
            || any(&self.namespace_selectors, namespace_labels);
        is_here
            && (self.service_selectors.is_empty() || any(&self.service_selectors, service_labels))
    }

    /// Says who may have addresses at all; a priority alone does not.
    pub fn is_choosy(&self) -> bool {
        !(self.namespaces.is_empty()
            && self.namespace_selectors.is_empty()
            && self.service_selectors.is_empty())
    }
}

/// Which pools and nodes an advertisement is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    pub pools: Vec<Word>,
    pub pool_selectors: Vec<Spanned<LabelSelector>>,
    pub node_selectors: Vec<Spanned<LabelSelector>>,
    pub service_selectors: Vec<Spanned<LabelSelector>>,
}

impl Selection {
    /// Both lists empty: all pools.
    pub fn is_everything(&self) -> bool {
        self.pools.is_empty() && self.pool_selectors.is_empty()
    }

    pub fn takes_pool(&self, name: &str, labels: &Labels) -> bool {
        self.is_everything()
            || self.pools.iter().any(|it| &*it.value == name)
            || self.pool_selectors.iter().any(|it| it.matches(labels))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct L2Advertisement {
    pub selection: Selection,
    pub interfaces: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BgpAdvertisement {
    pub selection: Selection,
    pub aggregation_length: Option<Spanned<i64>>,
    pub aggregation_length_v6: Option<Spanned<i64>>,
    pub local_preference: Option<Spanned<i64>>,
    pub communities: Vec<Word>,
    pub peers: Vec<Word>,
    pub span: Range<usize>,
}

impl BgpAdvertisement {
    /// Bits of the announced routes; a host's by default.
    pub fn aggregation(&self, family: Family) -> i64 {
        let written = match family {
            Family::V4 => &self.aggregation_length,
            Family::V6 => &self.aggregation_length_v6,
        };
        written
            .as_ref()
            .map_or(i64::from(family.bits()), |it| it.value)
    }

    pub fn preference(&self) -> i64 {
        self.local_preference.as_ref().map_or(0, |it| it.value)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peer {
    pub my_asn: Option<Spanned<i64>>,
    pub peer_asn: Option<Spanned<i64>>,
    pub dynamic_asn: Option<Word>,
    pub address: Option<Word>,
    pub interface: Option<Word>,
    pub source_address: Option<Word>,
    pub port: Option<Spanned<i64>>,
    pub hold_time: Option<Word>,
    pub keepalive_time: Option<Word>,
    pub connect_time: Option<Word>,
    pub router_id: Option<Word>,
    pub node_selectors: Vec<Spanned<LabelSelector>>,
    /// Where the password stands. Its text is never kept.
    pub password: Option<Range<usize>>,
    /// The name of the Secret.
    pub password_secret: Option<Word>,
    pub profile: Option<Word>,
    pub is_multihop: bool,
    pub vrf: Option<Word>,
    /// Other fields that only FRR understands.
    pub frr_only: Vec<Word>,
    /// Resources only: `metallb.io/v1beta1`, deprecated.
    pub has_old_version: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    pub has_echo: bool,
    pub is_passive: bool,
    /// Legacy only: numbers outside their bounds are the parser's business there, the schema's elsewhere.
    pub numbers: Vec<(&'static str, Spanned<i64>)>,
}

/// A name for a community.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alias {
    pub name: Word,
    pub value: Word,
}
