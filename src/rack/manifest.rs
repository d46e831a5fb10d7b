//! A manifest file: Kubernetes objects to be applied as they are.
//!
//! Not here: reading the file, and applying. Invariant: what is not whole is refused as a whole, with its line.

use std::fmt;

use serde_json::Value;

use crate::rack::draft::ObjectId;
use crate::rack::pool_text::Flaw;
use crate::rack::pool_text::split::documents;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// As it was named.
    pub file: String,
    /// In the order in which they are applied: namespaces, kinds, and then as in the file.
    pub objects: Vec<ManifestObject>,
}

#[derive(Clone, PartialEq)]
pub struct ManifestObject {
    pub id: ObjectId,
    pub body: Value,
}

impl Manifest {
    /// Reads a text of one or more documents; `List`s are their items.
    pub fn parse(file: &str, text: &str) -> Result<Manifest, Flaw> {
        let mut objects = Vec::new();
        for (line, document) in documents(text) {
            let value: Value = serde_yaml::from_str(&document).map_err(|error| Flaw {
                line: line + error.location().map_or(0, |at| at.line().saturating_sub(1)),
                what: format!("this is not YAML: {error}"),
            })?;
            take(value, line, &mut objects)?;
        }
        if objects.is_empty() {
            return Err(Flaw {
                line: 0,
                what: "there is no object in it".to_owned(),
            });
        }
        objects.sort_by_key(|object| match object.id.kind.as_str() {
            "Namespace" => 0,
            "CustomResourceDefinition" => 1,
            _ => 2,
        });
        Ok(Manifest {
            file: file.to_owned(),
            objects,
        })
    }

    /// How many of each kind there are, in the order they come: `7 CustomResourceDefinitions`.
    pub fn counts(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for object in &self.objects {
            match counts.iter_mut().find(|(kind, _)| *kind == object.id.kind) {
                Some((_, count)) => *count += 1,
                None => counts.push((object.id.kind.clone(), 1)),
            }
        }
        counts
    }

    /// The images of its pods: what will run.
    pub fn images(&self) -> Vec<&str> {
        let containers = self.objects.iter().filter_map(|object| {
            let path = "/spec/template/spec/containers";
            object.body.pointer(path).and_then(Value::as_array)
        });
        let mut images: Vec<&str> = containers
            .flatten()
            .filter_map(|container| container.get("image").and_then(Value::as_str))
            .collect();
        images.sort_unstable();
        images.dedup();
        images
    }

    /// True when it holds MetalLB: its controller, by the labels of its manifests.
    pub fn is_metallb(&self) -> bool {
        self.images().iter().any(|image| image.contains("metallb/"))
    }
}

/// A manifest may hold Secrets: debugging shows only which object it is.
impl fmt::Debug for ManifestObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManifestObject({})", self.id)
    }
}

fn take(value: Value, line: usize, objects: &mut Vec<ManifestObject>) -> Result<(), Flaw> {
    if value.is_null() {
        return Ok(());
    }
    let text = |path: &str| {
        value
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let missing = |what: &str| Flaw {
        line,
        what: format!("an object needs {what}"),
    };
    let kind = text("/kind").ok_or_else(|| missing("kind"))?;
    let api_version = text("/apiVersion").ok_or_else(|| missing("apiVersion"))?;
    if kind == "List"
        && let Some(Value::Array(items)) = value.get("items")
    {
        return items
            .iter()
            .try_for_each(|item| take(item.clone(), line, objects));
    }
    let id = ObjectId {
        api_version,
        kind,
        namespace: text("/metadata/namespace").unwrap_or_default(),
        name: text("/metadata/name").ok_or_else(|| missing("metadata.name"))?,
    };
    objects.push(ManifestObject { id, body: value });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# MetalLB
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: metallb-system}
spec: {template: {spec: {containers: [{name: c, image: quay.io/metallb/controller:v0.15.2}]}}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a}}
- {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: b}}
---
---
apiVersion: v1
kind: Namespace
metadata: {name: metallb-system}
";

    #[test]
    fn a_manifest_is_applied_from_the_ground_up() {
        let manifest = Manifest::parse("metallb.yaml", FILE).unwrap();
        let names: Vec<String> = manifest
            .objects
            .iter()
            .map(|object| object.id.to_string())
            .collect();
        assert_eq!(
            names,
            [
                "Namespace metallb-system",
                "CustomResourceDefinition a",
                "CustomResourceDefinition b",
                "Deployment controller"
            ]
        );
        assert_eq!(manifest.counts()[1], ("CustomResourceDefinition".into(), 2));
        assert_eq!(manifest.images(), ["quay.io/metallb/controller:v0.15.2"]);
        assert!(manifest.is_metallb());
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_line() {
        for (text, line, expected) in [
            ("", 0, "no object in it"),
            ("# nothing\n---\n", 0, "no object in it"),
            ("a: 1\n", 0, "needs kind"),
            ("apiVersion: v1\nkind: Pod\n", 0, "needs metadata.name"),
            ("# a\n---\nkind: x\n  y: z\n", 3, "not YAML"),
            ("<html>\n", 0, "needs kind"),
        ] {
            let flaw = Manifest::parse("x", text).unwrap_err();
            assert_eq!(flaw.line, line, "{text:?}: {flaw:?}");
            assert!(flaw.what.contains(expected), "{text:?}: {flaw:?}");
        }
    }
}
