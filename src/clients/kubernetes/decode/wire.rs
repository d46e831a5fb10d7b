//! Pieces of the wire format that all kinds share. Lenient where Go is: `null` is the same as nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};

use crate::rack::selector::{LabelSelector, Operator, Requirement};
use crate::rack::service::Protocol;

/// `metadata`: what several kinds need, and of labels and annotations only what `L` and `A` name. Only the name must be
/// there.
#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "L: Deserialize<'de> + Default, A: Deserialize<'de> + Default")
)]
pub(in crate::clients::kubernetes) struct Meta<'a, L = IgnoredAny, A = IgnoredAny> {
    #[serde(borrow)]
    pub(in crate::clients::kubernetes) name: Cow<'a, str>,
    /// Empty for what lives in no namespace.
    #[serde(borrow, default)]
    pub(in crate::clients::kubernetes) namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(in crate::clients::kubernetes) uid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(in crate::clients::kubernetes) resource_version: Cow<'a, str>,
    #[serde(default)]
    pub(in crate::clients::kubernetes) creation_timestamp: Stamp,
    #[serde(default)]
    pub(in crate::clients::kubernetes) deletion_timestamp: Stamp,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::clients::kubernetes) finalizers: Vec<Box<str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::clients::kubernetes) labels: L,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::clients::kubernetes) annotations: A,
}

/// A time stamp; `null`, nothing, and text that is no time are all `None`, because an age is never worth an object.
#[derive(Default, Clone, Copy)]
pub(in crate::clients::kubernetes) struct Stamp(
    pub(in crate::clients::kubernetes) Option<Timestamp>,
);

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parse;
        impl Visitor<'_> for Parse {
            type Value = Stamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time stamp")
            }

            fn visit_str<E>(self, text: &str) -> Result<Stamp, E> {
                Ok(Stamp(text.parse().ok()))
            }

            fn visit_unit<E>(self) -> Result<Stamp, E> {
                Ok(Stamp(None))
            }
        }
        deserializer.deserialize_any(Parse)
    }
}

/// `null` reads as the default, as in Go.
pub(in crate::clients::kubernetes) fn null_as_default<'de, D, T>(
    deserializer: D,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Text that is kept only when there is some.
pub(in crate::clients::kubernetes) fn some(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}

pub(in crate::clients::kubernetes) type Labels = BTreeMap<Box<str>, Box<str>>;

/// A port by number or by name, as in `targetPort`.
pub(in crate::clients::kubernetes) enum Port<'a> {
    Number(u16),
    Name(Cow<'a, str>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Port<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parse;
        impl<'de> Visitor<'de> for Parse {
            type Value = Port<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Port<'de>, E> {
                let number = u16::try_from(number);
                number
                    .map(Port::Number)
                    .map_err(|_| E::custom("no port has that number"))
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Port<'de>, E> {
                Ok(Port::Name(name.into()))
            }

            fn visit_str<E>(self, name: &str) -> Result<Port<'de>, E> {
                Ok(Port::Name(name.to_owned().into()))
            }
        }
        deserializer.deserialize_any(Parse)
    }
}

/// Without a word it is TCP, as the API says.
pub(in crate::clients::kubernetes) fn protocol(word: &str) -> Protocol {
    match word {
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        _ => Protocol::Tcp,
    }
}

/// A label selector.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct Selector {
    #[serde(deserialize_with = "null_as_default")]
    match_labels: Labels,
    #[serde(deserialize_with = "null_as_default")]
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize)]
struct Expression {
    key: Box<str>,
    #[serde(default)]
    operator: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    values: Vec<Box<str>>,
}

impl From<Selector> for LabelSelector {
    fn from(wire: Selector) -> Self {
        let expressions = wire.match_expressions.into_iter();
        Self {
            labels: wire.match_labels,
            expressions: expressions
                .map(|it| Requirement {
                    key: it.key,
                    operator: Operator::parse(&it.operator),
                    values: it.values,
                })
                .collect(),
        }
    }
}
