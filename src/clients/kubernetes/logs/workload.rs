//! The pods of a workload: its label selector, in the words of a query.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::clients::kubernetes::connection::{Asking, Connection};
use crate::clients::kubernetes::error::{Error, Rule};
use crate::clients::kubernetes::source::push_encoded;

/// Short and long names of what has pods: group path, resource, rule.
struct Kind {
    names: &'static [&'static str],
    api: &'static str,
    rule: Rule,
}

const fn kind(names: &'static [&'static str], api: &'static str, group: &'static str) -> Kind {
    Kind {
        names,
        api,
        rule: Rule {
            verbs: "get",
            resource: match names {
                [first, ..] => first,
                [] => "",
            },
            group,
            namespace: None,
        },
    }
}

static KINDS: [Kind; 6] = [
    kind(
        &["deployments", "deployment", "deploy"],
        "/apis/apps/v1",
        "apps",
    ),
    kind(
        &["statefulsets", "statefulset", "sts"],
        "/apis/apps/v1",
        "apps",
    ),
    kind(&["daemonsets", "daemonset", "ds"], "/apis/apps/v1", "apps"),
    kind(
        &["replicasets", "replicaset", "rs"],
        "/apis/apps/v1",
        "apps",
    ),
    kind(&["jobs", "job"], "/apis/batch/v1", "batch"),
    kind(&["services", "service", "svc"], "/api/v1", ""),
];

/// True when `word` names something that has pods.
pub(in crate::clients::kubernetes) fn is_kind(word: &str) -> bool {
    KINDS.iter().any(|kind| kind.names.contains(&word))
}

/// The label selector of `KIND/NAME`.
pub(in crate::clients::kubernetes) async fn labels(
    connection: &Connection,
    namespace: &str,
    word: &str,
    name: &str,
) -> Result<String, Error> {
    let missing = || Error::Missing {
        what: format!("{word} \"{name}\" in namespace {namespace}"),
    };
    let kind = KINDS
        .iter()
        .find(|kind| kind.names.contains(&word))
        .ok_or_else(missing)?;
    let mut path = format!("{}/namespaces/", kind.api);
    push_encoded(&mut path, namespace);
    path.push('/');
    path.push_str(kind.rule.resource);
    path.push('/');
    push_encoded(&mut path, name);
    let asking = Asking {
        rule: &kind.rule,
        what: "such workload",
    };
    let body = match connection.get(&path, asking).await {
        Err(Error::Missing { .. }) => return Err(missing()),
        answer => answer?,
    };
    selector(&body).ok_or_else(|| Error::Unreadable {
        what: format!("{word} {namespace}/{name}"),
        why: "it has no selector, so it has no pods of its own".to_owned(),
    })
}

/// A Service's selector is a map; a workload's has `matchLabels` and `matchExpressions`.
fn selector(object: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        spec: Spec,
    }
    #[derive(Deserialize)]
    struct Spec {
        selector: Selector,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Selector {
        Workload(Workload),
        Service(BTreeMap<String, String>),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Workload {
        #[serde(default)]
        match_labels: BTreeMap<String, String>,
        #[serde(default)]
        match_expressions: Vec<Expression>,
    }
    #[derive(Deserialize)]
    struct Expression {
        key: String,
        operator: String,
        #[serde(default)]
        values: Vec<String>,
    }
    let object: Object = serde_json::from_slice(object).ok()?;
    let (labels, expressions) = match object.spec.selector {
        Selector::Workload(it) => (it.match_labels, it.match_expressions),
        Selector::Service(labels) => (labels, Vec::new()),
    };
    let labels = labels
        .into_iter()
        .map(|(key, value)| format!("{key}={value}"));
    let expressions = expressions.into_iter().map(|it| {
        let (key, values) = (it.key, it.values.join(","));
        match it.operator.as_str() {
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key,
            "DoesNotExist" => format!("!{key}"),
            _ => format!("{key} in ({values})"),
        }
    });
    let parts: Vec<String> = labels.chain(expressions).collect();
    (!parts.is_empty()).then(|| parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_written_as_kubectl_writes_it() {
        for (object, expected) in [
            (
                r#"{"spec":{"selector":{"matchLabels":{"app":"web","tier":"front"}}}}"#,
                Some("app=web,tier=front"),
            ),
            (
                r#"{"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"In","values":["x","y"]},
                    {"key":"b","operator":"Exists"},{"key":"c","operator":"DoesNotExist"}]}}}"#,
                Some("a in (x,y),b,!c"),
            ),
            (r#"{"spec":{"selector":{"app":"dns"}}}"#, Some("app=dns")),
            (r#"{"spec":{"selector":{}}}"#, None),
            (r#"{"spec":{}}"#, None),
        ] {
            assert_eq!(selector(object.as_bytes()).as_deref(), expected, "{object}");
        }
    }

    #[test]
    fn kinds_go_by_all_their_names() {
        for word in ["deploy", "sts", "daemonset", "jobs", "svc"] {
            assert!(is_kind(word), "{word}");
        }
        assert!(!is_kind("pod") && !is_kind("configmap"));
    }
}
