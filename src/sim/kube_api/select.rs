//! Field and label selectors, as far as the cockpit and kubectl use them.
//!
//! Set selectors (`in`, `notin`) are not understood. Invariant: a selector that is not understood
//! is refused, never ignored.

use super::super::object::Object;
use super::super::resource::Resource;
use super::address::Query;

/// Which objects are wanted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selector {
    fields: Vec<Term>,
    labels: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    name: String,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Is(String),
    IsNot(String),
    Exists,
    Missing,
}

impl Selector {
    /// Reads the selectors of a query; the error is the message of the real server.
    pub(crate) fn parse(query: &Query, resource: &Resource) -> Result<Self, String> {
        let fields = terms(query.get("fieldSelector"))?;
        let known = |name: &str| {
            matches!(name, "metadata.name" | "metadata.namespace")
                || resource.fields.contains(&name)
        };
        if let Some(term) = fields.iter().find(|term| !known(&term.name)) {
            return Err(format!("field label not supported: {}", term.name));
        }
        if fields
            .iter()
            .any(|term| !matches!(term.wanted, Wanted::Is(_) | Wanted::IsNot(_)))
        {
            let text = query.get("fieldSelector");
            return Err(format!(
                "invalid selector: '{text}'; can't understand '{text}'"
            ));
        }
        let labels = terms(query.get("labelSelector"))?;
        Ok(Self { fields, labels })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    pub(crate) fn wants(&self, key: &str, object: &Object) -> bool {
        let field = |term: &Term| term.fits(Some(&object.field(key, &term.name)));
        if !self.fields.iter().all(field) {
            return false;
        }
        if self.labels.is_empty() {
            return true;
        }
        let labels = object.labels(key);
        let label = |term: &Term| term.fits(labels.get(&term.name).and_then(|it| it.as_str()));
        self.labels.iter().all(label)
    }
}

impl Term {
    fn fits(&self, value: Option<&str>) -> bool {
        match &self.wanted {
            Wanted::Is(wanted) => value == Some(wanted),
            Wanted::IsNot(unwanted) => value != Some(unwanted),
            Wanted::Exists => value.is_some(),
            Wanted::Missing => value.is_none(),
        }
    }
}

fn terms(text: &str) -> Result<Vec<Term>, String> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(term).collect()
}

fn term(text: &str) -> Result<Term, String> {
    let (name, wanted) = if let Some((name, value)) = text.split_once("!=") {
        (name, Wanted::IsNot(value.trim().to_owned()))
    } else if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (name, Wanted::Is(value.trim().to_owned()))
    } else if let Some(name) = text.strip_prefix('!') {
        (name, Wanted::Missing)
    } else {
        (text, Wanted::Exists)
    };
    let name = name.trim();
    if name.is_empty() || name.contains([' ', '(', ')']) {
        return Err(format!("unable to parse requirement: {text}"));
    }
    Ok(Term {
        name: name.to_owned(),
        wanted,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::object::Object;
    use super::super::super::resource::Kind;
    use super::super::address::Query;
    use super::Selector;

    fn wants(query: &str) -> Result<bool, String> {
        let node = json!({
            "metadata": { "labels": { "zone": "left" } },
            "spec": { "unschedulable": true },
        });
        let selector = Selector::parse(&Query::parse(query), Kind::Node.resource())?;
        Ok(selector.wants("rpi-01", &Object::Given(Box::new(node))))
    }

    #[test]
    fn selectors_pick_by_field_and_label() {
        let cases = [
            ("fieldSelector=metadata.name%3Drpi-01", true),
            ("fieldSelector=metadata.name!=rpi-01", false),
            (
                "fieldSelector=metadata.name=rpi-01,spec.unschedulable=true",
                true,
            ),
            ("labelSelector=zone=left", true),
            ("labelSelector=zone=left,!tray", true),
            ("labelSelector=tray", false),
            ("", true),
        ];
        for (query, expected) in cases {
            assert_eq!(wants(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let unknown = "field label not supported: spec.nonsense".to_owned();
        assert_eq!(wants("fieldSelector=spec.nonsense=1"), Err(unknown));
        assert!(wants("labelSelector=zone in (left)").is_err());
    }
}
