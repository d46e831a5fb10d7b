//! Every way in which a MetalLB cluster goes wrong, played by the simulator and read over HTTP by the program's own client:
//! each is found, with its evidence and a next step.
//!
//! The rules themselves are tested beside their code; here the whole way is, from the wire to the words.

use std::collections::BTreeSet;
use std::time::Duration;

use bramble::app::event_loop::Clock;
use bramble::clients::kubernetes::{self, Target, Wants};
use bramble::rack::Rack;
use bramble::rack::facts::Fact;
use bramble::rack::link::{Source, SourceState};
use bramble::rack::node::NodeName;
use bramble::rack::service::ServiceName;
use bramble::rack::vip::election;
use bramble::rack::vip::symptom::{Finding, Symptom};
use bramble::sim::{Scenario, Sim};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

/// Three boards on which all is well.
const WELL: &str = r#"
context = "small-rack"
churn = 0.0
node = [
  { name = "rpi-01", role = "server", ip = "192.0.2.11" },
  { name = "rpi-02", ip = "192.0.2.12" },
  { name = "rpi-03", ip = "192.0.2.13" },
]
workload = [
  { name = "speaker", namespace = "metallb-system", kind = "DaemonSet", image = "quay.io/metallb/speaker:v0.15.3", labels = { app = "metallb", component = "speaker" } },
  { name = "controller", namespace = "metallb-system", image = "quay.io/metallb/controller:v0.15.3", labels = { app = "metallb", component = "controller" }, on = ["rpi-01"] },
  { name = "lamp", namespace = "home", image = "lamp:1", on = ["rpi-01", "rpi-02"] },
]
service = [{ name = "lamp", namespace = "home", app = "lamp", ports = ["80:8080"] }]

[metallb]
version = "0.15.3"

[[object]]
kind = "IPAddressPool"
metadata = { name = "lan", namespace = "metallb-system" }
spec = { addresses = ["192.0.2.64-192.0.2.67"] }

[[object]]
kind = "L2Advertisement"
metadata = { name = "lan", namespace = "metallb-system" }
spec = { ipAddressPools = ["lan"] }
"#;

/// k3s without MetalLB.
const BARE: &str = r#"
context = "bare-rack"
churn = 0.0
node = [{ name = "rpi-01", role = "server", ip = "192.0.2.11" }]
workload = [
  { name = "lamp", namespace = "home", image = "lamp:1", on = ["rpi-01"] },
]
service = [{ name = "lamp", namespace = "home", app = "lamp", ports = ["80:8080"] }]
"#;

const SVCLB: &str = r#"
  { name = "svclb-lamp", namespace = "kube-system", kind = "DaemonSet", image = "rancher/klipper-lb:v0.4.13", labels = { "svccontroller.k3s.cattle.io/svcname" = "lamp", "svccontroller.k3s.cattle.io/svcnamespace" = "home" }STATE },
  { name = "lamp", namespace"#;

/// What breaks a rack that is being watched.
type Fault = fn(&Sim, &Rack);

struct Row {
    symptom: Symptom,
    scenario: String,
    fault: Fault,
    /// What the problem must say, in its reason, its evidence or its next step.
    says: &'static [&'static str],
}

/// A rack in which these texts of the scenario are others.
fn edited(scenario: &str, edits: &[(&str, &str)]) -> String {
    let mut text = scenario.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "the scenario has no {from}");
        text = text.replace(from, to);
    }
    text
}

fn service(more: &str) -> String {
    edited(
        WELL,
        &[(
            "ports = [\"80:8080\"] }",
            &format!("ports = [\"80:8080\"]{more} }}"),
        )],
    )
}

fn nothing(_: &Sim, _: &Rack) {}

/// Broken from the beginning.
fn born(symptom: Symptom, scenario: String, says: &'static [&'static str]) -> Row {
    let fault = nothing;
    Row {
        symptom,
        scenario,
        fault,
        says,
    }
}

/// Well, and then broken.
fn broken(symptom: Symptom, fault: Fault, says: &'static [&'static str]) -> Row {
    let scenario = WELL.to_owned();
    Row {
        symptom,
        scenario,
        fault,
        says,
    }
}

fn put(sim: &Sim, object: Value) {
    sim.put(object).unwrap();
}

fn metallb(kind: &str, name: &str, more: Value) -> Value {
    let mut object = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": kind,
        "metadata": { "name": name, "namespace": "metallb-system" },
    });
    if let Value::Object(more) = more {
        for (key, value) in more {
            object[key] = value;
        }
    }
    object
}

fn pending() -> Vec<Row> {
    vec![
        born(
            Symptom::NoAllocator,
            BARE.to_owned(),
            &["neither MetalLB nor servicelb", "install MetalLB"],
        ),
        broken(
            Symptom::NoPools,
            |sim, _| assert!(sim.delete("IPAddressPool", "metallb-system/lan")),
            &["no pool of addresses", "make an IPAddressPool"],
        ),
        born(
            Symptom::PoolsFull,
            edited(
                WELL,
                &[(
                    "{ name = \"lamp\", namespace = \"home\", app",
                    "{ name = \"lamp-{}\", count = 5, namespace = \"home\", app",
                )],
            ),
            &[
                "no address left in pool lan: 4 of 4 in use",
                "AllocationFailed",
                "widen it",
            ],
        ),
        born(
            Symptom::NoAutomaticPool,
            edited(
                WELL,
                &[(
                    "\"192.0.2.64-192.0.2.67\"] }",
                    "\"192.0.2.64-192.0.2.67\"], autoAssign = false }",
                )],
            ),
            &["lan has autoAssign off", "annotation address-pool"],
        ),
        born(
            Symptom::RequestOutsidePools,
            service(", ip = \"192.0.2.99\""),
            &[
                "192.0.2.99, which is in no pool",
                "192.0.2.64 is free",
                "AllocationFailed",
            ],
        ),
        broken(
            Symptom::NotConverted,
            |sim, _| {
                assert!(sim.delete("IPAddressPool", "metallb-system/lan"));
                let data = json!({ "config": "address-pools: []" });
                let metadata = json!({ "name": "config", "namespace": "metallb-system" });
                put(
                    sim,
                    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data }),
                );
            },
            &["does not read ConfigMap config any more", "convert"],
        ),
        born(
            Symptom::TwoRequests,
            service(", ip = \"192.0.2.65\", old-ip = \"192.0.2.66\""),
            &[
                "192.0.2.65",
                "192.0.2.66",
                "remove one",
                "LoadBalancerFailed",
            ],
        ),
        born(
            Symptom::ForeignClass,
            service(", class = \"example.com/lb\""),
            &["\"example.com/lb\"", "cannot be changed once set"],
        ),
        born(
            Symptom::SharingRefused,
            edited(
                WELL,
                &[(
                    "ports = [\"80:8080\"] }",
                    "ports = [\"80:8080\"], ip = \"192.0.2.64\" }, \
                     { name = \"again\", namespace = \"home\", app = \"lamp\", ports = [\"80:8080\"], ip = \"192.0.2.64\", days = 1 }",
                )],
            ),
            &["taken by home/lamp", "allow-shared-ip", "AllocationFailed"],
        ),
    ]
}

fn unannounced() -> Vec<Row> {
    vec![
        broken(
            Symptom::NotAdvertised,
            |sim, _| assert!(sim.delete("L2Advertisement", "metallb-system/lan")),
            &["takes pool lan", "make an L2Advertisement"],
        ),
        born(
            Symptom::NoEndpoints,
            edited(
                WELL,
                &[(
                    "image = \"lamp:1\"",
                    "image = \"lamp:1\", state = \"crash-loop\"",
                )],
            ),
            &["none of its 2 endpoints is ready", "Ready first"],
        ),
        born(
            Symptom::LocalElsewhere,
            edited(
                WELL,
                &[
                    (
                        "ports = [\"80:8080\"] }",
                        "ports = [\"80:8080\"], local = true }",
                    ),
                    (
                        "{ ipAddressPools = [\"lan\"] }",
                        "{ ipAddressPools = [\"lan\"], nodeSelectors = [{ matchLabels = { \"kubernetes.io/hostname\" = \"rpi-03\" } }] }",
                    ),
                ],
            ),
            &[
                "rpi-03: no ready endpoint there",
                "externalTrafficPolicy Cluster",
            ],
        ),
        broken(
            Symptom::ExcludedNodes,
            |sim, _| {
                let label = "node.kubernetes.io/exclude-from-external-load-balancers";
                for node in ["rpi-01", "rpi-02", "rpi-03"] {
                    sim.patch(
                        "Node",
                        node,
                        &json!({ "metadata": { "labels": { label: "" } } }),
                    )
                    .unwrap();
                }
            },
            &["rpi-01, rpi-02, rpi-03: label", "--ignore-exclude-lb"],
        ),
        born(
            Symptom::Wireless,
            edited(
                WELL,
                &[(
                    "version = \"0.15.3\"",
                    "version = \"0.15.3\"\ninterfaces = [\"wlan0\"]",
                )],
            ),
            &["wlan0", "cable"],
        ),
    ]
}

fn misannounced() -> Vec<Row> {
    vec![
        broken(
            Symptom::Renumbered,
            |sim, _| {
                let spec = json!({ "spec": { "addresses": ["192.0.2.80-192.0.2.83"] } });
                sim.patch("IPAddressPool", "metallb-system/lan", &spec)
                    .unwrap();
            },
            &["its pool was changed", "ClearAssignment"],
        ),
        broken(
            Symptom::SlowFailover,
            slow_failover,
            &["before rpi-02 took the address", "7946"],
        ),
        Row {
            symptom: Symptom::DeadAnnouncer,
            scenario: stuck(0),
            fault: |sim, _| sim.node(order()[0].as_str()).be_lost(),
            says: &["status names", "not beating or NotReady", "outlive"],
        },
        Row {
            symptom: Symptom::SeveralAnnouncers,
            scenario: stuck(1),
            fault: |sim, _| {
                let status = json!({ "node": order()[1].as_str(), "serviceName": "lamp", "serviceNamespace": "home" });
                put(
                    sim,
                    metallb("ServiceL2Status", "l2-other", json!({ "status": status })),
                );
            },
            says: &["all say that they announce it", "7946"],
        },
        born(
            Symptom::EditWithoutEffect,
            edited(
                &service(", has = [\"192.0.2.99\"]"),
                &[
                    ("v0.15.3", "v0.13.12"),
                    (
                        "version = \"0.15.3\"",
                        "version = \"0.13.12\"\ncontroller = false",
                    ),
                ],
            ),
            &[
                "192.0.2.99 is outside the pools",
                "restart MetalLB's controller",
            ],
        ),
        born(
            Symptom::AnnotationPrefix,
            edited(
                &service(", annotations = { \"metallb.io/address-pool\" = \"lan\" }"),
                &[("0.15.3", "0.13.12")],
            ),
            &[
                "read from 0.14.9 on, this is 0.13.12",
                "metallb.universe.tf/address-pool",
            ],
        ),
        born(
            Symptom::NobodyInCharge,
            edited(
                BARE,
                &[(
                    "ports = [\"80:8080\"] }",
                    "ports = [\"80:8080\"], has = [\"192.0.2.64\"] }",
                )],
            ),
            &[
                "given by a load balancer that is gone",
                "install MetalLB again",
            ],
        ),
    ]
}

fn of_the_rack() -> Vec<Row> {
    let svclb = |state: &str| SVCLB.replace("STATE", state);
    let workload = "\n  { name = \"lamp\", namespace";
    vec![
        born(
            Symptom::NodeAddressInPool,
            edited(WELL, &[("192.0.2.64-192.0.2.67", "192.0.2.12-192.0.2.67")]),
            &[
                "contains the address of node rpi-02",
                "192.0.2.13 is node rpi-03",
                "cut",
            ],
        ),
        broken(
            Symptom::TwoCards,
            |sim, _| {
                let internal = |address: &str| json!({ "type": "InternalIP", "address": address });
                let addresses = json!([internal("192.0.2.12"), internal("192.0.2.112")]);
                sim.patch(
                    "Node",
                    "rpi-02",
                    &json!({ "status": { "addresses": addresses } }),
                )
                .unwrap();
            },
            &["rpi-02: 192.0.2.12 and 192.0.2.112", "arp_ignore"],
        ),
        born(
            Symptom::ServicelbFights,
            edited(
                WELL,
                &[
                    ("\n\n[metallb]", "\nservicelb = true\n\n[metallb]"),
                    (workload, &svclb("")),
                ],
            ),
            &["DaemonSet kube-system/svclb-lamp", "--disable servicelb"],
        ),
        born(
            Symptom::ServicelbPending,
            edited(BARE, &[(workload, &svclb(", state = \"pending\""))]),
            &["waits for servicelb", "0 of 1 ready", "use MetalLB"],
        ),
    ]
}

fn of_metallb_itself() -> Vec<Row> {
    vec![
        born(
            Symptom::WebhookDown,
            edited(
                WELL,
                &[(
                    "on = [\"rpi-01\"] },\n  { name = \"lamp\"",
                    "on = [\"rpi-01\"], state = \"crash-loop\" },\n  { name = \"lamp\"",
                )],
            ),
            &[
                "failed calling webhook",
                "metallb-system/controller: 0 of 1 ready",
            ],
        ),
        broken(
            Symptom::WebhookSelectsNothing,
            |sim, _| {
                let spec = json!({ "type": "ClusterIP", "selector": { "app": "of-another-release" }, "ports": [{ "port": 443 }] });
                let metadata =
                    json!({ "name": "metallb-webhook-service", "namespace": "metallb-system" });
                put(
                    sim,
                    json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }),
                );
            },
            &[
                "metallb-webhook-service has no endpoint though the controller is ready",
                "one matching set",
            ],
        ),
        broken(
            Symptom::ConfigurationIgnored,
            |sim, _| {
                put(
                    sim,
                    metallb(
                        "IPAddressPool",
                        "again",
                        json!({ "spec": { "addresses": ["192.0.2.64/31"] } }),
                    ),
                );
            },
            &[
                "overlaps",
                "controller: Invalid",
                "until then the one before holds",
            ],
        ),
        born(
            Symptom::SpeakerMissing,
            edited(
                WELL,
                &[(
                    "component = \"speaker\" } }",
                    "component = \"speaker\" }, on = [\"rpi-01\", \"rpi-02\"] }",
                )],
            ),
            &["no speaker of MetalLB runs on node rpi-03", "toleration"],
        ),
        broken(
            Symptom::IpvsWithoutStrictArp,
            |sim, _| {
                let arguments =
                    json!(["server", "--kube-proxy-arg", "proxy-mode=ipvs"]).to_string();
                let annotations = json!({ "k3s.io/node-args": arguments });
                sim.patch(
                    "Node",
                    "rpi-01",
                    &json!({ "metadata": { "annotations": annotations } }),
                )
                .unwrap();
            },
            &["node rpi-01", "proxy-mode=ipvs", "ipvs-strict-arp=true"],
        ),
    ]
}

fn of_its_objects() -> Vec<Row> {
    vec![
        broken(
            Symptom::LeftoverKinds,
            |sim, _| {
                let long_ago = Timestamp::now().checked_sub(10.minutes()).unwrap();
                let mut pool = metallb(
                    "IPAddressPool",
                    "old",
                    json!({ "spec": { "addresses": ["192.0.2.96/31"] } }),
                );
                pool["metadata"]["deletionTimestamp"] = json!(format!("{long_ago:.0}"));
                pool["metadata"]["finalizers"] = json!(["example.com/hold"]);
                put(sim, pool);
            },
            &["IPAddressPool old does not go away", "example.com/hold"],
        ),
        broken(
            Symptom::ForeignNamespace,
            |sim, _| {
                let mut pool = metallb(
                    "IPAddressPool",
                    "astray",
                    json!({ "spec": { "addresses": ["192.0.2.96/31"] } }),
                );
                pool["metadata"]["namespace"] = json!("default");
                put(sim, pool);
            },
            &[
                "IPAddressPool astray",
                "MetalLB reads only metallb-system",
                "make it anew",
            ],
        ),
        broken(
            Symptom::Aggregation,
            |sim, _| {
                let error = "invalid aggregation length 24: prefix 26 in this pool is more specific than the aggregation length";
                let status = json!({ "result": "Invalid", "errorSummary": error });
                put(
                    sim,
                    metallb(
                        "ConfigurationState",
                        "speaker-rpi-09",
                        json!({ "status": status }),
                    ),
                );
            },
            &[
                "more specific than the aggregation length",
                "speaker-rpi-09: Invalid",
                "BGPAdvertisements",
            ],
        ),
    ]
}

/// The order in which the three boards would announce the first address of the pool.
fn order() -> Vec<NodeName> {
    let names = ["rpi-01", "rpi-02", "rpi-03"].map(NodeName::new);
    election::order(&names, "192.0.2.64")
}

/// A rack where nobody takes back what the board at this place of the order has said.
fn stuck(at: usize) -> String {
    let option = format!("version = \"0.15.3\"\nstuck = \"{}\"", order()[at]);
    edited(WELL, &[("version = \"0.15.3\"", &option)])
}

/// One board went, and another took the address over much later.
fn slow_failover(sim: &Sim, rack: &Rack) {
    sim.node("rpi-01").be_lost();
    let uid = &rack
        .services
        .get(&ServiceName::new("home", "lamp"))
        .unwrap()
        .uid;
    for (node, after) in [("rpi-01", -90), ("rpi-02", 90)] {
        let at = Timestamp::now().checked_add(after.seconds()).unwrap();
        put(
            sim,
            json!({
                "apiVersion": "v1", "kind": "Event", "type": "Normal", "reason": "nodeAssigned", "count": 1,
                "metadata": { "name": format!("lamp.{node}"), "namespace": "home" },
                "involvedObject": { "kind": "Service", "namespace": "home", "name": "lamp", "uid": &*uid.0 },
                "message": format!("announcing from node \"{node}\" with protocol \"layer2\""),
                "source": { "component": "metallb-speaker", "host": node },
                "lastTimestamp": format!("{at:.0}"),
            }),
        );
    }
}

/// What is found of a symptom, in words.
fn said(rack: &Rack, symptom: Symptom) -> Vec<String> {
    let of_services = rack
        .services
        .iter()
        .filter_map(|it| rack.vips.get(&it.name));
    let of_services = of_services.flat_map(|vip| &vip.findings);
    let all = rack.vips.cluster().iter().chain(of_services);
    let words = |it: &Finding| {
        let problem = &it.problem;
        assert!(
            !problem.why.is_empty() && !problem.next.is_empty(),
            "{problem:?}"
        );
        assert!(
            rack.problems.contains(problem),
            "it stands in Problems: {problem:?}"
        );
        format!("{}\n{}", problem.sentence(), problem.evidence.join("\n"))
    };
    all.filter(|it| it.symptom == symptom).map(words).collect()
}

async fn check(row: Row) {
    let sim = Sim::start(Scenario::from_toml(&row.scenario).unwrap(), 1)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
    let target = Target {
        kubeconfig: Some(kubeconfig),
        ..Target::default()
    };
    let (out, facts) = mpsc::channel(64);
    let (_wants, wants) = watch::channel(Wants { metrics: false });
    tokio::select! {
        () = kubernetes::follow(target, wants, out) => panic!("the follower has ended"),
        () = watch_for(&row, &sim, facts) => {}
    }
}

/// Takes in facts until all that must be said is said.
async fn watch_for(row: &Row, sim: &Sim, mut facts: mpsc::Receiver<Fact>) {
    let clock = Clock::start();
    let mut rack = Rack::new(clock.now());
    let deadline = Instant::now() + Duration::from_secs(20);
    let is_live = |rack: &Rack| {
        let is_settled = |source| *rack.link.source(source) != SourceState::Waiting;
        rack.link.is_live()
            && Source::ALL
                .into_iter()
                .filter(|it| *it != Source::Metrics)
                .all(is_settled)
    };
    let mut is_broken = false;
    loop {
        if is_live(&rack) && !std::mem::replace(&mut is_broken, true) {
            (row.fault)(sim, &rack);
        }
        rack.survey();
        let words = said(&rack, row.symptom);
        let is_said = |part: &&str| words.iter().any(|text| text.contains(*part));
        if is_broken && !words.is_empty() && row.says.iter().all(is_said) {
            return;
        }
        let Ok(Some(fact)) = timeout_at(deadline, facts.recv()).await else {
            panic!(
                "{:?} must say {:?}, said {words:#?}\n{:#?}",
                row.symptom, row.says, rack.problems
            );
        };
        rack.tick(clock.now());
        rack.apply(fact);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_symptom_that_the_api_can_show_is_found_with_its_evidence_and_next_step() {
    let rows = [
        pending(),
        unannounced(),
        misannounced(),
        of_the_rack(),
        of_metallb_itself(),
        of_its_objects(),
    ];
    let mut seen: BTreeSet<u8> = Symptom::BEYOND_THE_API
        .iter()
        .map(|(it, _)| it.number())
        .collect();
    for row in rows.into_iter().flatten() {
        seen.insert(row.symptom.number());
        check(row).await;
    }
    let missing: Vec<u8> = (1..=33).filter(|number| !seen.contains(number)).collect();
    assert_eq!(missing, Vec::<u8>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_rack_where_all_is_well_nothing_is_found() {
    let mut row = born(Symptom::NotAdvertised, WELL.to_owned(), &[]);
    // Broken at the end, so that there is an end: until then nothing may be found.
    row.fault = |sim, rack| {
        let mut rack = rack.clone();
        rack.survey();
        assert!(rack.problems.is_empty(), "{:#?}", rack.problems);
        assert!(sim.delete("L2Advertisement", "metallb-system/lan"));
    };
    check(row).await;
}
