//! Container images: their names, the platforms they are built for, and which nodes can run them.
//!
//! Not here: asking a registry (`clients::registry`). Invariant: what a registry did not say is unknown, never guessed; a
//! label that lies about its layers cannot be seen from here.

pub mod name;
pub mod page;
pub mod platform;

use std::collections::BTreeMap;

use crate::rack::Rack;
use crate::rack::node::NodeName;
use crate::rack::pipeline::state::JobRef;
use crate::rack::pod::PodName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::workload::WorkloadRef;
use platform::{Fit, Platform};

/// What a registry says an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// What it is built for; entries that are no platforms are left out.
    Platforms(Vec<Platform>),
    /// The name holds layers for builds to start from: it cannot be run.
    BuildCache,
    /// It was not told, with the reason.
    Unknown(String),
}

/// An image a registry was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// As the pod or the log of the job names it.
    pub image: Box<str>,
    pub kind: Kind,
    /// The digest the name stands for now; then those of its platforms.
    pub digests: Vec<Box<str>>,
    /// The commit it was built from, when its labels tell.
    pub revision: Option<Box<str>>,
    /// The job that pushed it, when one of a GitLab of the settings did.
    pub builder: Option<Builder>,
}

/// The job that pushed an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    pub job: JobRef,
    /// `job "build" (#4711)`.
    pub named: String,
    /// `ops/thermo-hub`.
    pub project: String,
    pub pipeline: crate::rack::pipeline::PipelineId,
    pub commit: String,
}

/// A container of a pod, and what it really runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub pod: PodName,
    pub workload: Option<WorkloadRef>,
    pub node: Option<NodeName>,
    pub image: Box<str>,
    /// The digest that was pulled; `None` while nothing is.
    pub digest: Option<Box<str>>,
}

/// The images of a workload or pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfObject {
    pub object: Subject,
    /// The architectures its pods may be placed on; empty means any.
    pub only: Vec<Box<str>>,
    pub images: Vec<Checked>,
    pub running: Vec<Running>,
}

/// The images a job has pushed, and who runs them in this cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfJob {
    pub job: JobRef,
    /// `job "build" (#4711)`.
    pub named: String,
    pub images: Vec<(Checked, Vec<Running>)>,
}

/// What somebody wants to know of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// What a workload or pod runs, where it fits, and who built it.
    Object(Subject),
    /// What a job has pushed, and who runs it; with the name of the job as sentences have it.
    Job(JobRef, String),
}

/// What was found out on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Object(OfObject),
    Job(OfJob),
}

/// Everything that was looked at in this cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Images {
    objects: BTreeMap<Subject, OfObject>,
}

/// Where an image goes, node by node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    pub node: NodeName,
    pub architecture: Box<str>,
    pub fit: Fit,
}

impl Checked {
    /// Whether a digest is the image, or the part of it for one platform.
    pub fn is(&self, digest: &str) -> bool {
        self.digests.iter().any(|it| **it == *digest)
    }

    /// How it goes on each of these nodes; nothing when its platforms are not known.
    pub fn landings(&self, nodes: &[(NodeName, Box<str>)], only: &[Box<str>]) -> Vec<Landing> {
        let Kind::Platforms(platforms) = &self.kind else {
            return Vec::new();
        };
        let may = |(_, architecture): &&(NodeName, Box<str>)| {
            only.is_empty() || only.contains(architecture)
        };
        let landing = |(node, architecture): &(NodeName, Box<str>)| Landing {
            node: node.clone(),
            architecture: architecture.clone(),
            fit: platform::fit(architecture, platforms),
        };
        nodes.iter().filter(may).map(landing).collect()
    }
}

impl Images {
    /// Keeps what was found of a workload or pod, for the list of problems.
    pub fn take(&mut self, found: &Found) {
        if let Found::Object(object) = found {
            self.objects.insert(object.object.clone(), object.clone());
        }
    }

    /// The job that built what an object runs, if it was found.
    pub fn builder(&self, object: &Subject) -> Option<&Builder> {
        let images = &self.objects.get(object)?.images;
        images.iter().find_map(|it| it.builder.as_ref())
    }

    /// Images that cannot run where they may be placed.
    pub fn problems(&self, rack: &Rack) -> Vec<Problem> {
        let nodes = architectures(rack);
        let mut problems = Vec::new();
        for object in self.objects.values() {
            let of = |image| misfit(image, &object.object, &nodes, &object.only);
            problems.extend(object.images.iter().filter_map(of));
        }
        problems
    }
}

/// The nodes with the architecture their kubelet reports, those that report none left out.
pub fn architectures(rack: &Rack) -> Vec<(NodeName, Box<str>)> {
    let known = rack.nodes().filter(|it| !it.info.architecture.is_empty());
    known
        .map(|it| (it.name.clone(), it.info.architecture.clone()))
        .collect()
}

/// What is wrong with an image on these nodes, if anything is.
pub fn misfit(
    image: &Checked,
    about: &Subject,
    nodes: &[(NodeName, Box<str>)],
    only: &[Box<str>],
) -> Option<Problem> {
    let name = &image.image;
    let platforms = match &image.kind {
        Kind::Platforms(platforms) => platforms,
        Kind::BuildCache => {
            let what = format!("{about}: {name} is a build cache, no image");
            let next = "name the tag that the build pushes, not its cache";
            return Some(Problem::new(Severity::Critical, about.clone(), what).next(next));
        }
        Kind::Unknown(_) => return None,
    };
    let landings = image.landings(nodes, only);
    let (bad, good): (Vec<&Landing>, Vec<&Landing>) =
        landings.iter().partition(|it| it.fit == Fit::None);
    if bad.is_empty() {
        return None;
    }
    let mut missing: Vec<&str> = bad.iter().map(|it| &*it.architecture).collect();
    missing.sort_unstable();
    missing.dedup();
    let severity = if good.is_empty() {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let what = format!("{about}: no {} in {name}", missing.join(" and no "));
    let why = format!(
        "it is built for {}, and {}",
        platform::list(platforms),
        which(&bad)
    );
    let next = format!(
        "rebuild it with --platform linux/{} (bramble arm scaffold writes the files), or keep it to other nodes with a nodeSelector",
        missing.join(",linux/")
    );
    Some(
        Problem::new(severity, about.clone(), what)
            .why(why)
            .next(next),
    )
}

/// `node rpi-01 (arm64) needs another`, `5 nodes (rpi-01 (arm64), … need another`.
fn which(landings: &[&Landing]) -> String {
    let name = |it: &&Landing| format!("{} ({})", it.node, it.architecture);
    let names: Vec<String> = landings.iter().take(3).map(name).collect();
    let names = names.join(", ");
    match landings.len() {
        1 => format!("node {names} needs another"),
        2 | 3 => format!("nodes {names} need another"),
        count => format!("{count} nodes need another: {names} and {} more", count - 3),
    }
}

#[cfg(test)]
mod tests;
