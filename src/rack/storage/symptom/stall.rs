//! What boards say of NFS over SSH: processes that hang on a server which does not answer, and boards that cannot mount.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::rack::Rack;
use crate::rack::node::{NodeName, Uid};
use crate::rack::pod::Pod;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::storage::{ClaimName, VolumePlace};
use crate::rack::time::short;

pub(super) fn check(rack: &Rack, problems: &mut Vec<Problem>) {
    let exports = exports(rack);
    for (node, board) in &rack.boards {
        let (Some(reading), Some(at)) = (board.fresh(rack.now), board.at) else {
            continue;
        };
        let hanging = board.waiting.hanging(&reading.nfs.waits, at);
        let mut pods: BTreeMap<&Uid, (usize, Duration)> = BTreeMap::new();
        for (wait, waited) in &hanging {
            if let Some(pod) = &wait.pod {
                let (count, longest) = pods.entry(pod).or_default();
                *count += 1;
                *longest = (*longest).max(*waited);
            }
        }
        problems.extend(stalled(rack, node, &pods, &exports));
        if reading.nfs.has_client == Some(false) {
            problems.extend(clientless(rack, node, &exports));
        }
    }
}

/// The claims whose data are on an NFS server, and which.
fn exports(rack: &Rack) -> BTreeMap<&ClaimName, &str> {
    let volumes = rack.storage.volumes();
    volumes
        .filter_map(|volume| match &volume.place {
            VolumePlace::Nfs { server, .. } => Some((&volume.claim.as_ref()?.name, &**server)),
            _ => None,
        })
        .collect()
}

/// The servers a pod's claims are on.
fn servers<'a>(pod: &Pod, exports: &BTreeMap<&ClaimName, &'a str>) -> BTreeSet<&'a str> {
    let claims = pod.claims.iter();
    claims
        .filter_map(|it| exports.get(&ClaimName::new(&pod.namespace, it)).copied())
        .collect()
}

/// Processes of pods without a claim on NFS may wait for their card as well: nothing is said of them.
fn stalled(
    rack: &Rack,
    node: &NodeName,
    hanging: &BTreeMap<&Uid, (usize, Duration)>,
    exports: &BTreeMap<&ClaimName, &str>,
) -> Option<Problem> {
    if hanging.is_empty() {
        return None;
    }
    let mut all = BTreeSet::new();
    let mut longest = Duration::ZERO;
    let mut evidence = Vec::new();
    let pods = rack.pods().filter(|pod| pod.node.as_ref() == Some(node));
    for pod in pods {
        let Some((count, waited)) = hanging.get(&pod.uid) else {
            continue;
        };
        let servers = servers(pod, exports);
        if servers.is_empty() {
            continue;
        }
        all.extend(servers);
        longest = longest.max(*waited);
        let processes = if *count == 1 { "process" } else { "processes" };
        evidence.push(format!(
            "pod {}/{}: {count} {processes}, for {}",
            pod.namespace,
            pod.name,
            short(*waited)
        ));
    }
    let count = evidence.len();
    let pods = if count == 1 { "pod hangs" } else { "pods hang" };
    let servers: Vec<&str> = all.into_iter().collect();
    let servers = servers.join(" and ");
    let what = format!("{count} {pods} on NFS server {servers}, on board {node}");
    let problem = Problem::new(Severity::Critical, Subject::Node(node.clone()), what)
        .why("their processes are in uninterruptible wait: no signal ends them until the server answers")
        .next(format!(
            "see whether {servers} is up and port 2049 answers: they go on by themselves; a pod deleted by force leaves its mount behind"
        ));
    evidence.sort();
    (count > 0).then(|| {
        evidence
            .into_iter()
            .take(4)
            .fold(problem, Problem::evidence)
    })
}

/// Said only where there is something on NFS at all.
fn clientless(
    rack: &Rack,
    node: &NodeName,
    exports: &BTreeMap<&ClaimName, &str>,
) -> Option<Problem> {
    let pods = rack.pods().filter(|pod| pod.node.as_ref() == Some(node));
    let users = pods.filter(|pod| !servers(pod, exports).is_empty()).count();
    if exports.is_empty() && rack.storage.provisioners().next().is_none() {
        return None;
    }
    let severity = if users > 0 {
        Severity::Warning
    } else {
        Severity::Note
    };
    let what = format!("board {node} cannot mount NFS");
    Some(
        Problem::new(severity, Subject::Node(node.clone()), what)
            .why("mount.nfs is not installed on it, and the kubelet mounts with it")
            .evidence(match users {
                0 => "no pod on it uses NFS now; one that comes will not start".to_owned(),
                1 => "1 pod on it uses NFS".to_owned(),
                users => format!("{users} pods on it use NFS"),
            })
            .next("on the board: sudo apt install nfs-common"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::board::parse;
    use crate::rack::storage::testing::{
        bound, claim, class, nfs_volume, pod, rack, tell, tell_pods,
    };

    const UID: &str = "0f1e2d3c-0000-4000-8000-0123456789ab";

    fn answers(rack: &mut Rack, lines: &str, at: u64) {
        rack.now.mono = Duration::from_secs(at);
        let reading = parse(&format!("board 1\n{lines}\nend\n")).unwrap();
        let now = rack.now;
        let board = rack.boards.entry(NodeName::new("rpi-01")).or_default();
        board.answered(reading, now);
    }

    /// A pod on rpi-01 whose claim is on an export, and one whose claim is on no export.
    fn office() -> Rack {
        let mut rack = rack();
        let data = bound(claim("web", "data"), "pv-1");
        let volume = nfs_volume("pv-1", "10.0.0.5", Some(&data));
        tell(&mut rack, vec![class("nas", "x")], vec![data], vec![volume]);
        let mut shop = pod("web", "shop", "Running", &["data"]);
        shop.uid = Uid(UID.into());
        tell_pods(&mut rack, vec![shop, pod("web", "other", "Running", &[])]);
        rack
    }

    fn said(rack: &Rack) -> Vec<String> {
        let mut problems = Vec::new();
        check(rack, &mut problems);
        problems.iter().map(|it| it.what.clone()).collect()
    }

    #[test]
    fn a_pod_that_waits_at_two_looks_hangs_on_its_server() {
        let mut rack = office();
        let line = format!(
            "nfs-client\tyes\nwaits\t7\t1\tshopd\t0::/kubepods/pod{UID}/a\nwaits\t8\t1\tdf\t0::/x"
        );
        answers(&mut rack, &line, 100);
        assert!(said(&rack).is_empty(), "once is no stall");
        answers(&mut rack, &line, 115);
        assert_eq!(
            said(&rack),
            ["1 pod hangs on NFS server 10.0.0.5, on board rpi-01"]
        );
        answers(&mut rack, "nfs-client\tyes", 130);
        assert!(said(&rack).is_empty(), "it went on");
        // One that has nothing on NFS waits for its card.
        let other = line.replace(UID, "ffffffff-0000-4000-8000-0123456789ab");
        answers(&mut rack, &other, 145);
        answers(&mut rack, &other, 160);
        assert!(said(&rack).is_empty());
        rack.now.mono = Duration::from_secs(300);
        assert!(said(&rack).is_empty(), "old news");
    }

    #[test]
    fn a_board_without_the_client_is_named_where_there_is_nfs() {
        let mut rack = office();
        answers(&mut rack, "nfs-client\tno", 100);
        assert_eq!(said(&rack), ["board rpi-01 cannot mount NFS"]);
        answers(&mut rack, "temperature\t51000\tx", 100);
        assert!(said(&rack).is_empty(), "not said is not no");
        let mut without = crate::rack::storage::testing::rack();
        answers(&mut without, "nfs-client\tno", 100);
        assert!(said(&without).is_empty());
    }
}
