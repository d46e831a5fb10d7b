//! What is wrong with storage, out of the facts alone: claims that wait, mounts that fail, folders that are not what one
//! would expect.
//!
//! Rules whose facts are missing stay silent. What cannot be seen through the API (a package on a board, a server's export
//! list) is only said where somebody's words point to it.

mod mount;
mod provisioner;
mod stall;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::storage::directory::{self, Trap};
use crate::rack::storage::reach;
use crate::rack::storage::view::size;
use crate::rack::storage::{
    Claim, ClaimPhase, Provisioner, Reclaim, StorageClass, Volume, VolumePhase,
};

/// A claim that is younger is on its way.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything wrong with storage.
pub fn problems(rack: &Rack) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !rack.link.has_listed(Source::StorageClasses) || !rack.link.has_listed(Source::Claims) {
        return problems;
    }
    problems.extend(two_defaults(rack));
    for provisioner in rack.storage.provisioners() {
        provisioner::check(rack, provisioner, &mut problems);
    }
    for claim in rack.storage.claims() {
        problems.extend(of_claim(rack, claim));
    }
    for volume in rack.storage.volumes() {
        problems.extend(of_volume(rack, volume));
    }
    patterns(rack, &mut problems);
    mount::check(rack, &mut problems);
    stall::check(rack, &mut problems);
    reach::check(rack, &mut problems);
    problems
}

/// What is wrong with one claim; one cause, the gravest.
pub fn of_claim(rack: &Rack, claim: &Claim) -> Option<Problem> {
    match claim.phase {
        ClaimPhase::Pending => waiting::problem(rack, claim),
        ClaimPhase::Lost => Some(
            Problem::new(
                Severity::Critical,
                about(claim),
                format!("claim {} has lost its volume", claim.name),
            )
            .why("its PersistentVolume was deleted while the claim was bound to it")
            .next("what is left of the data is where the volume was; a new volume with this claim's name as claimRef brings it back"),
        ),
        ClaimPhase::Bound => resize(rack, claim),
    }
}

fn about(claim: &Claim) -> Subject {
    Subject::Claim(claim.name.clone())
}

/// Bound, and asks for more than there is: the NFS provisioner never resizes.
fn resize(rack: &Rack, claim: &Claim) -> Option<Problem> {
    let (wanted, capacity) = (claim.wanted?, claim.capacity?);
    let class = rack.storage.class(claim.class.as_deref()?)?;
    if wanted <= capacity || nfs(rack, class).is_none() {
        return None;
    }
    let what = format!(
        "claim {} asks for {} and stays at {}",
        claim.name,
        size(wanted),
        size(capacity)
    );
    Some(
        Problem::new(Severity::Note, about(claim), what)
            .why("the NFS provisioner does not resize, though its class allows it")
            .next("nothing is cut off: sizes are not enforced on NFS; take the size back to what it was"),
    )
}

fn two_defaults(rack: &Rack) -> Option<Problem> {
    let defaults = rack.storage.defaults();
    let [first, .., _] = defaults.as_slice() else {
        return None;
    };
    let names: Vec<&str> = defaults.iter().map(|it| &*it.name).collect();
    let what = format!(
        "{} storage classes are the default: {}",
        names.len(),
        names.join(", ")
    );
    let minor = rack.kubernetes_minor();
    let why = match minor {
        Some(..26) => "before Kubernetes 1.26 a claim without a class is refused then".to_owned(),
        Some(_) => format!("a claim without a class gets the newest, {}", first.name),
        None => {
            "which of them a claim without a class gets depends on Kubernetes' version".to_owned()
        }
    };
    let is_local_path = |it: &&&StorageClass| &*it.provisioner == LOCAL_PATH;
    let next = if defaults.iter().any(|it| is_local_path(&it)) {
        "name the class in every claim, or start every server with --disable=local-storage: k3s puts its own default back at each start"
    } else {
        "take the annotation storageclass.kubernetes.io/is-default-class from all but one"
    };
    let severity = match minor {
        Some(..26) => Severity::Critical,
        _ => Severity::Warning,
    };
    let about = Subject::StorageClass(first.name.clone());
    Some(Problem::new(severity, about, what).why(why).next(next))
}

/// k3s' own provisioner.
pub(super) const LOCAL_PATH: &str = "rancher.io/local-path";

/// Names that NFS provisioners have had in their manifests and charts.
const NFS_NAMES: [&str; 3] = [
    "k8s-sigs.io/nfs-subdir-external-provisioner",
    "fuseim.pri/ifs",
    "cluster.local/nfs-client-provisioner",
];

/// Who answers to the name in a class of the NFS provisioner.
pub(super) enum Answer<'a> {
    Nobody,
    By(&'a Provisioner),
}

/// Whether a class belongs to the NFS provisioner, and which Deployment answers to its name.
pub(super) fn nfs<'a>(rack: &'a Rack, class: &StorageClass) -> Option<Answer<'a>> {
    let mut provisioners = rack.storage.provisioners();
    let running = provisioners.find(|it| it.provisions == class.provisioner);
    let is_known = NFS_NAMES.contains(&&*class.provisioner)
        || class
            .provisioner
            .contains("nfs-subdir-external-provisioner")
        || class.provisioner.contains("nfs-client-provisioner");
    match running {
        Some(running) => Some(Answer::By(running)),
        None => is_known.then_some(Answer::Nobody),
    }
}

fn of_volume(rack: &Rack, volume: &Volume) -> Option<Problem> {
    let about = Subject::Volume(volume.name.clone());
    let claim = volume
        .claim
        .as_ref()
        .map_or_else(String::new, |it| format!(" of claim {}", it.name));
    match volume.phase {
        VolumePhase::Failed => {
            let what = format!("volume {}{claim} could not be deleted", volume.name);
            let problem = Problem::new(Severity::Warning, about, what);
            let problem = match rack.storage.class(&volume.class) {
                None => problem
                    .why(format!(
                        "its StorageClass {} is gone, and deleting needs it",
                        volume.class
                    ))
                    .next("make the class again as it was; the provisioner then goes on"),
                Some(class)
                    if directory::fate(volume.reclaim, class) == directory::Fate::Refused =>
                {
                    problem
                        .why(format!(
                            "archiveOnDelete of StorageClass {} is neither true nor false",
                            class.name
                        ))
                        .next("make the class anew with \"true\" or \"false\" in quotes")
                }
                Some(_) => problem.why("the provisioner says no").next(
                    "mend what it says, or delete the volume and look after its folder by hand",
                ),
            };
            Some(if volume.message.is_empty() {
                problem
            } else {
                problem.evidence(&*volume.message)
            })
        }
        VolumePhase::Released if volume.reclaim == Reclaim::Retain => {
            let what = format!("volume {}{claim} is kept and used by nobody", volume.name);
            Some(
                Problem::new(Severity::Note, about, what)
                    .why("its claim was deleted, and its reclaim policy is Retain")
                    .next("take its data; delete the volume when they are not needed, which leaves the folder"),
            )
        }
        _ => None,
    }
}

/// Folders that two claims share, and patterns that v4.0.2 cannot delete safely.
fn patterns(rack: &Rack, problems: &mut Vec<Problem>) {
    let mut folders: BTreeMap<(&str, String), Vec<&Claim>> = BTreeMap::new();
    let mut nested: BTreeMap<&str, Vec<&Claim>> = BTreeMap::new();
    for claim in rack.storage.claims() {
        let class = claim.class.as_deref().and_then(|it| rack.storage.class(it));
        let Some(class) = class.filter(|it| nfs(rack, it).is_some()) else {
            continue;
        };
        let volume = claim.volume.as_deref().unwrap_or_default();
        let folder = directory::of(claim, class, volume);
        folders
            .entry((&class.provisioner, folder))
            .or_default()
            .push(claim);
        match directory::trap(claim, class) {
            Some(Trap::WholeExport) => problems.push(
                Problem::new(
                    Severity::Critical,
                    about(claim),
                    format!("claim {} has the whole export as its volume", claim.name),
                )
                .why(format!("the pathPattern of StorageClass {} comes to nothing for it", class.name))
                .next("give the claim the label the pattern asks for before anything is written, or take the pattern from the class"),
            ),
            Some(Trap::Nested) => nested.entry(&class.name).or_default().push(claim),
            None => {}
        }
    }
    for ((_, folder), claims) in folders.iter().filter(|(_, claims)| claims.len() > 1) {
        let names: Vec<String> = claims.iter().map(|it| it.name.to_string()).collect();
        let what = format!("claims {} share the folder {folder}", names.join(" and "));
        problems.push(
            Problem::new(Severity::Critical, about(claims[0]), what)
                .why("the pathPattern of their class gives the same for both: deleting one takes the data of the other with it")
                .next("copy the data apart, and use a pattern with namespace and name"),
        );
    }
    for (class, claims) in nested {
        let what = format!("the folders of StorageClass {class} are more than one deep");
        let mut problem = Problem::new(Severity::Warning, Subject::StorageClass(class.into()), what)
            .why("the released provisioner, v4.0.2, looks for the last part of a folder directly below the export when it deletes: it leaves the right one behind, or takes another of that name")
            .next("use a pattern without a slash, or reclaimPolicy Retain, and clean up by hand");
        for claim in claims.iter().take(3) {
            problem = problem.evidence(format!("claim {}", claim.name));
        }
        problems.push(problem);
    }
}

#[cfg(test)]
mod tests;
