//! Workloads without a pod: no pod tells of them, so they are asked for while somebody looks.

use jiff::Timestamp;
use serde::Deserialize;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use crate::rack::node::Uid;
use crate::rack::pod::Maker;
use crate::rack::workload::WorkloadRef;
use crate::rack::workloads::IdleWorkload;

/// What can be asked for a number of pods, and so for none.
static KINDS: [(&str, &str, Rule); 2] = [
    (
        "Deployment",
        "/apis/apps/v1/deployments",
        rule("deployments"),
    ),
    (
        "StatefulSet",
        "/apis/apps/v1/statefulsets",
        rule("statefulsets"),
    ),
];

const fn rule(resource: &'static str) -> Rule {
    Rule {
        verbs: "list",
        resource,
        group: "apps",
        namespace: None,
    }
}

/// Those of every kind that may be listed; an error only when none may.
pub(super) async fn list(connection: &Connection) -> Result<Vec<IdleWorkload>, Error> {
    let mut all = Vec::new();
    let mut failed = None;
    let mut is_any = false;
    for (kind, path, rule) in &KINDS {
        let asking = Asking {
            rule,
            what: "workloads",
        };
        match connection.get(path, asking).await {
            Ok(body) => {
                is_any = true;
                all.extend(idle(kind, &body)?);
            }
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if !is_any => Err(error),
        _ => Ok(all),
    }
}

fn idle(kind: &str, list: &[u8]) -> Result<Vec<IdleWorkload>, Error> {
    let list: List = serde_json::from_slice(list).map_err(|error| Error::Unreadable {
        what: format!("the list of {kind}s"),
        why: error.to_string(),
    })?;
    let idle = list.items.into_iter().filter(|it| it.status.replicas == 0);
    let idle = idle.map(|it| IdleWorkload {
        workload: WorkloadRef {
            kind: kind.into(),
            namespace: it.metadata.namespace,
            name: it.metadata.name,
        },
        maker: Maker {
            uid: Uid(it.metadata.uid),
            replica_set: None,
        },
        // The API server writes the default, 1, into every object.
        wanted: it.spec.replicas.unwrap_or(1),
        created: it.metadata.creation_timestamp,
    });
    Ok(idle.collect())
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Item {
    metadata: Meta,
    spec: Replicas,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    name: Box<str>,
    namespace: Box<str>,
    uid: Box<str>,
    creation_timestamp: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Replicas {
    replicas: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    replicas: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_pod_is_told() {
        let list = br#"{"items":[
            {"metadata":{"name":"web","namespace":"shop","uid":"1"},"spec":{"replicas":2},"status":{"replicas":2}},
            {"metadata":{"name":"old","namespace":"shop","uid":"2","creationTimestamp":"2026-01-01T00:00:00Z"},
             "spec":{"replicas":0},"status":{}},
            {"metadata":{"name":"barred","namespace":"shop","uid":"3"},"spec":{"replicas":3},"status":{}}]}"#;
        let idle = idle("Deployment", list).unwrap();
        let told: Vec<(String, u32)> = idle
            .iter()
            .map(|it| (it.workload.to_string(), it.wanted))
            .collect();
        let expected = [("deployment shop/old", 0), ("deployment shop/barred", 3)];
        assert_eq!(
            told,
            expected.map(|(name, wanted)| (name.to_owned(), wanted))
        );
        assert_eq!(idle[0].maker.uid, Uid("2".into()));
        assert!(self::idle("Deployment", b"no list").is_err());
    }
}
