//! Holds a tree against a table: unknown keys, wrong types, missing fields, numbers out of bounds.
//!
//! The API server drops unknown fields without a word unless it is asked to be strict, which kubectl does and so do we:
//! a field that vanishes is worse than one that is refused. The legacy parser was always strict.

use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::schema::{Field, Shape};
use crate::rack::pools::version::Version;
use crate::rack::pools::yaml::scalar::Plain;
use crate::rack::pools::yaml::{NodeId, Tree, Value};

/// How far a name may be off to be offered instead; as everywhere in the program.
const NEAR: f64 = 0.75;

/// A walk over one object.
pub struct Walk<'a, 't> {
    pub tree: &'a Tree<'t>,
    /// How the object is called in sentences: `IPAddressPool lan`.
    pub object: &'a str,
    /// Who refuses what is wrong here.
    pub layer: Layer,
    /// The release in use, where it is known.
    pub version: Option<Version>,
    /// Nodes still to be looked at: aliases may make one stand in many places.
    budget: usize,
    findings: Vec<Finding>,
}

impl<'a, 't> Walk<'a, 't> {
    pub fn new(
        tree: &'a Tree<'t>,
        object: &'a str,
        layer: Layer,
        version: Option<Version>,
    ) -> Self {
        Walk {
            tree,
            object,
            layer,
            version,
            budget: tree.size() * 2 + 1_000,
            findings: Vec::new(),
        }
    }

    /// Everything that does not fit `fields`. Empty means that the object can be read without looking at types again.
    pub fn object(mut self, root: NodeId, fields: &'static [Field]) -> Vec<Finding> {
        self.fields(root, fields, "");
        if self.budget == 0 {
            let what = format!("{} repeats its aliases too often to be read", self.object);
            self.find(Kind::Syntax, root, what);
        }
        self.findings
    }

    fn find(&mut self, kind: Kind, at: NodeId, what: String) -> &mut Finding {
        let index = self.findings.len();
        self.findings
            .push(Finding::error(self.layer, kind, self.tree.span(at), what));
        &mut self.findings[index]
    }

    fn fields(&mut self, at: NodeId, fields: &'static [Field], path: &str) {
        let Value::Mapping(entries) = self.tree.value(at) else {
            self.wrong_type(at, path, "a mapping");
            return;
        };
        let mut seen: Vec<&str> = Vec::with_capacity(entries.len());
        for &(key, value) in entries {
            let name = self.tree.key(key).unwrap_or("?");
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                self.unknown(key, name, fields, path);
                continue;
            };
            let is_unreleased = |since| since > self.version.unwrap_or(Version::LATEST);
            if let Some(since) = field.since.filter(|since| is_unreleased(*since)) {
                self.too_new(key, name, since);
            }
            // A null is a field that was left out, for the server as for the legacy parser.
            if self.tree.is_null(value) {
                continue;
            }
            seen.push(field.name);
            self.shape(value, field.shape, &join(path, name));
        }
        let missing = fields
            .iter()
            .filter(|it| it.is_required && !seen.contains(&it.name));
        for field in missing {
            let what = format!("{} has no {}", self.object, join(path, field.name));
            let help = field.help;
            self.find(Kind::Missing, at, what).next = match help {
                "" => String::new(),
                help => format!("add {}: {help}", field.name),
            };
        }
    }

    fn shape(&mut self, at: NodeId, shape: Shape, path: &str) {
        let Some(budget) = self.budget.checked_sub(1) else {
            return;
        };
        self.budget = budget;
        match shape {
            Shape::Any => {}
            Shape::Text => self.text(at, path),
            Shape::OneOf(words) => {
                let is_one = self
                    .tree
                    .scalar(at)
                    .is_some_and(|it| words.contains(&&*it.text));
                if !is_one {
                    self.wrong_type(at, path, &words.join(" or "));
                }
            }
            Shape::Flag => {
                let is_flag = |it: &crate::rack::pools::yaml::Scalar<'_>| {
                    matches!(it.plain(), Plain::Flag(_))
                };
                if !self.tree.scalar(at).is_some_and(is_flag) {
                    self.wrong_type(at, path, "true or false");
                }
            }
            Shape::Integer(from, to) => self.integer(at, path, from, to),
            Shape::List(item) => {
                let Value::Sequence(items) = self.tree.value(at) else {
                    self.wrong_type(at, path, "a list");
                    return;
                };
                for child in items {
                    self.shape(*child, *item, path);
                }
            }
            Shape::Object(fields) => self.fields(at, fields, path),
            Shape::Labels => {
                let Value::Mapping(entries) = self.tree.value(at) else {
                    self.wrong_type(at, path, "a mapping of text to text");
                    return;
                };
                for (key, value) in entries {
                    let name = self.tree.key(*key).unwrap_or("?");
                    self.text(*value, &join(path, name));
                }
            }
        }
    }

    fn text(&mut self, at: NodeId, path: &str) {
        let is_text = self.tree.scalar(at).is_some_and(|scalar| {
            // The legacy decoder takes any scalar as text; the API server wants a string.
            self.layer == Layer::LegacyParser || scalar.plain() == Plain::Text
        });
        if !is_text {
            self.wrong_type(at, path, "text");
        }
    }

    fn integer(&mut self, at: NodeId, path: &str, from: i64, to: i64) {
        match self
            .tree
            .scalar(at)
            .map(crate::rack::pools::yaml::Scalar::plain)
        {
            Some(Plain::Integer(number))
                if (i128::from(from)..=i128::from(to)).contains(&number) => {}
            Some(Plain::Integer(number)) => {
                let what = format!("{path} of {} is {number}", self.object);
                self.find(Kind::OutOfBounds, at, what).next =
                    format!("write a number from {from} to {to}");
            }
            _ => self.wrong_type(at, path, "a number"),
        }
    }

    fn wrong_type(&mut self, at: NodeId, path: &str, wanted: &str) {
        let (got, is_quoted) = match self.tree.value(at) {
            Value::Scalar(scalar) => (scalar.plain().word(), !scalar.is_plain),
            Value::Sequence(_) => ("a list", false),
            Value::Mapping(_) => ("a mapping", false),
        };
        let path = if path.is_empty() { "the object" } else { path };
        let what = format!("{path} of {} must be {wanted}, and is {got}", self.object);
        let next = match wanted {
            "text" => "put it in quotes",
            "a list" => "write each entry on a line of its own, after a dash",
            _ if is_quoted => "remove the quotes",
            _ => "",
        };
        self.find(Kind::WrongType, at, what).next = next.into();
    }

    fn unknown(&mut self, key: NodeId, name: &str, fields: &[Field], path: &str) {
        let place = if path.is_empty() {
            String::new()
        } else {
            format!(" in {path}")
        };
        let what = format!("{} has no field {name}{place}", self.object);
        let is_strict = self.layer == Layer::LegacyParser;
        let next = match nearest(name, fields) {
            Some(near) => format!("did you mean {near}?"),
            None => String::new(),
        };
        let finding = self.find(Kind::UnknownField, key, what);
        finding.next = next;
        if is_strict {
            finding.why = "one unknown key makes MetalLB refuse the whole configuration".into();
        }
    }

    fn too_new(&mut self, key: NodeId, name: &str, since: Version) {
        let has = self.version.unwrap_or(Version::LATEST);
        let what = format!("{} has no field {name} in MetalLB {has}", self.object);
        self.find(Kind::UnknownField, key, what).why = if since > Version::LATEST {
            format!("it comes after {}", Version::LATEST)
        } else {
            format!("it came with {since}")
        };
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The field that was probably meant; spelling with other capitals or dashes counts as the same.
fn nearest(name: &str, fields: &[Field]) -> Option<&'static str> {
    // Comparing costs the product of both lengths; no field is this long.
    if name.len() > 100 {
        return None;
    }
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    let likeness = |field: &Field| strsim::jaro_winkler(&plain(name), &plain(field.name));
    let best = fields
        .iter()
        .map(|field| (likeness(field), field.name))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= NEAR).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::pools::schema::tables::{IP_ADDRESS_POOL, LEGACY};

    fn walk(
        text: &str,
        fields: &'static [Field],
        layer: Layer,
        version: Option<Version>,
    ) -> Vec<String> {
        let tree = Tree::read(text);
        let findings = Walk::new(&tree, "it", layer, version).object(tree.documents[0], fields);
        findings
            .iter()
            .map(|it| {
                format!(
                    "{:?} {:?}: {}",
                    it.kind,
                    &text[it.span.clone()],
                    it.sentence()
                )
            })
            .collect()
    }

    const HEAD: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\n";

    fn pool(spec: &str) -> Vec<String> {
        walk(
            &format!("{HEAD}spec: {spec}"),
            IP_ADDRESS_POOL,
            Layer::Schema,
            None,
        )
    }

    #[test]
    fn an_object_that_fits_says_nothing() {
        assert_eq!(
            pool("{addresses: [10.0.0.0/24], autoAssign: no, avoidBuggyIPs: null}"),
            [""; 0]
        );
    }

    #[test]
    fn what_the_server_refuses_is_found_with_its_place() {
        assert_eq!(
            pool("{autoAssign: true}"),
            [
                "Missing \"{autoAssign: true}\": it has no spec.addresses; add addresses: prefixes and ranges"
            ]
        );
        assert_eq!(
            pool("{addresses: [10, x], autoAssign: \"true\", auto-assign: false, zz: 1}"),
            [
                "WrongType \"10\": spec.addresses of it must be text, and is a number; put it in quotes",
                "WrongType \"\\\"true\\\"\": spec.autoAssign of it must be true or false, and is text; remove the quotes",
                "UnknownField \"auto-assign\": it has no field auto-assign in spec; did you mean autoAssign?",
                "UnknownField \"zz\": it has no field zz in spec",
            ]
        );
    }

    #[test]
    fn a_field_of_a_later_release_is_unknown_to_an_earlier_one() {
        let text = format!("{HEAD}spec: {{addresses: [a], avoidBuggyIPs: true}}");
        let walk = |version| walk(&text, IP_ADDRESS_POOL, Layer::Schema, version);
        assert_eq!(walk(None), [""; 0]);
        assert_eq!(
            walk(Some(Version::new(0, 13, 3))),
            [
                "UnknownField \"avoidBuggyIPs\": it has no field avoidBuggyIPs in MetalLB 0.13.3: it came with 0.13.4"
            ]
        );
    }

    #[test]
    fn the_legacy_decoder_takes_scalars_as_text_and_lists_only_as_lists() {
        let legacy = |text: &str| walk(text, LEGACY, Layer::LegacyParser, None);
        assert_eq!(
            legacy("address-pools: [{name: 5, addresses: [1]}]"),
            [""; 0]
        );
        assert_eq!(legacy("address-pools: [{addresses: a-b}]").len(), 1);
    }

    #[test]
    fn aliases_cannot_make_the_walk_endless() {
        let many = vec!["*p"; 3_000].join(", ");
        let list = vec!["*a"; 3_000].join(", ");
        let text = format!("x: &a 1\ny: &p {{addresses: [{list}]}}\naddress-pools: [{many}]");
        let findings = walk(&text, LEGACY, Layer::LegacyParser, None);
        assert!(
            findings.iter().any(|it| it.contains("too often")),
            "{}",
            findings.len()
        );
    }
}
