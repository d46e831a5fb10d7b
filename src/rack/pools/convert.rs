//! From the ConfigMap to resources: the way past 0.12.
//!
//! The result is what MetalLB's own converter would write, because people expect that, but its traps are closed: a text
//! that MetalLB would not take is not converted at all, nothing is renamed in silence, comments come along, and passwords
//! are not written out but asked for as a Secret.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use crate::rack::pools::check::{Facts, Report, check};
use crate::rack::pools::finding::Layer;
use crate::rack::pools::object::{
    Alias, BgpAdvertisement, Body, Head, Object, ObjectKind, Peer, Pool, Profile, Protocol,
};
use crate::rack::pools::range::Family;
use crate::rack::pools::read::{Form, inner_text, read};
use crate::rack::selector::{LabelSelector, Operator};

mod comments;

use comments::Comments;

/// What comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The resources, ready to be applied.
    pub yaml: String,
    /// What somebody must know before applying it, a sentence each.
    pub notes: Vec<String>,
}

impl Conversion {
    /// There was nothing to convert.
    pub fn is_empty(&self) -> bool {
        !self.yaml.contains("apiVersion")
    }
}

/// What is known of a Service that asks for addresses by annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// `namespace/name`.
    pub service: String,
    /// The pool its annotation names.
    pub pool: String,
}

/// Converts a ConfigMap, or the text it holds. An error is the report on a text MetalLB would refuse.
pub fn convert(text: &str, form: Form, asking: &[Asking]) -> Result<Conversion, Report> {
    let report = check(text, form, &Facts::default());
    // What only fits no mode of 0.12 may still be right for resources.
    let is_refused = |layer| layer != Layer::LegacyMode;
    if report
        .findings
        .iter()
        .any(|it| it.layer.is_some_and(is_refused))
    {
        return Err(report);
    }
    let source = inner_text(text, form);
    let objects = read(&source.inner, Form::Inner, None).objects;
    let mut writer = Writer {
        namespace: source.namespace.unwrap_or_else(|| "metallb-system".into()),
        comments: Comments::of(&source.inner),
        out: String::new(),
        notes: Vec::new(),
        names: Names::default(),
    };
    writer.header(&source.outer_comments);
    writer.all(&objects, asking);
    Ok(Conversion {
        yaml: writer.out,
        notes: writer.notes,
    })
}

/// The name a resource may have, as MetalLB's converter makes it: lower case, dashes for underscores, no leading
/// non-letters, 63 characters.
pub fn legal_name(name: &str) -> String {
    let lower = name.to_lowercase().replace('_', "-");
    let kept: String = lower
        .trim_start_matches(|it: char| !it.is_ascii_lowercase())
        .chars()
        .map(|it| {
            if it.is_ascii_lowercase() || it.is_ascii_digit() || it == '.' {
                it
            } else {
                '-'
            }
        })
        .take(63)
        .collect();
    let kept = kept.trim_end_matches(['-', '.']);
    if kept.is_empty() {
        "pool".to_owned()
    } else {
        kept.to_owned()
    }
}

/// Names given so far, so that two do not become one.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
}

impl Names {
    fn give(&mut self, kind: &str, name: &str) -> String {
        let legal = legal_name(name);
        let mut candidate = legal.clone();
        let mut number = 1;
        while !self.taken.insert(format!("{kind}/{candidate}")) {
            number += 1;
            let room = legal.chars().take(60).collect::<String>();
            candidate = format!("{room}-{number}");
        }
        candidate
    }
}

struct Writer {
    namespace: String,
    comments: Comments,
    out: String,
    notes: Vec<String>,
    names: Names,
}

impl Writer {
    fn header(&mut self, comments: &[String]) {
        for comment in comments.iter().chain(&self.comments.header) {
            let _ = writeln!(self.out, "#{comment}");
        }
    }

    fn all(&mut self, objects: &[Object], asking: &[Asking]) {
        let mut profiles = HashMap::new();
        for object in objects {
            if let Body::Profile(profile) = &object.body {
                let name = self.names.give("profile", &object.head.name.value);
                self.note_name("bfd profile", &object.head, &name);
                self.profile(&object.head, profile, &name);
                profiles.insert(object.head.name.value.clone(), name);
            }
        }
        let mut aliases = Vec::new();
        let (mut l2, mut bgp, mut peers) = (0, 0, 0);
        let mut has_buggy = false;
        for object in objects {
            match &object.body {
                Body::Pool(pool) => {
                    let name = self.names.give("pool", &object.head.name.value);
                    self.note_name("pool", &object.head, &name);
                    self.note_asking(&object.head, &name, asking);
                    has_buggy |= pool.avoids_buggy;
                    self.pool(&object.head, pool, &name);
                    self.advertisements(pool, &name, &mut l2, &mut bgp);
                }
                Body::Peer(peer) => {
                    peers += 1;
                    self.peer(&object.head, peer, &format!("peer{peers}"), &profiles);
                }
                Body::Aliases(more) => aliases.extend(more.iter().cloned()),
                _ => {}
            }
        }
        if !aliases.is_empty() {
            self.aliases(&mut aliases);
        }
        for comment in self.comments.trailing() {
            let _ = writeln!(self.out, "#{comment}");
        }
        self.note_risks(has_buggy, asking, objects);
    }

    fn begin(&mut self, kind: ObjectKind, version: &str, name: &str, comments: &[String]) {
        let separator = if self.out.contains("apiVersion") {
            "---\n"
        } else {
            ""
        };
        self.out.push_str(separator);
        for comment in comments {
            let _ = writeln!(self.out, "#{comment}");
        }
        let _ = writeln!(
            self.out,
            "apiVersion: metallb.io/{version}\nkind: {}\nmetadata:\n  name: {name}\n  namespace: {}",
            kind.word(),
            plain(&self.namespace)
        );
    }

    fn pool(&mut self, head: &Head, pool: &Pool, name: &str) {
        let above = self.comments.above(head.span.start);
        self.begin(ObjectKind::IpAddressPool, "v1beta1", name, &above);
        self.out.push_str("spec:\n  addresses:\n");
        for written in &pool.addresses {
            for comment in self.comments.before(written.span.start) {
                let _ = writeln!(self.out, "  #{comment}");
            }
            let inline = self.comments.beside(written.span.end);
            let inline = inline.map(|it| format!("  #{it}")).unwrap_or_default();
            let _ = writeln!(self.out, "  - {}{inline}", plain(&written.text));
        }
        if !pool.auto_assign {
            self.out.push_str("  autoAssign: false\n");
        }
        if pool.avoids_buggy {
            self.out.push_str("  avoidBuggyIPs: true\n");
        }
    }

    fn advertisements(&mut self, pool: &Pool, name: &str, l2: &mut u32, bgp: &mut u32) {
        let protocol = pool
            .protocol
            .as_ref()
            .and_then(|it| it.value.as_ref().ok().copied());
        if protocol == Some(Protocol::Layer2) {
            *l2 += 1;
            self.begin(
                ObjectKind::L2Advertisement,
                "v1beta1",
                &format!("l2advertisement{l2}"),
                &[],
            );
            let _ = writeln!(self.out, "spec:\n  ipAddressPools:\n  - {name}");
            return;
        }
        let default = [BgpAdvertisement::default()];
        let advertisements = if pool.advertisements.is_empty() {
            &default[..]
        } else {
            &pool.advertisements
        };
        for advertisement in advertisements {
            *bgp += 1;
            self.begin(
                ObjectKind::BgpAdvertisement,
                "v1beta1",
                &format!("bgpadvertisement{bgp}"),
                &[],
            );
            let _ = writeln!(self.out, "spec:\n  ipAddressPools:\n  - {name}");
            for (key, family) in [
                ("aggregationLength", Family::V4),
                ("aggregationLengthV6", Family::V6),
            ] {
                let length = advertisement.aggregation(family);
                if length != i64::from(family.bits()) {
                    let _ = writeln!(self.out, "  {key}: {length}");
                }
            }
            if advertisement.preference() != 0 {
                let _ = writeln!(self.out, "  localPref: {}", advertisement.preference());
            }
            if !advertisement.communities.is_empty() {
                self.out.push_str("  communities:\n");
            }
            for community in &advertisement.communities {
                let _ = writeln!(self.out, "  - {}", plain(&community.value));
            }
        }
    }

    fn peer(&mut self, head: &Head, peer: &Peer, name: &str, profiles: &HashMap<Box<str>, String>) {
        let above = self.comments.above(head.span.start);
        self.begin(ObjectKind::BgpPeer, "v1beta2", name, &above);
        self.out.push_str("spec:\n");
        let number = |it: &Option<crate::rack::pools::object::Spanned<i64>>| {
            it.as_ref().map(|it| it.value.to_string())
        };
        let text =
            |it: &Option<crate::rack::pools::object::Word>| it.as_ref().map(|it| plain(&it.value));
        let profile = peer.profile.as_ref().map(|it| {
            profiles
                .get(&it.value)
                .cloned()
                .unwrap_or_else(|| plain(&it.value))
        });
        let fields = [
            ("myASN", number(&peer.my_asn)),
            ("peerASN", number(&peer.peer_asn)),
            ("peerAddress", text(&peer.address)),
            ("peerPort", number(&peer.port).filter(|it| it != "0")),
            ("sourceAddress", text(&peer.source_address)),
            (
                "holdTime",
                text(&peer.hold_time).or_else(|| Some("1m30s".into())),
            ),
            ("keepaliveTime", text(&peer.keepalive_time)),
            ("routerID", text(&peer.router_id)),
            ("bfdProfile", profile),
            ("ebgpMultiHop", peer.is_multihop.then(|| "true".into())),
        ];
        for (key, value) in fields {
            if let Some(value) = value {
                let _ = writeln!(self.out, "  {key}: {value}");
            }
        }
        if peer.password.is_some() {
            let secret = format!("{name}-password");
            let _ = writeln!(self.out, "  passwordSecret:\n    name: {secret}");
            self.notes.push(format!(
                "the password of {name} is not written out: put it into Secret {secret} of type kubernetes.io/basic-auth, key password, in {}",
                self.namespace
            ));
        }
        if !peer.node_selectors.is_empty() {
            self.out.push_str("  nodeSelectors:\n");
        }
        for selector in &peer.node_selectors {
            self.selector(&selector.value);
        }
    }

    fn selector(&mut self, selector: &LabelSelector) {
        let mut mark = "- ";
        if selector.labels.is_empty() && selector.expressions.is_empty() {
            self.out.push_str("  - {}\n");
        }
        if !selector.labels.is_empty() {
            let _ = writeln!(self.out, "  {mark}matchLabels:");
            mark = "  ";
            for (key, value) in &selector.labels {
                let _ = writeln!(self.out, "      {}: {}", plain(key), plain(value));
            }
        }
        if !selector.expressions.is_empty() {
            let _ = writeln!(self.out, "  {mark}matchExpressions:");
        }
        for requirement in &selector.expressions {
            let operator = match &requirement.operator {
                Operator::In => "In",
                Operator::NotIn => "NotIn",
                Operator::Exists => "Exists",
                Operator::DoesNotExist => "DoesNotExist",
                Operator::Unknown(word) => word,
            };
            let values: Vec<String> = requirement.values.iter().map(|it| quoted(it)).collect();
            let _ = writeln!(
                self.out,
                "    - key: {}\n      operator: {operator}\n      values: [{}]",
                plain(&requirement.key),
                values.join(", ")
            );
        }
    }

    fn profile(&mut self, head: &Head, profile: &Profile, name: &str) {
        let above = self.comments.above(head.span.start);
        self.begin(ObjectKind::BfdProfile, "v1beta1", name, &above);
        self.out.push_str(
            if profile.numbers.is_empty() && !profile.has_echo && !profile.is_passive {
                "spec: {}\n"
            } else {
                "spec:\n"
            },
        );
        for (key, number) in &profile.numbers {
            let key = match *key {
                "receive-interval" => "receiveInterval",
                "transmit-interval" => "transmitInterval",
                "echo-interval" => "echoInterval",
                "detect-multiplier" => "detectMultiplier",
                _ => "minimumTtl",
            };
            let _ = writeln!(self.out, "  {key}: {}", number.value);
        }
        for (key, flag) in [
            ("echoMode", profile.has_echo),
            ("passiveMode", profile.is_passive),
        ] {
            if flag {
                let _ = writeln!(self.out, "  {key}: true");
            }
        }
    }

    fn aliases(&mut self, aliases: &mut [Alias]) {
        aliases.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        self.begin(ObjectKind::Community, "v1beta1", "communities", &[]);
        self.out.push_str("spec:\n  communities:\n");
        for alias in aliases {
            let _ = writeln!(
                self.out,
                "  - name: {}\n    value: {}",
                plain(&alias.name.value),
                plain(&alias.value.value)
            );
        }
    }

    fn note_name(&mut self, what: &str, head: &Head, name: &str) {
        if *head.name.value != *name {
            self.notes.push(format!(
                "{what} {} becomes {name}: resources cannot have the old name",
                &*head.name.value
            ));
        }
    }

    fn note_asking(&mut self, head: &Head, name: &str, asking: &[Asking]) {
        for it in asking
            .iter()
            .filter(|it| it.pool == *head.name.value && *it.pool != *name)
        {
            self.notes.push(format!(
                "{} asks for pool {} by annotation: change it to {name}, or it gets no address any more",
                it.service, it.pool
            ));
        }
    }

    fn note_risks(&mut self, has_buggy: bool, asking: &[Asking], objects: &[Object]) {
        let is_pool = |name: &str| {
            objects
                .iter()
                .any(|it| matches!(it.body, Body::Pool(_)) && *it.head.name.value == *name)
        };
        for it in asking.iter().filter(|it| !is_pool(&it.pool)) {
            self.notes.push(format!(
                "{} asks for pool {}, which is in neither configuration",
                it.service, it.pool
            ));
        }
        if has_buggy {
            self.notes.push(
                "avoidBuggyIPs needs MetalLB 0.13.4 or newer; an older one refuses the field"
                    .into(),
            );
        }
        self.notes.push(
            "forward: MetalLB 0.13 and newer ignore the ConfigMap; until these resources are there nothing is announced, so apply them as soon as the webhook answers".into(),
        );
        self.notes.push(
            "back: 0.12 and older know no resources; keep the ConfigMap as it is until you are sure you stay".into(),
        );
    }
}

/// A word as YAML: bare where it can only be text, else in quotes.
fn plain(text: &str) -> String {
    let is_bare =
        |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '/' | '-' | '_' | ':');
    let begins_well = text.starts_with(|it: char| it.is_ascii_alphanumeric());
    let is_text = begins_well
        && !text.ends_with(':')
        && text.chars().all(|it| is_bare(it) || it == ' ')
        && !text.contains(": ");
    let is_other = || {
        let scalar = crate::rack::pools::yaml::Scalar {
            text: text.into(),
            is_plain: true,
            style: granit_parser::ScalarStyle::Plain,
        };
        scalar.plain() != crate::rack::pools::yaml::scalar::Plain::Text
    };
    if is_text && !text.ends_with(' ') && !is_other() {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Double quotes with escapes: JSON's are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests;
