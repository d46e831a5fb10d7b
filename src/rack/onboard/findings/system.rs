//! What runs on the board: its tools, modules, firewall, routes, units, and what an earlier cluster has left.

use super::{Finding, Fix, Look, fixed, plain};
use crate::rack::onboard::wish::{Role, unfit_name};

pub(super) fn look(look: &Look<'_>, found: &mut Vec<Finding>) {
    name(look, found);
    tools(look, found);
    network(look, found);
    units(look, found);
    leftovers(look, found);
}

fn name(look: &Look<'_>, found: &mut Vec<Finding>) {
    let node = look.node();
    let Some(why) = unfit_name(&node) else {
        return;
    };
    let problem = look.critical(format!("{node:?} cannot be the name of a node"));
    let problem = problem
        .why(why)
        .next("give it another one with --name, or rename the board with hostnamectl");
    found.push(fixed(problem, Fix::Rename));
}

fn tools(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    match facts.init.as_deref() {
        Some("systemd") | None => {}
        Some(other) => {
            let problem = look.critical(format!("{} has no systemd", look.host()));
            found.push(plain(
                problem
                    .why(format!(
                        "its init is {other}; bramble starts and follows units of systemd"
                    ))
                    .next("install k3s by hand there"),
            ));
        }
    }
    if !facts.missing_tools.is_empty() {
        let problem = look.critical(format!("{} lacks tools that the steps need", look.host()));
        found.push(plain(
            problem
                .evidence(format!("missing: {}", facts.missing_tools.join(", ")))
                .next("install them (apt install coreutils util-linux iproute2)"),
        ));
    }
    if !facts.has_curl && !facts.has_wget {
        let problem = look.note(format!("{} has neither curl nor wget", look.host()));
        found.push(plain(problem.why(
            "nothing is downloaded there; whether it reaches the server is seen only when it joins",
        )));
    }
    if facts.missing_modules.iter().any(|it| it == "vxlan") {
        let problem = look.critical(format!("the kernel of {} has no vxlan", look.host()));
        found.push(plain(
            problem
                .why("flannel joins the pods of different boards with it")
                .evidence("modprobe -n vxlan fails")
                .next("apt install linux-modules-extra-raspi, then reboot (Ubuntu 21.10 to 23.10)"),
        ));
    }
    let others: Vec<&str> = (facts.missing_modules.iter().map(String::as_str))
        .filter(|it| *it != "vxlan")
        .collect();
    if !others.is_empty() {
        let problem = look.warning(format!("the kernel of {} lacks modules", look.host()));
        found.push(fixed(
            problem
                .evidence(format!("missing: {}", others.join(", ")))
                .next("use the system's own kernel"),
            Fix::Ignore,
        ));
    }
    if let Some(version) = facts
        .iptables
        .as_deref()
        .filter(|it| is_broken_iptables(it))
    {
        let problem = look.warning(format!(
            "{} has an iptables with a known fault",
            look.host()
        ));
        found.push(fixed(
            problem
                .why("1.8.0 to 1.8.4 mixes up nft and legacy rules")
                .evidence(version)
                .next("upgrade the system, or put prefer-bundled-bin: true into config.yaml"),
            Fix::Ignore,
        ));
    }
}

/// `iptables v1.8.2 (nf_tables)`
fn is_broken_iptables(text: &str) -> bool {
    ["v1.8.0", "v1.8.1", "v1.8.2", "v1.8.3", "v1.8.4"]
        .iter()
        .any(|version| text.split_whitespace().any(|it| it == *version))
}

fn network(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    match facts.default_route.as_deref() {
        None => {
            let problem = look.critical(format!("{} has no default route", look.host()));
            found.push(plain(
                problem
                    .why("k3s takes the address of its node from it")
                    .next("fix its network; without a gateway add a route through a dummy link, such as 203.0.113.254/31, metric 1000"),
            ));
        }
        Some(route)
            if route.contains(" 169.254.")
                || facts
                    .address
                    .as_deref()
                    .is_some_and(|it| it.starts_with("169.254.")) =>
        {
            let problem = look.critical(format!(
                "the default route of {} has an address k3s does not take",
                look.host()
            ));
            found.push(plain(
                problem
                    .why("169.254.0.0/16 is for links only")
                    .evidence(route)
                    .next("use another range for the dummy route"),
            ));
        }
        Some(_) => {}
    }
    if let Some(firewall) = facts.firewall.as_deref() {
        let problem = look.warning(format!("{firewall} is active on {}", look.host()));
        let ports = if look.wish.role.is_server() {
            "6443/tcp, 8472/udp, 10250/tcp, with etcd 2379-2380/tcp"
        } else {
            "8472/udp, 10250/tcp"
        };
        found.push(fixed(
            problem.next(format!(
                "allow {ports}, and everything from 10.42.0.0/16 and 10.43.0.0/16"
            )),
            Fix::Ignore,
        ));
    }
}

fn units(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    let (own, other) = match look.wish.role {
        Role::Agent => ("k3s-agent", "k3s"),
        Role::FirstServer { .. } | Role::Server => ("k3s", "k3s-agent"),
    };
    if let Some(state) = facts.units.get(other) {
        let problem = look.critical(format!("{} has the unit {other} as well", look.host()));
        found.push(fixed(
            problem
                .why(format!("a board is server or agent, never both: {own} and {other} would fight over one name"))
                .evidence(format!("{other}.service: {state}"))
                .next("remove what is there first: --clean, all its local volumes are lost"),
            Fix::Clean,
        ));
    }
}

fn leftovers(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    let has_unit = facts.units.contains_key("k3s") || facts.units.contains_key("k3s-agent");
    if facts.has_data && !has_unit {
        let problem = look.critical(format!("{} has data of an earlier k3s", look.host()));
        found.push(fixed(
            problem
                .why("/var/lib/rancher/k3s is there and no unit: certificates of another cluster keep it from joining")
                .next("remove them with --clean: all local volumes on this board are lost"),
            Fix::Clean,
        ));
    }
    let theirs = look.cluster.and_then(|cluster| cluster.ca_hash.as_deref());
    if let (Some(known), Some(theirs)) = (facts.known_ca.as_deref(), theirs)
        && has_unit
        && known != theirs
    {
        let problem = look.critical(format!("{} belongs to another cluster", look.host()));
        found.push(fixed(
            problem
                .why("its certificates are of another CA than the server's")
                .evidence(format!("CA on the board: {known}"))
                .evidence(format!("CA of the server: {theirs}"))
                .next("remove them with --clean: all local volumes on this board are lost"),
            Fix::Clean,
        ));
    }
    if !facts.config_keys.is_empty() && !has_unit {
        let problem = look.note(format!("{} has a config.yaml already", look.host()));
        found.push(plain(
            problem
                .evidence(format!("keys: {}", facts.config_keys.join(", ")))
                .next("it is kept beside the new one"),
        ));
    }
}
