//! What metrics.k8s.io says: processor and memory use that wander plausibly.
//!
//! Nothing is stored: a value is a function of the object and the time, so it costs nothing while
//! nobody asks. Invariant: two answers within one window of fifteen seconds are the same.

use serde_json::{Value, json};

use super::node::Node;
use super::pod::{Pod, State};
use super::random::hash;
use super::resource::split_key;
use super::stamp;

/// Seconds between two measurements of metrics-server.
const WINDOW: i64 = 15;

pub(crate) fn of_node(name: &str, node: &Node, pods: u64) -> Value {
    let at = stamp::now() / WINDOW;
    let board = node.board;
    let busy = wander(node.uid, at, 80 + pods * 25);
    let millicores = (board.idle_millicores + busy).min(3_950);
    let share = 28 + (pods * 2).min(40) + wander(node.uid ^ 5, at / 4, 8);
    json!({
        "metadata": {
            "name": name,
            "creationTimestamp": stamp::seconds(stamp::now()),
            "labels": { "kubernetes.io/hostname": name, "kubernetes.io/arch": board.arch },
        },
        "timestamp": stamp::seconds(at * WINDOW),
        "window": "15.021s",
        "usage": {
            "cpu": format!("{}n", millicores * 1_000_000 + hash(node.uid, name) % 1_000_000),
            "memory": format!("{}Ki", board.memory_ki * share.min(96) / 100),
        },
    })
}

/// `None` for pods that do not run.
pub(crate) fn of_pod(key: &str, pod: &Pod) -> Option<Value> {
    if !matches!(pod.state, State::Running | State::Unready | State::Trying) {
        return None;
    }
    let (namespace, name) = split_key(key);
    let at = stamp::now() / WINDOW;
    let millicores = 1 + wander(pod.uid, at, u64::from(pod.workload.millicores));
    let share = 55 + wander(pod.uid ^ 5, at / 4, 30);
    let memory = u64::from(pod.workload.memory_mi) * 1024 * share / 100;
    Some(json!({
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": stamp::seconds(stamp::now()),
        },
        "timestamp": stamp::seconds(at * WINDOW),
        "window": "15.021s",
        "containers": [{
            "name": pod.workload.name,
            "usage": { "cpu": format!("{millicores}m"), "memory": format!("{memory}Ki") },
        }],
    }))
}

/// A value below `range` that moves slowly: halfway between random points eight windows apart.
fn wander(number: u64, at: i64, range: u64) -> u64 {
    let point = |slot: i64| hash(number, &slot.to_string()) % range.max(1);
    let (slot, step) = (at.div_euclid(8), at.rem_euclid(8).unsigned_abs());
    (point(slot) * (8 - step) + point(slot + 1) * step) / 8
}

#[cfg(test)]
mod tests {
    use super::wander;

    #[test]
    fn values_move_slowly_and_stay_in_their_range() {
        let values: Vec<_> = (0..200).map(|at| wander(7, at, 800)).collect();
        assert!(values.iter().all(|value| *value < 800));
        assert!(
            values
                .windows(2)
                .all(|pair| pair[0].abs_diff(pair[1]) <= 101)
        );
        assert!(values.iter().max() > values.iter().min());
    }
}
