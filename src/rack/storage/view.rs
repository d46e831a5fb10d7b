//! Rows out of the facts: a claim with its state in words, where its data are, and who uses them; and what hangs on an
//! export or a board.

use std::collections::{BTreeMap, HashMap};

use crate::rack::Rack;
use crate::rack::node::NodeName;
use crate::rack::pod::Pod;
use crate::rack::storage::{
    Claim, ClaimName, ClaimPhase, StorageClass, Volume, VolumePhase, VolumePlace,
};

/// How well it stands with a claim or a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Bad,
    Waiting,
    Unused,
    Good,
}

/// A claim with what belongs to it.
#[derive(Debug, Clone)]
pub struct ClaimView<'a> {
    pub claim: &'a Claim,
    pub volume: Option<&'a Volume>,
    pub class: Option<&'a StorageClass>,
    /// By name; pods that have ended are not among them.
    pub pods: Vec<&'a Pod>,
}

impl ClaimView<'_> {
    /// The state in words, for people who do not know the phases by heart.
    pub fn state(&self) -> (Standing, &'static str) {
        let waits_for_pod = self.class.is_some_and(|it| it.waits_for_pod);
        match self.claim.phase {
            _ if self.claim.deleted.is_some() && !self.pods.is_empty() => {
                (Standing::Waiting, "goes when its pods do")
            }
            _ if self.claim.deleted.is_some() => (Standing::Waiting, "is being deleted"),
            ClaimPhase::Lost => (Standing::Bad, "lost its volume"),
            ClaimPhase::Pending if waits_for_pod && self.pods.is_empty() => {
                (Standing::Unused, "waits for a pod")
            }
            ClaimPhase::Pending => (Standing::Waiting, "waits for a volume"),
            ClaimPhase::Bound
                if self
                    .volume
                    .is_some_and(|it| it.phase == VolumePhase::Failed) =>
            {
                (Standing::Bad, "volume failed")
            }
            ClaimPhase::Bound if self.pods.is_empty() => (Standing::Unused, "bound, unused"),
            ClaimPhase::Bound => (Standing::Good, "bound"),
        }
    }
}

/// A volume's phase in words.
pub fn volume_state(volume: &Volume) -> (Standing, &'static str) {
    match volume.phase {
        VolumePhase::Pending => (Standing::Waiting, "is being made"),
        VolumePhase::Available => (Standing::Unused, "free"),
        VolumePhase::Bound => (Standing::Good, "bound"),
        VolumePhase::Released => (Standing::Unused, "kept, its claim is gone"),
        VolumePhase::Failed => (Standing::Bad, "could not be deleted"),
    }
}

/// The pods of each claim, by name; those that have ended let go of their volumes.
pub fn users(rack: &Rack) -> HashMap<ClaimName, Vec<&Pod>> {
    let mut users: HashMap<ClaimName, Vec<&Pod>> = HashMap::new();
    for pod in rack
        .pods()
        .filter(|pod| !pod.claims.is_empty() && !has_ended(pod))
    {
        for claim in &pod.claims {
            let name = ClaimName::new(&pod.namespace, claim);
            users.entry(name).or_default().push(pod);
        }
    }
    for pods in users.values_mut() {
        pods.sort_by(|a, b| a.name.cmp(&b.name));
    }
    users
}

pub(in crate::rack) fn has_ended(pod: &Pod) -> bool {
    matches!(
        &*pod.status,
        "Completed" | "Succeeded" | "Failed" | "Evicted" | "Error"
    ) && pod.owner.as_deref().is_none_or(|it| it == "Job")
}

/// Every claim, by namespace and name.
pub fn claims(rack: &Rack) -> Vec<ClaimView<'_>> {
    let mut users = users(rack);
    let view = |claim| claim_view(rack, claim, users.remove(&claim.name).unwrap_or_default());
    rack.storage.claims().map(view).collect()
}

/// One claim.
pub fn claim_view<'a>(rack: &'a Rack, claim: &'a Claim, mut pods: Vec<&'a Pod>) -> ClaimView<'a> {
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    ClaimView {
        claim,
        volume: rack.storage.volume_of(claim),
        class: claim.class.as_deref().and_then(|it| rack.storage.class(it)),
        pods,
    }
}

/// `10.10.10.5:/srv/nfs/web-data`, `rpi-02 /var/lib/rancher/k3s/storage/…`, `csi driver.longhorn.io`.
pub fn place(volume: &Volume) -> String {
    match &volume.place {
        VolumePlace::Nfs { server, path } => format!("{server}:{path}"),
        VolumePlace::Folder { path, nodes } => match nodes.as_slice() {
            [] => format!("each node {path}"),
            nodes => {
                let names: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
                format!("{} {path}", names.join(" "))
            }
        },
        VolumePlace::Other(kind) => kind.to_string(),
    }
}

/// What lies on one NFS server, or on one board.
#[derive(Debug, Clone, Default)]
pub struct Hold<'a> {
    pub claims: Vec<&'a Claim>,
    /// The pods that hang when it goes, by namespace and name.
    pub pods: Vec<&'a Pod>,
    /// Volumes without a claim.
    pub unclaimed: usize,
}

/// Where volumes are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    NfsServer(Box<str>),
    Board(NodeName),
}

impl Holder {
    /// The board it is: itself, or the one with the server's address.
    pub fn board<'a>(&'a self, rack: &'a Rack) -> Option<&'a NodeName> {
        match self {
            Holder::Board(node) => Some(node),
            Holder::NfsServer(server) => rack
                .nodes()
                .find(|it| it.internal_ip() == Some(server) || *it.name.as_str() == **server)
                .map(|it| &it.name),
        }
    }
}

/// What hangs on each server and each board.
pub fn holders(rack: &Rack) -> BTreeMap<Holder, Hold<'_>> {
    let users = users(rack);
    let mut all: BTreeMap<Holder, Hold<'_>> = BTreeMap::new();
    for volume in rack.storage.volumes() {
        let places: Vec<Holder> = match &volume.place {
            VolumePlace::Nfs { server, .. } => vec![Holder::NfsServer(server.clone())],
            VolumePlace::Folder { nodes, .. } => nodes.iter().cloned().map(Holder::Board).collect(),
            VolumePlace::Other(_) => Vec::new(),
        };
        let claim = volume
            .claim
            .as_ref()
            .and_then(|it| rack.storage.claim(&it.name));
        let claim = claim.filter(|it| it.volume.as_deref() == Some(&*volume.name));
        for place in places {
            let hold = all.entry(place).or_default();
            let Some(claim) = claim else {
                hold.unclaimed += 1;
                continue;
            };
            hold.claims.push(claim);
            hold.pods
                .extend(users.get(&claim.name).into_iter().flatten().copied());
        }
    }
    for hold in all.values_mut() {
        hold.pods
            .sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        hold.pods.dedup_by(|a, b| a.uid == b.uid);
    }
    all
}

/// What an export on this board holds up while it is off, as a sentence; `None` when it serves none.
pub fn hanging_without(rack: &Rack, node: &NodeName) -> Option<String> {
    let is_its = |holder: &Holder| {
        matches!(holder, Holder::NfsServer(_)) && holder.board(rack) == Some(node)
    };
    let (_, hold) = holders(rack)
        .into_iter()
        .find(|(holder, _)| is_its(holder))?;
    Some(format!(
        "It is the NFS server of {}: {} of theirs hang until it is back.",
        many(hold.claims.len(), "claim"),
        many(hold.pods.len(), "pod")
    ))
}

/// What lies on this board's own disk, as a sentence; `None` when no volume does.
pub fn lying_on(rack: &Rack, node: &NodeName) -> Option<String> {
    let hold = holders(rack).remove(&Holder::Board(node.clone()))?;
    let (claims, verb) = match hold.claims.len() {
        0 => return None,
        1 => ("1 claim".to_owned(), "lies"),
        count => (format!("{count} claims"), "lie"),
    };
    Some(match hold.pods.len() {
        0 => format!("The data of {claims} {verb} on its disk; no pod uses them now."),
        count => format!(
            "The data of {claims} {verb} on its disk: {} can run nowhere else.",
            many(count, "pod")
        ),
    })
}

fn many(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

/// Bytes as Kubernetes writes them: `8Gi`, `1.5Gi`, `500Mi`, `12345`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 5] = [("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let unit = UNITS.iter().find(|(_, shift)| bytes >= 1 << shift);
    let Some((unit, shift)) = unit else {
        return bytes.to_string();
    };
    let tenths = (u128::from(bytes) * 10) >> shift;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{unit}"),
        (whole, tenth) => format!("{whole}.{tenth}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::storage::testing::{bound, claim, class, nfs_volume, pod, rack, tell_pods};

    #[test]
    fn sizes_read_as_they_are_written() {
        for (bytes, expected) in [
            (0, "0"),
            (1023, "1023"),
            (8 << 30, "8Gi"),
            (3 << 29, "1.5Gi"),
            (500 << 20, "500Mi"),
            (u64::MAX, "16383.9Pi"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn an_export_and_all_that_hangs_on_it() {
        let mut rack = rack();
        let claims = vec![
            bound(claim("web", "data"), "pv-1"),
            bound(claim("web", "old"), "pv-2"),
        ];
        let volumes = vec![
            nfs_volume("pv-1", "10.0.0.5", Some(&claims[0])),
            nfs_volume("pv-2", "10.0.0.5", Some(&claims[1])),
            nfs_volume("pv-3", "10.0.0.5", None),
        ];
        crate::rack::storage::testing::tell(&mut rack, vec![class("nas", "x")], claims, volumes);
        tell_pods(
            &mut rack,
            vec![
                pod("web", "shop-a", "Running", &["data"]),
                pod("web", "shop-b", "Running", &["data"]),
                pod("web", "done", "Completed", &["old"]),
            ],
        );
        let holders = holders(&rack);
        let hold = &holders[&Holder::NfsServer("10.0.0.5".into())];
        assert_eq!(
            (hold.claims.len(), hold.pods.len(), hold.unclaimed),
            (2, 2, 1)
        );
        let board = crate::rack::tests::node("nas", crate::rack::node::Truth::True);
        let name = board.name.clone();
        assert_eq!(hanging_without(&rack, &name), None);
        let mut board = board;
        for address in &mut board.addresses {
            address.address = "10.0.0.5".into();
        }
        let nodes = crate::rack::facts::Change::Listed(vec![board]);
        rack.apply(crate::rack::facts::Fact::Nodes(nodes));
        let sentence = hanging_without(&rack, &name).unwrap();
        assert!(
            sentence.contains("2 claims: 2 pods of theirs hang"),
            "{sentence}"
        );
        assert_eq!(lying_on(&rack, &name), None);
        let states: Vec<&str> = super::claims(&rack).iter().map(|it| it.state().1).collect();
        assert_eq!(states, ["bound", "bound, unused"]);
    }

    #[test]
    fn a_board_says_what_lies_on_its_disk() {
        let mut rack = rack();
        let claims = vec![
            bound(claim("web", "db"), "pv-1"),
            bound(claim("web", "old"), "pv-2"),
        ];
        let on_board = |name: &str, claim| {
            let place = VolumePlace::Folder {
                path: "/data".into(),
                nodes: vec![NodeName::new("rpi-02")],
            };
            Volume {
                place,
                ..nfs_volume(name, "", Some(claim))
            }
        };
        let volumes = vec![on_board("pv-1", &claims[0]), on_board("pv-2", &claims[1])];
        crate::rack::storage::testing::tell(&mut rack, vec![class("x", "y")], claims, volumes);
        let on = |rack: &Rack, name| lying_on(rack, &NodeName::new(name));
        assert_eq!(on(&rack, "rpi-01"), None);
        assert!(
            on(&rack, "rpi-02")
                .unwrap()
                .contains("2 claims lie on its disk; no pod")
        );
        tell_pods(&mut rack, vec![pod("web", "db-0", "Running", &["db"])]);
        assert_eq!(
            on(&rack, "rpi-02").unwrap(),
            "The data of 2 claims lie on its disk: 1 pod can run nowhere else."
        );
    }
}
