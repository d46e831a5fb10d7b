//! Label selectors, as Kubernetes reads them (`metav1.LabelSelector`).

use std::collections::BTreeMap;

/// Labels of an object.
pub type Labels = BTreeMap<Box<str>, Box<str>>;

/// All of `labels` and all of `expressions` must hold; an empty selector holds for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector {
    pub labels: Labels,
    pub expressions: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub key: Box<str>,
    pub operator: Operator,
    pub values: Vec<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    /// Not one of the four: holds for nothing.
    Unknown(Box<str>),
}

impl LabelSelector {
    pub fn matches(&self, labels: &Labels) -> bool {
        let mut wanted = self.labels.iter();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(|it| it.matches(labels))
    }
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let is_listed = value.is_some_and(|value| self.values.contains(value));
        match &self.operator {
            Operator::In => is_listed,
            // An object without the label is not in the list either.
            Operator::NotIn => !is_listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Unknown(_) => false,
        }
    }
}

impl Operator {
    pub fn parse(word: &str) -> Self {
        match word {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => Operator::Unknown(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    }

    #[test]
    fn selectors_hold_as_in_kubernetes() {
        let object = labels(&[("app", "dns"), ("tier", "infra")]);
        for (key, word, values, expected) in [
            ("app", "In", &["dns", "web"][..], true),
            ("app", "In", &["web"], false),
            ("app", "NotIn", &["web"], true),
            ("app", "NotIn", &["dns"], false),
            ("none", "NotIn", &["dns"], true),
            ("none", "In", &["dns"], false),
            ("tier", "Exists", &[], true),
            ("none", "Exists", &[], false),
            ("none", "DoesNotExist", &[], true),
            ("tier", "Gt", &["1"], false),
        ] {
            let selector = LabelSelector {
                labels: Labels::new(),
                expressions: vec![Requirement {
                    key: key.into(),
                    operator: Operator::parse(word),
                    values: values.iter().map(|it| (*it).into()).collect(),
                }],
            };
            assert_eq!(
                selector.matches(&object),
                expected,
                "{key} {word} {values:?}"
            );
        }
        assert!(LabelSelector::default().matches(&object));
        let both = |pairs| LabelSelector {
            labels: labels(pairs),
            expressions: Vec::new(),
        };
        assert!(both(&[("app", "dns"), ("tier", "infra")]).matches(&object));
        assert!(!both(&[("app", "dns"), ("tier", "web")]).matches(&object));
    }
}
