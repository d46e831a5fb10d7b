//! Whether disruption budgets allow an eviction, decided as the real eviction subresource does.
//!
//! Percentages are not understood. Invariant: a pod that runs nothing may always go.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::resource::Kind;
use super::super::world::World;
use super::reply::{self, Answer};

const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
const TWO_BUDGETS: &str = "This pod has more than one PodDisruptionBudget, which the eviction \
    subresource does not support.";

/// The refusal to evict this pod now; `None` when it may go.
pub(crate) fn refusal(world: &World, key: &str, pod: &Value) -> Option<Answer> {
    if !is_healthy(pod) {
        return None;
    }
    let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
    let budgets: Vec<Value> = objects(world, Kind::PodDisruptionBudget, namespace)
        .filter(|budget| selects(budget, pod))
        .collect();
    let budget = match budgets.as_slice() {
        [] => return None,
        [budget] => budget,
        _ => {
            let code = StatusCode::INTERNAL_SERVER_ERROR;
            return Some(reply::refuse(
                code,
                "InternalError",
                TWO_BUDGETS,
                &Value::Null,
            ));
        }
    };
    let pods: Vec<Value> = objects(world, Kind::Pod, namespace)
        .filter(|other| selects(budget, other))
        .collect();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let healthy = count(pods.iter().filter(|pod| is_healthy(pod)).count());
    let wanted = match (
        &budget["spec"]["minAvailable"],
        &budget["spec"]["maxUnavailable"],
    ) {
        (Value::Number(least), _) => least.as_u64().unwrap_or(0),
        (_, Value::Number(most)) => count(pods.len()).saturating_sub(most.as_u64().unwrap_or(0)),
        _ => 0,
    };
    if healthy > wanted {
        return None;
    }
    let name = budget["metadata"]["name"].as_str().unwrap_or_default();
    let cause = format!(
        "The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
    );
    let details = json!({ "causes": [{ "reason": "DisruptionBudget", "message": cause }] });
    let code = StatusCode::TOO_MANY_REQUESTS;
    Some(reply::refuse(code, "TooManyRequests", REFUSED, &details))
}

fn objects<'a>(
    world: &'a World,
    kind: Kind,
    namespace: &'a str,
) -> impl Iterator<Item = Value> + 'a {
    let is_here = move |key: &str| key.split_once('/').is_some_and(|(it, _)| it == namespace);
    let objects = world.store.iter(kind);
    objects
        .filter(move |(key, _)| is_here(key))
        .map(|(key, stored)| stored.object.value(key, stored.version))
}

fn selects(budget: &Value, pod: &Value) -> bool {
    let labels = budget["spec"]["selector"]["matchLabels"].as_object();
    let has = |(name, value): (&String, &Value)| pod["metadata"]["labels"][name] == *value;
    labels.is_some_and(|labels| labels.iter().all(has))
}

/// Ready, running and not on its way out.
fn is_healthy(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let is_ready = conditions.is_some_and(|conditions| {
        conditions
            .iter()
            .any(|it| it["type"] == "Ready" && it["status"] == "True")
    });
    is_ready
        && pod["status"]["phase"] == "Running"
        && pod["metadata"].get("deletionTimestamp").is_none()
}
