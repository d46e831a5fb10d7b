//! Single fields of a tree as values with places. Types were checked before: what does not fit is left out here.

use crate::rack::pools::entry;
use crate::rack::pools::object::{Spanned, Word, Written};
use crate::rack::pools::yaml::scalar::Plain;
use crate::rack::pools::yaml::{NodeId, Tree};
use crate::rack::selector::{LabelSelector, Labels, Operator, Requirement};

/// The keys of a selector differ between the two worlds.
#[derive(Debug, Clone, Copy)]
pub(super) struct SelectorKeys {
    pub labels: &'static str,
    pub expressions: &'static str,
}

pub(super) const RESOURCE: SelectorKeys = SelectorKeys {
    labels: "matchLabels",
    expressions: "matchExpressions",
};

pub(super) const LEGACY: SelectorKeys = SelectorKeys {
    labels: "match-labels",
    expressions: "match-expressions",
};

pub(super) fn word(tree: &Tree<'_>, id: NodeId) -> Option<Word> {
    let scalar = tree.scalar(id)?;
    Some(Spanned {
        value: (*scalar.text).into(),
        span: tree.span(id),
    })
}

pub(super) fn word_at(tree: &Tree<'_>, object: NodeId, key: &str) -> Option<Word> {
    tree.get(object, key).and_then(|id| word(tree, id))
}

/// A word that says something.
pub(super) fn text_at(tree: &Tree<'_>, object: NodeId, key: &str) -> Option<Word> {
    word_at(tree, object, key).filter(|word| !word.is_empty())
}

pub(super) fn words(tree: &Tree<'_>, object: NodeId, key: &str) -> Vec<Word> {
    let items = tree
        .get(object, key)
        .map(|id| tree.sequence(id))
        .unwrap_or_default();
    items.iter().filter_map(|id| word(tree, *id)).collect()
}

pub(super) fn flag(tree: &Tree<'_>, object: NodeId, key: &str) -> Option<bool> {
    match tree.scalar(tree.get(object, key)?)?.plain() {
        Plain::Flag(flag) => Some(flag),
        _ => None,
    }
}

pub(super) fn integer(tree: &Tree<'_>, object: NodeId, key: &str) -> Option<Spanned<i64>> {
    let id = tree.get(object, key)?;
    match tree.scalar(id)?.plain() {
        Plain::Integer(number) => Some(Spanned {
            value: i64::try_from(number).ok()?,
            span: tree.span(id),
        }),
        _ => None,
    }
}

pub(super) fn labels(tree: &Tree<'_>, id: NodeId) -> Labels {
    let pairs = tree.mapping(id).iter();
    pairs
        .filter_map(|(key, value)| Some((tree.key(*key)?.into(), tree.key(*value)?.into())))
        .collect()
}

pub(super) fn selectors(
    tree: &Tree<'_>,
    object: NodeId,
    key: &str,
    keys: SelectorKeys,
) -> Vec<Spanned<LabelSelector>> {
    let items = tree
        .get(object, key)
        .map(|id| tree.sequence(id))
        .unwrap_or_default();
    items.iter().map(|id| selector(tree, *id, keys)).collect()
}

fn selector(tree: &Tree<'_>, id: NodeId, keys: SelectorKeys) -> Spanned<LabelSelector> {
    let expressions = tree
        .get(id, keys.expressions)
        .map(|it| tree.sequence(it))
        .unwrap_or_default();
    let requirement = |id: &NodeId| Requirement {
        key: word_at(tree, *id, "key")
            .map(|it| it.value)
            .unwrap_or_default(),
        operator: Operator::parse(
            &word_at(tree, *id, "operator")
                .map(|it| it.value)
                .unwrap_or_default(),
        ),
        values: words(tree, *id, "values")
            .into_iter()
            .map(|it| it.value)
            .collect(),
    };
    Spanned {
        value: LabelSelector {
            labels: tree
                .get(id, keys.labels)
                .map(|it| labels(tree, it))
                .unwrap_or_default(),
            expressions: expressions.iter().map(requirement).collect(),
        },
        span: tree.span(id),
    }
}

pub(super) fn addresses(tree: &Tree<'_>, object: NodeId) -> Vec<Written> {
    let items = tree
        .get(object, "addresses")
        .map(|id| tree.sequence(id))
        .unwrap_or_default();
    let written = |id: &NodeId| {
        let scalar = tree.scalar(*id)?;
        Some(Written {
            text: (*scalar.text).into(),
            span: tree.span(*id),
            entry: entry::parse(&scalar.text),
        })
    };
    items.iter().filter_map(written).collect()
}
