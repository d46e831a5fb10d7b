//! The text of `data.config`, which MetalLB up to 0.12 reads.
//!
//! Its decoder is strict: one unknown or repeated key, and the whole text counts for nothing.

use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{
    Alias, BgpAdvertisement, Body, Head, Object, ObjectKind, Part, Peer, Pool, Profile, Protocol,
    Spanned, Word,
};
use crate::rack::pools::read::fields::{
    LEGACY, addresses, flag, integer, selectors, text_at, word_at, words,
};
use crate::rack::pools::read::{Document, syntax};
use crate::rack::pools::schema::tables;
use crate::rack::pools::schema::walk::Walk;
use crate::rack::pools::yaml::inner::{Inner, Places};
use crate::rack::pools::yaml::{NodeId, Tree, Value};
use crate::rack::selector::Labels;

/// Numbers of a profile and their bounds, which here are rules of the parser.
const NUMBERS: [&str; 5] = [
    "receive-interval",
    "transmit-interval",
    "echo-interval",
    "detect-multiplier",
    "minimum-ttl",
];

pub(super) fn read(inner: &Inner, namespace: Option<Word>, document: &mut Document) {
    let tree = Tree::read(&inner.text);
    let faults = tree
        .faults
        .iter()
        .map(|fault| syntax(fault, Layer::LegacyParser));
    let mut findings: Vec<Finding> = faults.collect();
    outside(&mut findings, inner.places());
    document.findings.append(&mut findings);
    // The decoder reads one document; further ones are never looked at.
    let mut documents = tree.documents.iter();
    if let Some(root_id) = documents.next() {
        root(&tree, *root_id, inner.places(), namespace, document);
    }
    if let Some(second) = documents.next() {
        let span = inner.places().outer(&tree.span(*second));
        let what = "MetalLB reads the configuration only up to the line with ---";
        document
            .findings
            .push(Finding::warning(Kind::Syntax, span, what));
    }
}

/// Reads the tree of the text.
pub(super) fn root(
    tree: &Tree<'_>,
    root: NodeId,
    places: &Places,
    namespace: Option<Word>,
    document: &mut Document,
) {
    let mut findings = Walk::new(tree, "the configuration", Layer::LegacyParser, None)
        .object(root, tables::LEGACY);
    outside(&mut findings, places);
    document.findings.append(&mut findings);
    if !matches!(tree.value(root), Value::Mapping(_)) {
        return;
    }
    let reader = Reader {
        tree,
        places,
        namespace,
    };
    let items = |key: &str| {
        tree.get(root, key)
            .map(|it| tree.sequence(it).to_vec())
            .unwrap_or_default()
    };
    let most = 16 + tree.size();
    let pools = items("address-pools").into_iter().map(|id| reader.pool(id));
    let peers = items("peers").into_iter().map(|id| reader.peer(id));
    let profiles = items("bfd-profiles")
        .into_iter()
        .map(|id| reader.profile(id));
    document
        .objects
        .extend(pools.chain(peers).chain(profiles).take(most));
    if let Some(aliases) = tree.get(root, "bgp-communities") {
        document.objects.push(reader.aliases(aliases));
    }
}

fn outside(findings: &mut [Finding], places: &Places) {
    for finding in findings {
        finding.span = places.outer(&finding.span);
    }
}

struct Reader<'a, 't> {
    tree: &'a Tree<'t>,
    places: &'a Places,
    namespace: Option<Word>,
}

impl Reader<'_, '_> {
    fn head(&self, at: NodeId, part: Part, name: Option<Word>) -> Head {
        // Underlined for the item as a whole: its name, or its first key.
        let first = self
            .tree
            .mapping(at)
            .first()
            .map(|(key, _)| self.tree.span(*key));
        let span = first.unwrap_or_else(|| self.tree.span(at));
        Head {
            kind: ObjectKind::Legacy(part),
            name: self.move_out(name.unwrap_or_else(|| Spanned {
                value: "".into(),
                span: span.clone(),
            })),
            namespace: self.namespace.clone(),
            labels: Labels::new(),
            span: self.places.outer(&span),
        }
    }

    fn move_out<T>(&self, mut it: Spanned<T>) -> Spanned<T> {
        it.span = self.places.outer(&it.span);
        it
    }

    fn word(&self, at: NodeId, key: &str) -> Option<Word> {
        text_at(self.tree, at, key).map(|it| self.move_out(it))
    }

    fn number(&self, at: NodeId, key: &str) -> Option<Spanned<i64>> {
        integer(self.tree, at, key).map(|it| self.move_out(it))
    }

    fn flag(&self, at: NodeId, key: &str) -> Option<bool> {
        flag(self.tree, at, key)
    }

    fn pool(&self, at: NodeId) -> Object {
        let tree = self.tree;
        let advertisements = tree
            .get(at, "bgp-advertisements")
            .map(|it| tree.sequence(it));
        let mut addresses = addresses(tree, at);
        for written in &mut addresses {
            written.span = self.places.outer(&written.span);
        }
        let whole = tree.get(at, "addresses").unwrap_or(at);
        let pool = Pool {
            addresses,
            addresses_span: self.places.outer(&tree.span(whole)),
            auto_assign: self.flag(at, "auto-assign").unwrap_or(true),
            avoids_buggy: self.flag(at, "avoid-buggy-ips").unwrap_or(false),
            allocation: None,
            protocol: self.word(at, "protocol").map(|word| Spanned {
                value: match &*word.value {
                    "layer2" => Ok(Protocol::Layer2),
                    "bgp" => Ok(Protocol::Bgp),
                    _ => Err(word.value),
                },
                span: word.span,
            }),
            advertisements: advertisements
                .unwrap_or_default()
                .iter()
                .map(|id| self.advertisement(*id))
                .collect(),
        };
        Object {
            head: self.head(at, Part::Pool, text_at(tree, at, "name")),
            body: Body::Pool(pool),
        }
    }

    fn advertisement(&self, at: NodeId) -> BgpAdvertisement {
        let communities = words(self.tree, at, "communities");
        BgpAdvertisement {
            aggregation_length: self.number(at, "aggregation-length"),
            aggregation_length_v6: self.number(at, "aggregation-length-v6"),
            local_preference: self.number(at, "localpref"),
            communities: communities
                .into_iter()
                .map(|it| self.move_out(it))
                .collect(),
            span: self.places.outer(&self.tree.span(at)),
            ..BgpAdvertisement::default()
        }
    }

    fn peer(&self, at: NodeId) -> Object {
        let selectors = selectors(self.tree, at, "node-selectors", LEGACY);
        let peer = Peer {
            my_asn: self.number(at, "my-asn"),
            peer_asn: self.number(at, "peer-asn"),
            address: self.word(at, "peer-address"),
            source_address: self.word(at, "source-address"),
            port: self.number(at, "peer-port"),
            hold_time: self.word(at, "hold-time"),
            keepalive_time: self.word(at, "keepalive-time"),
            router_id: self.word(at, "router-id"),
            node_selectors: selectors.into_iter().map(|it| self.move_out(it)).collect(),
            password: self.word(at, "password").map(|it| it.span),
            profile: self.word(at, "bfd-profile"),
            is_multihop: self.flag(at, "ebgp-multihop").unwrap_or(false),
            ..Peer::default()
        };
        Object {
            head: self.head(at, Part::Peer, text_at(self.tree, at, "peer-address")),
            body: Body::Peer(Box::new(peer)),
        }
    }

    fn profile(&self, at: NodeId) -> Object {
        let numbers = NUMBERS
            .iter()
            .filter_map(|key| Some((*key, self.number(at, key)?)));
        Object {
            head: self.head(at, Part::Profile, text_at(self.tree, at, "name")),
            body: Body::Profile(Profile {
                has_echo: self.flag(at, "echo-mode").unwrap_or(false),
                is_passive: self.flag(at, "passive-mode").unwrap_or(false),
                numbers: numbers.collect(),
            }),
        }
    }

    fn aliases(&self, at: NodeId) -> Object {
        let entries = self.tree.mapping(at).iter();
        let aliases = entries.filter_map(|(key, _)| {
            let name = self.tree.key(*key)?;
            Some(Alias {
                name: Spanned {
                    value: name.into(),
                    span: self.places.outer(&self.tree.span(*key)),
                },
                value: self.move_out(word_at(self.tree, at, name)?),
            })
        });
        Object {
            head: self.head(at, Part::Communities, None),
            body: Body::Aliases(aliases.collect()),
        }
    }
}
