//! A Namespace, for its labels: a pool may serve only Services of namespaces that carry some.

use crate::rack::selector::Labels;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    pub name: Box<str>,
    pub labels: Labels,
}
