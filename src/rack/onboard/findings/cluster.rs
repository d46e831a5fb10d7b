//! The board and the cluster: can it reach the server, is it the right one, is the name free.

use super::{Cluster, Finding, Fix, KnownNode, Look, fixed, plain};
use crate::rack::onboard::wish::Role;

pub(super) fn look(look: &Look<'_>, found: &mut Vec<Finding>) {
    if matches!(look.wish.role, Role::FirstServer { .. }) {
        return;
    }
    reach(look, found);
    let Some(cluster) = look.cluster else {
        return;
    };
    if let Some(why) = &cluster.unknown {
        let problem = look.warning("the cluster could not be looked at");
        found.push(fixed(
            problem
                .why(why.clone())
                .next("whether the name is free is not known; go on with --force"),
            Fix::Ignore,
        ));
    }
    version(look, cluster, found);
    name(look, cluster, found);
    if look.wish.role == Role::Server && cluster.datastore.as_deref() == Some("sqlite") {
        let problem = look.critical("the cluster cannot have a second server");
        found.push(plain(
            problem
                .why("the first one keeps its data in sqlite")
                .next("turn it into etcd first: onboard it again with --role first-server --etcd (one way, wants an SSD)"),
        ));
    }
}

fn reach(look: &Look<'_>, found: &mut Vec<Finding>) {
    let (Some(url), facts) = (&look.wish.url, look.facts) else {
        return;
    };
    let blame = |what: String| look.critical(what);
    if let Some(ping) = &facts.ping {
        match ping.status {
            200 if ping.text.starts_with("pong") => {}
            0 => found.push(plain(
                blame(format!("{} does not reach the server", look.host()))
                    .why(format!("no answer from {url}"))
                    .evidence(ping.text.clone())
                    .next("check the address, and that no firewall closes port 6443 of the server"),
            )),
            502 | 503 => found.push(plain(
                blame("the server is not up".to_owned())
                    .why(format!("{url}/ping answers {}", ping.status))
                    .next("wait until it has started, or see why not in its journal"),
            )),
            status => found.push(plain(
                blame("something else than k3s answers at the server's address".to_owned())
                    .why(format!("{url}/ping answers {status}"))
                    .evidence(ping.text.clone())
                    .next("check address and port of the server"),
            )),
        }
    }
    let Some(served) = facts.cacerts.as_ref() else {
        return;
    };
    match (served.status, look.cluster.and_then(|it| it.ca_hash.as_deref())) {
        (401 | 403, _) => found.push(plain(
            blame("something else than k3s answers at the server's address".to_owned())
                .why(format!("{url}/cacerts answers {}", served.status))
                .next("check address and port of the server"),
        )),
        (200, Some(own)) if !own.eq_ignore_ascii_case(&served.text) => found.push(plain(
            blame(format!("{} reaches another server than the one the token is of", look.host()))
                .why("the CA at the server's address is not the CA of the server that was asked over SSH")
                .evidence(format!("CA at {url}: {}", served.text))
                .evidence(format!("CA of the server: {own}"))
                .next("check the server's address; after a new installation of the server clean the board first"),
        )),
        _ => {}
    }
}

fn version(look: &Look<'_>, cluster: &Cluster, found: &mut Vec<Finding>) {
    let Some(server) = &cluster.version else {
        return;
    };
    if let Some(why) = look.wish.version.refused_by_server(server) {
        let problem = look.critical(format!(
            "{} would get a k3s that does not fit its server",
            look.host()
        ));
        found.push(plain(
            problem
                .why(why)
                .evidence(format!("chosen: {}", look.wish.version))
                .next(format!("choose --version {server}")),
        ));
    }
}

/// Days, hours or minutes, as one says it.
fn age(seconds: u64) -> String {
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} hours", seconds / 3_600),
        _ => format!("{} minutes", seconds / 60),
    }
}

fn name(look: &Look<'_>, cluster: &Cluster, found: &mut Vec<Finding>) {
    let node = look.node();
    let known = cluster.nodes.iter().find(|it| it.name == node);
    match known {
        Some(known) if is_same(look, known) => {
            let problem = look.note(format!("{} is node {node} already", look.host()));
            found.push(plain(problem.evidence(format!(
                "{}, {} old, {}",
                ready(known),
                age(known.age),
                known.version
            ))));
        }
        Some(known) if known.is_ready => {
            let problem = look.critical(format!("another board is node {node}, and it is alive"));
            found.push(fixed(
                problem
                    .why("two boards with one name fight over it")
                    .evidence(format!("machine id there: {}", known.machine_id))
                    .evidence(format!(
                        "machine id here: {}",
                        look.facts.machine_id.as_deref().unwrap_or("?")
                    ))
                    .next("give this one another name with --name, or rename it with hostnamectl"),
                Fix::Rename,
            ));
        }
        Some(known) => {
            let problem = look.critical(format!("a node {node} was here before"));
            found.push(fixed(
                problem
                    .why("this board, or its card, is another one: its node password would be rejected")
                    .evidence(format!("it is {} old, NotReady, machine id {}", age(known.age), known.machine_id))
                    .evidence(format!("machine id here: {}", look.facts.machine_id.as_deref().unwrap_or("?")))
                    .next("if the old board is off for good: --replace removes the old node; or use --name"),
                Fix::Replace,
            ));
        }
        None if cluster.passwords.contains(&node) && !look.facts.has_node_password => {
            let problem = look.critical(format!(
                "the cluster still has a password for the name {node}"
            ));
            found.push(fixed(
                problem
                    .why("a node of that name is gone and its password stayed: this board would be rejected")
                    .evidence(format!("secret kube-system/{node}.node-password.k3s"))
                    .next("--replace removes it; or use --name"),
                Fix::Replace,
            ));
        }
        None => {}
    }
}

fn ready(node: &KnownNode) -> &'static str {
    if node.is_ready { "Ready" } else { "NotReady" }
}

/// The same installation on the same board.
pub(in crate::rack::onboard) fn is_same(look: &Look<'_>, known: &KnownNode) -> bool {
    look.facts.machine_id.as_deref() == Some(known.machine_id.as_str())
}
