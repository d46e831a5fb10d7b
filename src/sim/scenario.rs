//! Scenario files: which boards a simulated rack has, what runs on them and how they behave.
//!
//! It only reads and checks; `populate` turns it into objects and `life` plays it.
//! Invariant: a scenario that loads can be played; every mistake is reported with its line or its name.

mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::resource::Kind;

pub(crate) use network::{MetalLbPlan, ServiceKind, ServicePlan};

/// The shipped scenarios, by the name used on the command line.
const SHIPPED: [(&str, &str); 7] = [
    ("office", include_str!("scenarios/office.toml")),
    ("bad-day", include_str!("scenarios/bad-day.toml")),
    ("large", include_str!("scenarios/large.toml")),
    ("vips", include_str!("scenarios/vips.toml")),
    ("old-metallb", include_str!("scenarios/old-metallb.toml")),
    ("storage", include_str!("scenarios/storage.toml")),
    ("onboard", include_str!("scenarios/onboard.toml")),
];

/// A rack to simulate, as written in a scenario file.
#[derive(Debug, Clone, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of the rack and independent of the others"
)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Scenario {
    pub(crate) context: String,
    pub(crate) about: String,
    pub(crate) server_version: String,
    /// Time from one lease renewal to the next, if a node does not say otherwise.
    pub(crate) beat: Seconds,
    /// How much earlier or later than due a renewal may come.
    pub(crate) jitter: Seconds,
    pub(crate) lease_duration_seconds: u32,
    /// Silence after which the node controller calls a node unknown.
    pub(crate) grace: Seconds,
    /// How long an unknown node's pods stay before they are moved.
    pub(crate) eviction_after: Seconds,
    pub(crate) status_every: Seconds,
    pub(crate) bookmark_every: Seconds,
    /// Pod changes per second in the whole rack.
    pub(crate) churn: f64,
    /// Node events per second in the whole rack.
    pub(crate) events: f64,
    /// Plural names the demo's user may not touch.
    pub(crate) forbidden: Vec<String>,
    /// Whether metrics.k8s.io is installed.
    pub(crate) metrics: bool,
    /// Whether the password of a removed node is left behind, as some versions of k3s do.
    pub(crate) keeps_passwords: bool,
    pub(crate) node: Vec<NodePlan>,
    /// Boards that are no nodes yet.
    pub(crate) blank: Vec<BlankPlan>,
    /// How long a step of an onboarding takes on a board.
    pub(crate) step: Seconds,
    pub(crate) workload: Vec<WorkloadPlan>,
    pub(crate) service: Vec<ServicePlan>,
    /// Objects as they are, in the words of a manifest.
    pub(crate) object: Vec<Value>,
    pub(crate) metallb: Option<MetalLbPlan>,
    /// Why no folder can be made on any export.
    pub(crate) nfs_fault: Option<String>,
    /// Exports do not answer: who uses one waits, and no signal ends it.
    pub(crate) nfs_hangs: bool,
    /// k3s's own balancer, which gives every Service the addresses of the nodes.
    pub(crate) servicelb: bool,
}

/// One board, or `count` boards whose name and address count up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NodePlan {
    /// `{}` stands for the number when `count` is more than one.
    pub(crate) name: String,
    #[serde(default = "one")]
    pub(crate) count: u32,
    #[serde(default)]
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) board: BoardModel,
    pub(crate) ip: Option<Ipv4Addr>,
    #[serde(default = "ninety_one")]
    pub(crate) days: u32,
    #[serde(default)]
    pub(crate) health: Health,
    #[serde(default)]
    pub(crate) cordoned: bool,
    pub(crate) kubelet: Option<String>,
    /// Labels besides those of k3s.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    /// Boards with the same text share a machine id, like cards cloned from one image.
    pub(crate) machine: Option<String>,
    pub(crate) zone: Option<String>,
    /// The firmware's bits of under-voltage and throttling.
    #[serde(default)]
    pub(crate) throttled: u32,
    /// Degrees of the processor.
    pub(crate) warmth: Option<f64>,
    /// `mount.nfs` is not installed.
    #[serde(default)]
    pub(crate) lacks_nfs: bool,
    #[serde(default)]
    pub(crate) beat: BeatPlan,
}

/// A board with a fresh card, or `count` of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BlankPlan {
    /// What ssh knows it by; `{}` stands for the number when `count` is more than one.
    pub(crate) name: String,
    #[serde(default = "one")]
    pub(crate) count: u32,
    #[serde(default)]
    pub(crate) board: BoardModel,
    pub(crate) ip: Ipv4Addr,
    #[serde(default)]
    pub(crate) trouble: Trouble,
}

/// What is wrong with a board that is to be onboarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Trouble {
    #[default]
    None,
    /// The firmware reads another cmdline.txt than the one that is there.
    WrongFile,
    SecondLine,
    BootUnmounted,
    KernelIgnores,
    Armv6,
    BadName,
    /// It calls itself as a board that is a node and alive.
    NameTaken,
    /// The cluster has a node of that name that is gone for good.
    OldNode,
    /// The cluster knows a password for its name.
    OldPassword,
    ForeignToken,
    /// It starts for ever.
    Hangs,
    Unreachable,
    ServerDown,
    SomethingElse,
    OtherServer,
    ClockWrong,
    NoTools,
    NoVxlan,
    OldIptables,
    Firewall,
    SlowCard,
    CardErrors,
    NoRoute,
    LinkLocalRoute,
    BothUnits,
    Leftovers,
    UnderVoltage,
    DiskFull,
    ReadOnlyRoot,
}

/// How a node renews its lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BeatPlan {
    pub(crate) every: Option<Seconds>,
    /// Some renewals come only after this time …
    pub(crate) late: Option<Seconds>,
    /// … this percentage of them.
    #[serde(default)]
    pub(crate) late_percent: u64,
    /// Silent since so long before the start.
    pub(crate) dark_since: Option<Seconds>,
    /// Falls silent so long after the start.
    pub(crate) dark_after: Option<Seconds>,
    /// A flapping node is silent so long …
    pub(crate) dark_for: Option<Seconds>,
    /// … and then alive so long, again and again.
    pub(crate) alive_for: Option<Seconds>,
}

/// What runs on the rack: a workload with its pods, or `count` of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WorkloadPlan {
    pub(crate) name: String,
    #[serde(default = "one")]
    pub(crate) count: u32,
    #[serde(default = "default_namespace")]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) kind: WorkloadKind,
    pub(crate) image: String,
    #[serde(default = "eighty")]
    pub(crate) port: u16,
    /// Pods; without it as many as `on` has names.
    pub(crate) replicas: Option<u32>,
    /// Nodes that carry the pods, in turn; empty means all of them.
    #[serde(default)]
    pub(crate) on: Vec<String>,
    #[serde(default)]
    pub(crate) state: StartState,
    #[serde(default)]
    pub(crate) restarts: u32,
    #[serde(default = "twenty")]
    pub(crate) cpu: u32,
    #[serde(default = "sixty_four")]
    pub(crate) memory: u32,
    /// A disruption budget that keeps so many pods healthy.
    pub(crate) budget: Option<u32>,
    /// Claims its pods share, by name.
    #[serde(default)]
    pub(crate) claims: Vec<String>,
    /// Why its pods cannot mount theirs: they are created for ever, and the kubelet says this.
    pub(crate) mount_fault: Option<String>,
    /// Variables of its container.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Each pod has a volume of this size on the board it first ran on, as local-path makes them.
    pub(crate) local_volume: Option<String>,
    /// Arguments of its container.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// Labels besides the usual ones.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Server,
    #[default]
    Agent,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BoardModel {
    Pi3,
    Pi4,
    #[default]
    #[serde(rename = "pi4-8g")]
    Pi4With8G,
    Pi5,
    #[serde(rename = "pi5-16g")]
    Pi5With16G,
}

/// What the kubelet says about its node at the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Health {
    #[default]
    Ready,
    NetworkNotReady,
    MemoryPressure,
    DiskPressure,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum WorkloadKind {
    #[default]
    Deployment,
    DaemonSet,
    StatefulSet,
    Job,
    /// A pod nobody owns.
    Pod,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StartState {
    #[default]
    Running,
    CrashLoop,
    ImagePull,
    Pending,
    Evicted,
    Completed,
}

/// A duration written as a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct Seconds(pub(crate) Duration);

impl Scenario {
    /// The names of the shipped scenarios.
    pub fn names() -> &'static [&'static str] {
        const NAMES: [&str; 7] = [
            SHIPPED[0].0,
            SHIPPED[1].0,
            SHIPPED[2].0,
            SHIPPED[3].0,
            SHIPPED[4].0,
            SHIPPED[5].0,
            SHIPPED[6].0,
        ];
        &NAMES
    }

    /// A shipped scenario by name; the error lists the names there are.
    pub fn shipped(name: &str) -> Result<Self, String> {
        match SHIPPED.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::from_toml(text),
            None => Err(format!(
                "no scenario \"{name}\"; there are {}",
                Self::names().join(", ")
            )),
        }
    }

    /// Reads a scenario file. A mistake is told with its line, or with the name it concerns.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The name of the kubeconfig context.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// What the scenario is for, in one sentence.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The same with another image for the workloads of this name, if there are any.
    #[must_use]
    pub fn with_image(mut self, workload: &str, image: &str) -> Self {
        for plan in self.workload.iter_mut().filter(|it| it.name == workload) {
            image.clone_into(&mut plan.image);
        }
        self
    }

    fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for node in &self.node {
            if node.count > 1 && !node.name.contains("{}") {
                return Err(format!(
                    "node \"{}\" has a count; put {{}} in its name",
                    node.name
                ));
            }
            if !names.insert(node.name.as_str()) {
                return Err(format!("node \"{}\" is written twice", node.name));
            }
        }
        for blank in &self.blank {
            if !names.insert(blank.name.as_str()) {
                return Err(format!("board \"{}\" is written twice", blank.name));
            }
        }
        for workload in &self.workload {
            let unknown = workload.on.iter().find(|on| !names.contains(on.as_str()));
            if let Some(unknown) = unknown {
                return Err(format!(
                    "workload \"{}\" runs on \"{unknown}\", which is no node of the scenario",
                    workload.name
                ));
            }
        }
        for object in &self.object {
            let kind = object["kind"].as_str().unwrap_or_default();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if name.is_empty() || Kind::named(kind).is_none() {
                return Err(format!(
                    "object \"{name}\" of kind \"{kind}\" cannot be kept"
                ));
            }
        }
        for service in &self.service {
            if service.count > 1 && !service.name.contains("{}") {
                return Err(format!(
                    "service \"{}\" has a count; put {{}} in its name",
                    service.name
                ));
            }
        }
        Ok(())
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            context: "rack".to_owned(),
            about: String::new(),
            server_version: "v1.33.4+k3s1".to_owned(),
            beat: Seconds(Duration::from_secs(10)),
            jitter: Seconds(Duration::from_millis(300)),
            lease_duration_seconds: 40,
            grace: Seconds(Duration::from_secs(45)),
            eviction_after: Seconds(Duration::from_secs(300)),
            status_every: Seconds(Duration::from_secs(300)),
            bookmark_every: Seconds(Duration::from_secs(60)),
            churn: 0.0,
            events: 0.0,
            forbidden: Vec::new(),
            metrics: true,
            keeps_passwords: false,
            node: Vec::new(),
            blank: Vec::new(),
            step: Seconds(Duration::from_millis(900)),
            workload: Vec::new(),
            service: Vec::new(),
            object: Vec::new(),
            metallb: None,
            nfs_fault: None,
            nfs_hangs: false,
            servicelb: false,
        }
    }
}

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|error| format!("{seconds} is no number of seconds: {error}"))
    }
}

fn one() -> u32 {
    1
}

fn twenty() -> u32 {
    20
}

fn sixty_four() -> u32 {
    64
}

fn ninety_one() -> u32 {
    91
}

fn eighty() -> u16 {
    8080
}

fn default_namespace() -> String {
    "default".to_owned()
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn every_shipped_scenario_loads() {
        for name in Scenario::names() {
            let scenario = Scenario::shipped(name).unwrap();
            assert!(!scenario.node.is_empty(), "{name} has no boards");
            assert!(
                !scenario.about().is_empty(),
                "{name} says not what it is for"
            );
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = Scenario::shipped("ofice").unwrap_err();
        assert_eq!(
            error,
            "no scenario \"ofice\"; there are office, bad-day, large, vips, old-metallb, storage, onboard"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line_or_name() {
        let cases = [
            ("context = \"a\"\nchrun = 3\n", "line 2"),
            ("[[node]]\nname = \"a\"\nboard = \"pi9\"\n", "line 3"),
            ("beat = -1\n", "is no number of seconds"),
            ("[[node]]\nname = \"a\"\ncount = 2\n", "put {} in its name"),
            (
                "[[node]]\nname = \"a\"\n[[node]]\nname = \"a\"\n",
                "written twice",
            ),
            (
                "[[workload]]\nname = \"w\"\nimage = \"i\"\non = [\"b\"]\n",
                "which is no node",
            ),
            (
                "[[object]]\nkind = \"Pool\"\nmetadata = { name = \"a\" }\n",
                "object \"a\" of kind \"Pool\"",
            ),
            (
                "[[service]]\nname = \"s\"\nports = []\ncount = 3\n",
                "put {} in its name",
            ),
        ];
        for (text, expected) in cases {
            let error = Scenario::from_toml(text).unwrap_err();
            assert!(error.contains(expected), "{error} lacks {expected}");
        }
    }
}
