//! Which boards the cluster cannot do without: its servers, etcd's quorum, and somebody to take the pods.

use crate::rack::Rack;
use crate::rack::node::{Node, Role, Truth};

/// A board that keeps its data in embedded etcd.
const ETCD: &str = "node-role.kubernetes.io/etcd";

impl Rack {
    /// Boards other than this that take new pods: Ready, not cordoned, without a taint that keeps pods away.
    pub fn takers(&self, except: &Node) -> Vec<&Node> {
        self.nodes()
            .filter(|node| node.uid != except.uid && takes_pods(node))
            .collect()
    }

    /// Why the cluster would stop if this board were off or gone; `None` when it would go on.
    pub fn stops_without(&self, node: &Node) -> Option<String> {
        if node.role() != Role::Server {
            return None;
        }
        let servers: Vec<&Node> = self
            .nodes()
            .filter(|other| other.role() == Role::Server)
            .collect();
        let is_ready = |node: &&Node| node.ready() == Some(Truth::True);
        let is_other = |other: &&Node| other.uid != node.uid;
        if !servers
            .iter()
            .copied()
            .filter(|it| is_other(it))
            .any(|it| is_ready(&it))
        {
            return Some(match servers.len() {
                1 => format!("{} is the only server of the cluster", node.name),
                _ => format!("no other server than {} is Ready", node.name),
            });
        }
        if !node.labels.contains_key(ETCD) {
            return None;
        }
        let members: Vec<&&Node> = servers
            .iter()
            .filter(|it| it.labels.contains_key(ETCD))
            .collect();
        let needed = members.len() / 2 + 1;
        let left = members
            .iter()
            .filter(|it| is_other(it) && is_ready(it))
            .count();
        (left < needed).then(|| {
            format!(
                "etcd would lose its quorum: it needs {needed} of {} servers, and {left} would be left",
                members.len()
            )
        })
    }
}

fn takes_pods(node: &Node) -> bool {
    let repels = |effect: &str| matches!(effect, "NoSchedule" | "NoExecute");
    node.ready() == Some(Truth::True)
        && !node.unschedulable
        && !node.taints.iter().any(|taint| repels(&taint.effect))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::facts::{Change, Fact};
    use crate::rack::node::{NodeName, Taint};
    use crate::rack::time::Now;

    /// `name`, then signs: `s` server, `e` etcd, `d` down, `c` cordoned, `t` tainted.
    fn node(text: &str) -> Node {
        let (name, signs) = text.split_once(' ').unwrap_or((text, ""));
        let has = |sign| signs.contains(sign);
        let ready = if has('d') {
            Truth::Unknown
        } else {
            Truth::True
        };
        let mut node = crate::rack::tests::node(name, ready);
        node.unschedulable = has('c');
        for (sign, label) in [('s', "node-role.kubernetes.io/control-plane"), ('e', ETCD)] {
            if has(sign) {
                node.labels.insert(label.into(), "true".into());
            }
        }
        if has('t') {
            node.taints.push(Taint {
                key: "only".into(),
                value: "".into(),
                effect: "NoSchedule".into(),
            });
        }
        node
    }

    fn rack(nodes: &[&str]) -> Rack {
        let mut rack = Rack::new(Now::ZERO);
        let nodes = nodes.iter().map(|text| node(text)).collect();
        rack.apply(Fact::Nodes(Change::Listed(nodes)));
        rack
    }

    #[test]
    fn the_cluster_stops_without_its_only_server_or_its_quorum() {
        for (nodes, expected) in [
            (
                vec!["a s", "b", "c"],
                Some("a is the only server of the cluster"),
            ),
            (vec!["a s", "b s", "c"], None),
            (vec!["a s", "b sd"], Some("no other server than a is Ready")),
            (vec!["a se", "b se", "c se"], None),
            (
                vec!["a se", "b se", "c sed"],
                Some("etcd would lose its quorum: it needs 2 of 3 servers, and 1 would be left"),
            ),
            (
                vec!["a se", "b se"],
                Some("etcd would lose its quorum: it needs 2 of 2 servers, and 1 would be left"),
            ),
            (vec!["a", "b s"], None),
        ] {
            let rack = rack(&nodes);
            let first = rack.node(&NodeName::new("a")).unwrap();
            assert_eq!(rack.stops_without(first).as_deref(), expected, "{nodes:?}");
        }
    }

    #[test]
    fn pods_go_only_to_boards_that_take_them() {
        let rack = rack(&["a", "b c", "c d", "d t", "e"]);
        let first = rack.node(&NodeName::new("a")).unwrap();
        let names: Vec<&str> = rack
            .takers(first)
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        assert_eq!(names, ["e"]);
    }
}
