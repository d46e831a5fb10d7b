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

    /// True when everything that `other` holds for is certain to be held for here too; false says nothing.
    pub fn includes(&self, other: &LabelSelector) -> bool {
        let theirs = other.requirements();
        self.requirements().iter().all(|it| theirs.contains(it))
    }

    /// True when no labels are there for which both hold; false says nothing.
    pub fn excludes(&self, other: &LabelSelector) -> bool {
        let (ours, theirs) = (self.requirements(), other.requirements());
        let mut pairs = ours
            .iter()
            .flat_map(|a| theirs.iter().map(move |b| (a, b)))
            .filter(|(a, b)| a.key == b.key);
        pairs.any(|(a, b)| a.contradicts(b) || b.contradicts(a))
    }

    /// Labels and expressions in one form: a label is one value of one key.
    fn requirements(&self) -> Vec<Requirement> {
        let labels = self.labels.iter().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: vec![value.clone()],
        });
        labels.chain(self.expressions.iter().cloned()).collect()
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

    /// Whether two requirements of one key cannot hold together, as far as this one says.
    fn contradicts(&self, other: &Requirement) -> bool {
        match (&self.operator, &other.operator) {
            (Operator::In, Operator::In) => !self.values.iter().any(|it| other.values.contains(it)),
            (Operator::In, Operator::NotIn) => {
                self.values.iter().all(|it| other.values.contains(it))
            }
            (Operator::In | Operator::Exists, Operator::DoesNotExist)
            | (Operator::Unknown(_), _) => true,
            _ => false,
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

    /// `key=value`, or `key OPERATOR a,b`.
    fn selector(terms: &[&str]) -> LabelSelector {
        let mut selector = LabelSelector::default();
        for term in terms {
            if let Some((key, value)) = term.split_once('=') {
                selector.labels.insert(key.into(), value.into());
                continue;
            }
            let mut words = term.split(' ');
            let mut word = || words.next().unwrap_or_default();
            let (key, operator) = (word().into(), Operator::parse(word()));
            let values = word().split(',').filter(|it| !it.is_empty());
            let values = values.map(Into::into).collect();
            selector.expressions.push(Requirement {
                key,
                operator,
                values,
            });
        }
        selector
    }

    #[test]
    fn selectors_that_hold_each_other_or_shut_each_other_out_are_told() {
        for (a, b, includes, excludes) in [
            (&[][..], &["rack=a"][..], true, false),
            (&["rack=a"], &["rack=a", "disk=ssd"], true, false),
            (&["rack=a", "disk=ssd"], &["rack=a"], false, false),
            (&["rack=a"], &["rack=b"], false, true),
            (&["rack=a"], &["disk=ssd"], false, false),
            (&["rack=a"], &["rack In a"], true, false),
            (&["rack In a,b"], &["rack In b,c"], false, false),
            (&["rack In a,b"], &["rack In c"], false, true),
            (&["rack NotIn a,b"], &["rack=a"], false, true),
            (&["rack NotIn a"], &["rack In a,b"], false, false),
            (&["rack Exists"], &["rack DoesNotExist"], false, true),
            (&["rack DoesNotExist"], &["rack=a"], false, true),
            (&["rack NotIn a"], &["rack DoesNotExist"], false, false),
            (&["rack Exists"], &["rack=a"], false, false),
            (&["rack Gt 1"], &["rack=a"], false, true),
        ] {
            let (a, b) = (selector(a), selector(b));
            assert_eq!(a.includes(&b), includes, "{a:?} {b:?}");
            assert_eq!(a.excludes(&b), excludes, "{a:?} {b:?}");
            assert_eq!(b.excludes(&a), excludes, "{b:?} {a:?}");
        }
    }
}
