//! Pieces of the wire format that all kinds share. Lenient where Go is: `null` is the same as nothing.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

/// `metadata`, as far as every kind needs it. Only the name must be there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::clients::kubernetes) struct Meta<'a> {
    #[serde(borrow)]
    pub(in crate::clients::kubernetes) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(in crate::clients::kubernetes) uid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(in crate::clients::kubernetes) resource_version: Cow<'a, str>,
    #[serde(default)]
    pub(in crate::clients::kubernetes) creation_timestamp: Stamp,
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
