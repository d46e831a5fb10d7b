//! The fields of MetalLB's objects: the API server's schemas as tables, and the keys of the legacy text.
//!
//! The tables serve two: [`walk`] finds unknown keys and wrong types as strictly as the server does, and the editor
//! offers the keys that fit where the cursor stands. Fields of the resources are those of MetalLB 0.16.1, each with the
//! release that brought it; keys of the legacy text are those of 0.12.1.

use crate::rack::pools::version::Version;

pub mod tables;
pub mod walk;

/// A key that may stand in a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub is_required: bool,
    /// The release that brought it, where that is later than the first with its kind.
    pub since: Option<Version>,
    /// What it is for, in a few words.
    pub help: &'static str,
}

/// What may stand as a value.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    Flag,
    /// Both bounds included.
    Integer(i64, i64),
    List(&'static Shape),
    Object(&'static [Field]),
    /// Any keys, with text: labels.
    Labels,
    /// Anything at all: metadata and status are not ours to judge.
    Any,
}

impl Field {
    pub const fn new(name: &'static str, shape: Shape, help: &'static str) -> Field {
        Field {
            name,
            shape,
            is_required: false,
            since: None,
            help,
        }
    }

    #[must_use]
    pub const fn required(mut self) -> Field {
        self.is_required = true;
        self
    }

    #[must_use]
    pub const fn since(mut self, minor: u16, patch: u16) -> Field {
        self.since = Some(Version::new(0, minor, patch));
        self
    }
}

/// The keys that may stand under a path of keys (list positions left out), for completion.
pub fn fields_at(root: &'static [Field], path: &[&str]) -> &'static [Field] {
    let mut fields = root;
    for key in path {
        let Some(field) = fields.iter().find(|field| field.name == *key) else {
            return &[];
        };
        let mut shape = field.shape;
        while let Shape::List(item) = shape {
            shape = *item;
        }
        match shape {
            Shape::Object(inner) => fields = inner,
            _ => return &[],
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::pools::schema::tables::{IP_ADDRESS_POOL, LEGACY};

    #[test]
    fn fields_are_found_by_path_through_lists() {
        let names = |fields: &[Field]| fields.iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(
            names(fields_at(IP_ADDRESS_POOL, &["spec", "serviceAllocation"])),
            [
                "priority",
                "namespaces",
                "namespaceSelectors",
                "serviceSelectors"
            ]
        );
        assert!(
            names(fields_at(LEGACY, &["address-pools", "bgp-advertisements"]))
                .contains(&"localpref")
        );
        assert!(fields_at(IP_ADDRESS_POOL, &["spec", "nothing"]).is_empty());
        assert!(fields_at(IP_ADDRESS_POOL, &["spec", "addresses"]).is_empty());
    }
}
