//! From text to objects: multi-document YAML, Lists, the ConfigMap with its inner text, JSON (which is YAML).
//!
//! Everything that does not fit a schema becomes a finding; what does fit is read leniently afterwards, so that one bad
//! field does not hide what the rest of the set says.

use std::ops::Range;

use granit_parser::{Event, Parser};

use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{Body, Head, Object, ObjectKind, Word};
use crate::rack::pools::schema::walk::Walk;
use crate::rack::pools::schema::{Field, tables};
use crate::rack::pools::version::Version;
use crate::rack::pools::yaml::inner::{Inner, Places};
use crate::rack::pools::yaml::{NodeId, Tree, Value, YamlFault};

pub mod fields;
mod legacy;
mod resource;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Objects, as one would apply them: resources, a ConfigMap, Lists of them.
    File,
    /// What `data.config` of the ConfigMap holds.
    Inner,
}

/// What a text says, by itself: rules about the whole set are not looked at yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    pub objects: Vec<Object>,
    pub findings: Vec<Finding>,
}

/// The most bytes that are read; more is no configuration.
pub const LONGEST: usize = 64 << 20;

/// Reads a text. `version` is the MetalLB release in use, where it is known.
pub fn read(text: &str, form: Form, version: Option<Version>) -> Document {
    let mut document = Document::default();
    if text.len() > LONGEST {
        let what = format!("the text has {} MiB", text.len() >> 20);
        let finding = Finding::error(Layer::Yaml, Kind::Syntax, 0..0, what);
        document
            .findings
            .push(finding.next("give the configuration alone"));
        return document;
    }
    match form {
        Form::File => file(text, version, &mut document),
        Form::Inner => legacy::read(&Inner::plain(text), None, &mut document),
    }
    document
}

/// The legacy text of a file, for those who want to read it by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyText {
    /// Empty when there is none.
    pub inner: String,
    pub namespace: Option<String>,
    /// Comments of the file around it, without their `#`.
    pub outer_comments: Vec<String>,
}

/// Finds the first ConfigMap with a configuration, or takes the text as one.
pub fn inner_text(text: &str, form: Form) -> LegacyText {
    let whole = LegacyText {
        inner: text.to_owned(),
        ..LegacyText::default()
    };
    if form == Form::Inner {
        return whole;
    }
    let tree = Tree::read(text);
    let config = tree.documents.iter().find_map(|root| {
        let is_config_map =
            tree.get(*root, "kind").and_then(|id| tree.key(id)) == Some("ConfigMap");
        let config = tree
            .path(*root, &["data", "config"])
            .filter(|_| is_config_map)?;
        Some((*root, config))
    });
    let Some((root, config)) = config else {
        let is_bare = tree
            .documents
            .iter()
            .any(|root| is_bare_config(&tree, *root));
        return if is_bare {
            whole
        } else {
            LegacyText::default()
        };
    };
    let namespace = tree
        .path(root, &["metadata", "namespace"])
        .and_then(|id| tree.key(id));
    let comments = Parser::new_from_str(text)
        .map_while(Result::ok)
        .filter_map(|(event, _)| match event {
            Event::Comment(words, _) => Some(words.chars().filter(|it| !it.is_control()).collect()),
            _ => None,
        });
    LegacyText {
        inner: tree
            .scalar(config)
            .map(|it| it.text.to_string())
            .unwrap_or_default(),
        namespace: namespace.map(str::to_owned),
        outer_comments: comments.collect(),
    }
}

fn file(text: &str, version: Option<Version>, document: &mut Document) {
    let tree = Tree::read(text);
    let faults = tree.faults.iter().map(|fault| syntax(fault, Layer::Yaml));
    document.findings.extend(faults);
    for root in &tree.documents {
        object(text, &tree, *root, version, document, Nesting::Top);
    }
}

/// A List holds objects, not Lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Top,
    InList,
}

fn object(
    text: &str,
    tree: &Tree<'_>,
    root: NodeId,
    version: Option<Version>,
    document: &mut Document,
    nesting: Nesting,
) {
    let found = &mut document.findings;
    let span = head_span(tree, root);
    if !matches!(tree.value(root), Value::Mapping(_)) {
        found.push(
            Finding::error(Layer::Schema, Kind::UnknownKind, span, "this is no object")
                .next("an object begins with apiVersion and kind"),
        );
        return;
    }
    let word = |key: &str| tree.get(root, key).and_then(|id| tree.key(id));
    let (api_version, kind) = (word("apiVersion"), word("kind"));
    if api_version.is_none() && kind.is_none() && is_bare_config(tree, root) {
        found.push(
            Finding::warning(
                Kind::NoConfigMap,
                span,
                "this is the text of data.config without its ConfigMap",
            )
            .why("MetalLB up to 0.12 reads it from a ConfigMap; kubectl cannot apply it like this")
            .next("put it under data.config of ConfigMap metallb-system/config, or convert it"),
        );
        legacy::root(tree, root, &Places::Same, None, document);
        return;
    }
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        let missing = if kind.is_none() { "kind" } else { "apiVersion" };
        let next = if tree.get(root, "configInline").is_some() {
            "these are values for MetalLB's Helm chart; convert what stands under configInline"
        } else {
            "an object begins with apiVersion and kind"
        };
        let what = format!("this is no object: it has no {missing}");
        found.push(Finding::error(Layer::Schema, Kind::UnknownKind, span, what).next(next));
        return;
    };
    if kind == "List" || kind.ends_with("List") && tree.get(root, "items").is_some() {
        let items = tree.get(root, "items").map(|it| tree.sequence(it).to_vec());
        // Aliases may name one object many times: no more objects than the text has bytes for.
        let most = 16 + text.len() / 16;
        for item in items.unwrap_or_default().into_iter().take(most) {
            if nesting == Nesting::Top {
                object(text, tree, item, version, document, Nesting::InList);
            }
        }
        return;
    }
    if kind == "ConfigMap" && api_version == "v1" {
        config_map(text, tree, root, document);
        return;
    }
    let at = tree
        .get(root, "apiVersion")
        .map_or(span, |id| tree.span(id));
    match resource_kind(api_version, kind) {
        Ok(Some((kind, fields))) => resource(tree, root, kind, fields, version, document),
        Ok(None) => {}
        Err(next) => {
            let what = format!("no kind {kind} in {api_version}");
            found.push(Finding::error(Layer::Schema, Kind::UnknownKind, at, what).next(next));
        }
    }
}

/// A mapping with the keys of the legacy text and none of an object.
fn is_bare_config(tree: &Tree<'_>, root: NodeId) -> bool {
    let keys = tree
        .mapping(root)
        .iter()
        .filter_map(|(key, _)| tree.key(*key));
    let mut keys = keys.peekable();
    keys.peek().is_some() && keys.all(|key| tables::LEGACY.iter().any(|field| field.name == key))
}

type Known = (ObjectKind, &'static [Field]);

/// The kind and its schema; `None` for objects that are not about addresses; an error for what no server knows.
fn resource_kind(api_version: &str, kind: &str) -> Result<Option<Known>, &'static str> {
    let known = match kind {
        "IPAddressPool" => (ObjectKind::IpAddressPool, tables::IP_ADDRESS_POOL),
        "L2Advertisement" => (ObjectKind::L2Advertisement, tables::L2_ADVERTISEMENT),
        "BGPAdvertisement" => (ObjectKind::BgpAdvertisement, tables::BGP_ADVERTISEMENT),
        "BFDProfile" => (ObjectKind::BfdProfile, tables::BFD_PROFILE),
        "Community" => (ObjectKind::Community, tables::COMMUNITY),
        "AddressPool" => (ObjectKind::AddressPool, tables::ADDRESS_POOL),
        "BGPPeer" if api_version == "metallb.io/v1beta1" => {
            (ObjectKind::BgpPeer, tables::BGP_PEER_V1BETA1)
        }
        "BGPPeer" => (ObjectKind::BgpPeer, tables::BGP_PEER_V1BETA2),
        _ => {
            let is_ours = api_version == "metallb.io" || api_version.starts_with("metallb.io/");
            let is_status = matches!(
                kind,
                "ServiceL2Status" | "ServiceBGPStatus" | "ConfigurationState" | "MetalLB"
            );
            return if is_ours && !is_status {
                Err("look for a slip in the kind's name")
            } else {
                Ok(None)
            };
        }
    };
    let is_served = match known.0 {
        ObjectKind::BgpPeer => matches!(api_version, "metallb.io/v1beta1" | "metallb.io/v1beta2"),
        ObjectKind::AddressPool => {
            matches!(api_version, "metallb.io/v1beta1" | "metallb.io/v1alpha1")
        }
        _ => api_version == "metallb.io/v1beta1",
    };
    match (is_served, known.0) {
        (true, _) => Ok(Some(known)),
        (false, ObjectKind::BgpPeer) => Err("write apiVersion: metallb.io/v1beta2"),
        (false, _) => Err("write apiVersion: metallb.io/v1beta1"),
    }
}

fn resource(
    tree: &Tree<'_>,
    root: NodeId,
    kind: ObjectKind,
    fields: &'static [Field],
    version: Option<Version>,
    document: &mut Document,
) {
    let head = head(tree, root, kind, &mut document.findings);
    let title = head.title();
    let findings = Walk::new(tree, &title, Layer::Schema, version).object(root, fields);
    let is_unreadable = findings.iter().any(|it| it.kind == Kind::Syntax);
    document.findings.extend(findings);
    if is_unreadable {
        return;
    }
    if let Some(old) = resource::outdated(tree, root, &head, version) {
        document.findings.push(old);
    }
    let body = resource::body(tree, root, kind);
    document.objects.push(Object { head, body });
}

fn config_map(text: &str, tree: &Tree<'_>, root: NodeId, document: &mut Document) {
    let Some(data) = tree.get(root, "data") else {
        return;
    };
    let Some(config) = tree.get(data, "config") else {
        return;
    };
    let head = head(tree, root, ObjectKind::ConfigMap, &mut document.findings);
    let title = head.title();
    if tree.scalar(config).is_none() {
        let what = format!("data.config of {title} must be text, and is a mapping or a list");
        let finding = Finding::error(Layer::Schema, Kind::WrongType, tree.span(config), what);
        document
            .findings
            .push(finding.next("write \"config: |\" and indent what follows"));
        return;
    }
    // etcd refuses more than 1.5 MiB, the API server a ConfigMap of more than 1 MiB.
    let size = tree.scalar(config).map_or(0, |it| it.text.len());
    if size > 1 << 20 {
        let what = format!(
            "{title} holds {} KiB, and a ConfigMap may hold 1024 KiB",
            size >> 10
        );
        document.findings.push(Finding::error(
            Layer::Schema,
            Kind::OutOfBounds,
            head.span.clone(),
            what,
        ));
    }
    let inner = Inner::of(text, tree, config);
    let namespace = head.namespace.clone();
    let body = Body::ConfigMap;
    document.objects.push(Object { head, body });
    legacy::read(&inner, namespace, document);
}

/// Who it is. Names are checked here, because neither the schema nor MetalLB does: the API server does it for all kinds.
fn head(tree: &Tree<'_>, root: NodeId, kind: ObjectKind, findings: &mut Vec<Finding>) -> Head {
    let span = head_span(tree, root);
    let word = |path: &[&str]| tree.path(root, path).and_then(|id| fields::word(tree, id));
    let name = word(&["metadata", "name"]);
    let labels = tree.path(root, &["metadata", "labels"]);
    let head = Head {
        kind,
        name: name.clone().unwrap_or(Word {
            value: "".into(),
            span: span.clone(),
        }),
        namespace: word(&["metadata", "namespace"]),
        labels: labels
            .map(|id| fields::labels(tree, id))
            .unwrap_or_default(),
        span: span.clone(),
    };
    match name {
        None if tree.path(root, &["metadata", "generateName"]).is_none() => {
            let what = format!("a {} has no metadata.name", kind.word());
            findings.push(
                Finding::error(Layer::Schema, Kind::Missing, span, what).next("give it a name"),
            );
        }
        Some(name) if !is_name(&name) => {
            let what = format!("\"{}\" is no name for a {}", &*name.value, kind.word());
            findings.push(
                Finding::error(Layer::Schema, Kind::InvalidName, name.span, what)
                    .next("use lower-case letters, digits, dashes and dots, up to 253"),
            );
        }
        _ => {}
    }
    head
}

/// A DNS subdomain (RFC 1123), as the API server asks of names.
pub fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_edge =
            |it: Option<char>| it.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
        let is_inner = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        is_edge(part.chars().next()) && is_edge(part.chars().last()) && part.chars().all(is_inner)
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

/// The words to underline for an object as a whole: its kind.
fn head_span(tree: &Tree<'_>, root: NodeId) -> Range<usize> {
    let keys = ["kind", "apiVersion"]
        .iter()
        .find_map(|key| tree.get(root, key));
    match (keys, tree.mapping(root).first()) {
        (Some(key), _) => tree.span(key),
        (None, Some((key, _))) => tree.span(*key),
        (None, None) => tree.span(root),
    }
}

/// What the YAML reader complained about.
fn syntax(fault: &YamlFault, layer: Layer) -> Finding {
    if fault.is_repeated_key {
        Finding::error(
            layer,
            Kind::RepeatedKey,
            fault.span.clone(),
            fault.what.clone(),
        )
        .why("a lenient reader keeps one of the two in silence")
        .next("remove one; between two objects stands a line with ---")
    } else {
        Finding::error(
            layer,
            Kind::Syntax,
            fault.span.clone(),
            format!("this is not YAML: {}", fault.what),
        )
    }
}

#[cfg(test)]
mod tests;
