//! A small rack with MetalLB in which all is well, and the means to break it: for the tests of rules and panes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::rack::Rack;
use crate::rack::announcement::L2Status;
use crate::rack::config_object::{
    BgpAdvertisement, ConfigKind, ConfigurationState, Head, IpAddressPool, L2Advertisement,
    PoolConfigMap, Selection, Text, Verdict,
};
use crate::rack::endpoints::{Endpoint, EndpointSlice};
use crate::rack::event::ServiceEvent;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::node::{
    Address, Condition, Lease, Node, NodeInfo, NodeName, ResourceVersion, Resources, Truth, Uid,
};
use crate::rack::pod::Pod;
use crate::rack::service::{
    Ingress, Protocol, Service, ServiceKind, ServiceName, ServicePort, TargetPort, TrafficPolicy,
};
use crate::rack::time::Now;
use crate::rack::workload::{Part, Workload, WorkloadKind};

/// The wall clock of the tests, in seconds.
pub(crate) const WALL: i64 = 1_000_000;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Everything of the rack, to be changed before it is made.
pub(crate) struct Bench {
    pub(crate) nodes: Vec<Node>,
    /// Names of nodes that renew no Lease any more.
    pub(crate) silent: Vec<&'static str>,
    pub(crate) speakers_on: Vec<&'static str>,
    pub(crate) services: Vec<Service>,
    pub(crate) slices: Vec<EndpointSlice>,
    pub(crate) l2_statuses: Vec<L2Status>,
    pub(crate) events: Vec<ServiceEvent>,
    pub(crate) pools: Vec<IpAddressPool>,
    pub(crate) l2: Vec<L2Advertisement>,
    pub(crate) bgp: Vec<BgpAdvertisement>,
    pub(crate) states: Vec<ConfigurationState>,
    pub(crate) config_maps: Vec<PoolConfigMap>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) kinds: Vec<&'static str>,
}

impl Bench {
    /// Three boards, MetalLB 0.15.2, a pool of twenty addresses, and `web/shop` on the first of them, announced by rpi-01
    /// as the election has it.
    pub(crate) fn well() -> Bench {
        let mut bench = Bench {
            nodes: vec![
                node("rpi-01", "192.168.7.11"),
                node("rpi-02", "192.168.7.12"),
                node("rpi-03", "192.168.7.13"),
            ],
            silent: Vec::new(),
            speakers_on: vec!["rpi-01", "rpi-02", "rpi-03"],
            services: Vec::new(),
            slices: Vec::new(),
            l2_statuses: Vec::new(),
            events: Vec::new(),
            pools: vec![pool("lan", &["192.168.7.200-192.168.7.219"])],
            l2: vec![l2_advertisement("lan", &["lan"])],
            bgp: Vec::new(),
            states: Vec::new(),
            config_maps: Vec::new(),
            workloads: Vec::new(),
            kinds: vec!["ipaddresspools", "l2advertisements", "servicel2statuses"],
        };
        bench.install("v0.15.2");
        bench.services.push(service("web/shop", "192.168.7.200"));
        bench.endpoints("web/shop", &[("rpi-01", true), ("rpi-02", true)]);
        let first = bench.elected("web/shop", "192.168.7.200");
        bench.status("web/shop", first.as_str());
        bench
    }

    /// Puts MetalLB of this version in place of the one before.
    pub(crate) fn install(&mut self, tag: &str) {
        let image = |part: &str| format!("quay.io/metallb/{part}:{tag}");
        self.workloads
            .retain(|it| !matches!(it.part, Part::Speaker | Part::Controller));
        let speaker = workload(WorkloadKind::DaemonSet, "speaker", Part::Speaker);
        self.workloads.push(Workload {
            image: image("speaker").into(),
            desired: 3,
            ready: 3,
            ..speaker
        });
        let controller = workload(WorkloadKind::Deployment, "controller", Part::Controller);
        self.workloads.push(Workload {
            image: image("controller").into(),
            ..controller
        });
    }

    pub(crate) fn uninstall(&mut self) {
        self.workloads.clear();
        self.kinds.clear();
        self.pools.clear();
        self.l2.clear();
    }

    /// Who announces by the election among the three boards.
    pub(crate) fn elected(&self, _service: &str, address: &str) -> NodeName {
        let names: Vec<NodeName> = self.nodes.iter().map(|it| it.name.clone()).collect();
        super::election::order(&names, address).remove(0)
    }

    pub(crate) fn shop(&mut self) -> &mut Service {
        self.services.first_mut().unwrap()
    }

    /// Takes the address of `web/shop` away.
    pub(crate) fn pending(&mut self) -> &mut Service {
        self.l2_statuses.clear();
        let shop = self.shop();
        shop.ingress.clear();
        shop
    }

    pub(crate) fn endpoints(&mut self, service: &str, on: &[(&str, bool)]) {
        let service = service_name(service);
        self.slices
            .retain(|it| it.service.as_ref() != Some(&service));
        let endpoint = |(index, (node, is_ready)): (usize, &(&str, bool))| Endpoint {
            address: format!("10.42.0.{index}").into(),
            node: Some(NodeName::new(node)),
            pod: Some(format!("{}-{index}", service.name).into()),
            is_ready: *is_ready,
            is_serving: *is_ready,
            is_terminating: false,
        };
        self.slices.push(EndpointSlice {
            namespace: service.namespace.clone(),
            name: format!("{}-abc", service.name).into(),
            family: "IPv4".into(),
            ports: Vec::new(),
            endpoints: on.iter().enumerate().map(endpoint).collect(),
            service: Some(service),
        });
    }

    pub(crate) fn status(&mut self, service: &str, node: &str) {
        self.l2_statuses.push(L2Status {
            namespace: "metallb-system".into(),
            name: format!("l2-{}", self.l2_statuses.len()).into(),
            service: Some(service_name(service)),
            node: Some(NodeName::new(node)),
            interfaces: Vec::new(),
            created: Some(at(WALL - 100)),
        });
    }

    /// An event about `web/shop`, `ago` seconds old.
    pub(crate) fn event(&mut self, reason: &str, message: &str, ago: i64) {
        self.events.push(ServiceEvent {
            uid: Uid(format!("event-{}", self.events.len()).into()),
            service: service_name("web/shop"),
            service_uid: Uid("web/shop".into()),
            is_warning: reason.contains("Failed"),
            reason: reason.into(),
            message: message.into(),
            component: "metallb-controller".into(),
            count: 1,
            last: Some(at(WALL - ago)),
        });
    }

    pub(crate) fn servicelb(&mut self, service: &str, ready: u32) {
        let service = service_name(service);
        let name = format!("svclb-{}-1234abcd", service.name);
        let part = Part::ServiceLb(Some(service));
        self.workloads.push(Workload {
            namespace: "kube-system".into(),
            desired: 3,
            ready,
            ..workload(WorkloadKind::DaemonSet, &name, part)
        });
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut Node {
        let mut nodes = self.nodes.iter_mut();
        nodes.find(|it| it.name.as_str() == name).unwrap()
    }

    /// Makes the rack and derives everything.
    pub(crate) fn rack(self) -> Rack {
        let second = Duration::from_secs;
        let mut rack = Rack::new(Now {
            mono: second(1_000),
            wall: at(WALL - 60),
        });
        rack.apply(Fact::Link(LinkState::Live));
        rack.cluster.context = "office-rack".to_owned();
        for source in Source::ALL {
            rack.apply(Fact::Source(source, SourceState::Live));
        }
        let kinds: BTreeSet<Box<str>> = self.kinds.iter().map(|it| (*it).into()).collect();
        let renewed = |name: &NodeName, at| Lease {
            node: name.clone(),
            renewed: Some(at),
            duration: Some(second(40)),
        };
        let beating = self.nodes.iter().map(|it| it.name.clone());
        let beating: Vec<NodeName> = beating
            .filter(|it| !self.silent.contains(&it.as_str()))
            .collect();
        let leases = self.nodes.iter().map(|it| renewed(&it.name, at(WALL - 62)));
        let pods = self.speakers_on.iter().map(|node| speaker_pod(node));
        let (daemon_sets, deployments): (Vec<_>, Vec<_>) =
            (self.workloads.into_iter()).partition(|it| it.kind == WorkloadKind::DaemonSet);
        for fact in [
            Fact::Leases(Change::Listed(leases.collect())),
            Fact::Nodes(Change::Listed(self.nodes.clone())),
            Fact::Pods(Change::Listed(pods.collect())),
            Fact::MetalLbKinds(kinds),
            Fact::Workloads(WorkloadKind::DaemonSet, Change::Listed(daemon_sets)),
            Fact::Workloads(WorkloadKind::Deployment, Change::Listed(deployments)),
            Fact::IpAddressPools(Change::Listed(self.pools)),
            Fact::L2Advertisements(Change::Listed(self.l2)),
            Fact::BgpAdvertisements(Change::Listed(self.bgp)),
            Fact::ConfigurationStates(Change::Listed(self.states)),
            Fact::PoolConfigMaps(Change::Listed(self.config_maps)),
            Fact::Services(Change::Listed(self.services)),
            Fact::EndpointSlices(Change::Listed(self.slices)),
            Fact::L2Statuses(Change::Listed(self.l2_statuses)),
            Fact::ServiceEvents(Change::Listed(self.events)),
        ] {
            rack.apply(fact);
        }
        // A minute later those that beat have beaten again.
        rack.tick(Now {
            mono: second(1_060),
            wall: at(WALL),
        });
        for name in beating {
            rack.apply(Fact::Leases(Change::Applied(renewed(&name, at(WALL - 2)))));
        }
        rack.survey();
        rack
    }
}

pub(crate) fn service_name(text: &str) -> ServiceName {
    let (namespace, name) = text.split_once('/').unwrap();
    ServiceName::new(namespace, name)
}

/// A Service on port 80; without an address when `address` is empty.
pub(crate) fn service(name: &str, address: &str) -> Service {
    let ingress = Ingress {
        ip: address.into(),
        hostname: "".into(),
        mode: "".into(),
    };
    Service {
        name: service_name(name),
        uid: Uid(name.into()),
        resource_version: ResourceVersion("7".into()),
        created: Some(at(WALL - 40 * 86_400)),
        deleted: None,
        finalizers: Vec::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        kind: ServiceKind::LoadBalancer,
        class: None,
        cluster_ips: vec!["10.43.0.7".into()],
        family_policy: None,
        ports: vec![port(Protocol::Tcp, 80)],
        selector: BTreeMap::from([("app".into(), "shop".into())]),
        external_traffic: TrafficPolicy::Cluster,
        load_balancer_ip: None,
        allocates_node_ports: true,
        publishes_not_ready: false,
        ingress: (!address.is_empty())
            .then_some(ingress)
            .into_iter()
            .collect(),
    }
}

pub(crate) fn port(protocol: Protocol, port: u16) -> ServicePort {
    ServicePort {
        name: "".into(),
        protocol,
        port,
        target: TargetPort::Number(8_080),
        node_port: Some(30_080),
    }
}

pub(crate) fn node(name: &str, address: &str) -> Node {
    Node {
        name: NodeName::new(name),
        uid: Uid(name.into()),
        resource_version: ResourceVersion("1".into()),
        created: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        unschedulable: false,
        addresses: vec![internal(address)],
        conditions: vec![condition("Ready", Truth::True, 900)],
        capacity: Resources::default(),
        allocatable: Resources::default(),
        info: NodeInfo::default(),
        pod_cidrs: Vec::new(),
        k3s_args: Vec::new(),
    }
}

pub(crate) fn internal(address: &str) -> Address {
    Address {
        kind: "InternalIP".into(),
        address: address.into(),
    }
}

pub(crate) fn condition(kind: &str, status: Truth, ago: i64) -> Condition {
    Condition {
        kind: kind.into(),
        status,
        reason: "".into(),
        message: "".into(),
        since: Some(at(WALL - ago)),
    }
}

pub(crate) fn head(kind: ConfigKind, name: &str) -> Head {
    Head {
        kind,
        namespace: "metallb-system".into(),
        name: name.into(),
        uid: Uid(name.into()),
        resource_version: ResourceVersion("3".into()),
        created: None,
        deleted: None,
        finalizers: Vec::new(),
        labels: BTreeMap::new(),
        manifest: Text("{}".into()),
    }
}

pub(crate) fn pool(name: &str, addresses: &[&str]) -> IpAddressPool {
    IpAddressPool {
        head: head(ConfigKind::IpAddressPool, name),
        addresses: addresses.iter().map(|it| (*it).into()).collect(),
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        status: None,
    }
}

pub(crate) fn l2_advertisement(name: &str, pools: &[&str]) -> L2Advertisement {
    L2Advertisement {
        head: head(ConfigKind::L2Advertisement, name),
        selection: Selection {
            pools: pools.iter().map(|it| (*it).into()).collect(),
            ..Selection::default()
        },
        interfaces: Vec::new(),
    }
}

pub(crate) fn invalid(component: &str, error: &str) -> ConfigurationState {
    ConfigurationState {
        namespace: "metallb-system".into(),
        name: component.into(),
        node: None,
        verdict: Verdict::Invalid,
        error: error.into(),
        complaints: Vec::new(),
    }
}

pub(crate) fn workload(kind: WorkloadKind, name: &str, part: Part) -> Workload {
    Workload {
        kind,
        namespace: "metallb-system".into(),
        name: name.into(),
        uid: Uid(name.into()),
        created: None,
        part,
        image: "".into(),
        flags: Vec::new(),
        desired: 1,
        ready: 1,
    }
}

fn speaker_pod(node: &str) -> Pod {
    Pod {
        uid: Uid(format!("speaker-{node}").into()),
        namespace: "metallb-system".into(),
        name: format!("speaker-{node}").into(),
        node: Some(NodeName::new(node)),
        status: "Running".into(),
        ready: 1,
        containers: 1,
        restarts: 0,
        created: None,
        owner: Some("DaemonSet".into()),
        workload: None,
        why: "".into(),
        claims: Box::default(),
    }
}
