//! What is lost when a board leaves its cluster, said before anything is done.

use super::{Finding, Fix, Look, fixed, plain};

pub(super) fn look(look: &Look<'_>, found: &mut Vec<Finding>) {
    let facts = look.facts;
    let has_unit = facts.units.contains_key("k3s") || facts.units.contains_key("k3s-agent");
    if !has_unit && !facts.has_data && facts.installed.is_none() {
        let problem = look.note(format!("there is nothing of k3s on {}", look.host()));
        found.push(plain(problem));
    }
    if !facts.volumes.is_empty() {
        let count = facts.volumes.len();
        let what = format!("{count} local volumes on {} are lost", look.host());
        let mut problem = look
            .note(what)
            .why("local-path keeps their data on this board only");
        for volume in &facts.volumes {
            problem = problem.evidence(claim(volume));
        }
        found.push(plain(problem.next(
            "copy what is needed from /var/lib/rancher/k3s/storage first",
        )));
    }
    if facts.units.contains_key("k3s") {
        server(look, found);
    }
    if let Some(why) = look.cluster.and_then(|cluster| cluster.unknown.as_ref()) {
        let problem = look.warning("the cluster could not be looked at");
        found.push(fixed(
            problem
                .why(why.clone())
                .next("its node stays in the cluster: remove it there later; go on with --force"),
            Fix::Ignore,
        ));
    }
}

/// A server takes more with it than its pods.
fn server(look: &Look<'_>, found: &mut Vec<Finding>) {
    let problem = match look.facts.datastore.as_deref() {
        Some("etcd") => look
            .warning(format!("{} is a member of etcd", look.host()))
            .why("of three members two must stay: see that the others are well")
            .next("go on with --force"),
        _ => look
            .warning(format!("the cluster ends with {}", look.host()))
            .why("its data is on this board only")
            .next("make a backup first (bramble backup); go on with --force"),
    };
    found.push(fixed(problem, Fix::Ignore));
}

/// `pvc-…_web_shop-db` is `web/shop-db`; anything else stays as it is.
fn claim(folder: &str) -> String {
    let mut parts = folder.splitn(3, '_');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(volume), Some(namespace), Some(claim)) if volume.starts_with("pvc-") => {
            format!("{namespace}/{claim}")
        }
        _ => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::claim;

    #[test]
    fn folders_of_volumes_are_named_as_their_claims() {
        for (folder, expected) in [
            ("pvc-1f0e_web_shop-db", "web/shop-db"),
            ("pvc-1f0e", "pvc-1f0e"),
            ("mine_a_b", "mine_a_b"),
        ] {
            assert_eq!(claim(folder), expected);
        }
    }
}
