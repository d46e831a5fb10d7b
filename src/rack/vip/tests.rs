//! One case per symptom, each by breaking a rack in which all is well, and who announces what.

mod legacy;

use std::collections::BTreeSet;

use super::announcer::{Doubt, Witness};
use super::speakers::{EXCLUDE_LABEL, Exclusion};
use super::symptom::Symptom;
use super::testing::*;
use super::*;
use crate::rack::config_object::{ConfigKind, PoolConfigMap, ServiceAllocation, Text};
use crate::rack::node::Truth;
use crate::rack::selector::LabelSelector;
use crate::rack::service::{Protocol, TrafficPolicy};
use crate::rack::workload::Part;

/// A way to break the rack, and the words that the problem must say.
struct Case {
    symptom: Symptom,
    break_it: fn(&mut Bench),
    /// What the whole problem must mention: reason, evidence or next step.
    says: &'static [&'static str],
}

const fn case(symptom: Symptom, break_it: fn(&mut Bench), says: &'static [&'static str]) -> Case {
    Case {
        symptom,
        break_it,
        says,
    }
}

fn annotate(bench: &mut Bench, key: &str, value: &str) {
    bench.shop().annotations.insert(key.into(), value.into());
}

/// A second Service on the address of the shop.
fn neighbour(bench: &mut Bench, name: &str) -> usize {
    bench.services.push(service(name, "192.168.7.200"));
    bench.endpoints(name, &[("rpi-01", true)]);
    bench.services.len() - 1
}

const CASES: &[Case] = &[
    case(
        Symptom::NoAllocator,
        |bench| {
            bench.pending();
            bench.uninstall();
        },
        &["neither MetalLB nor servicelb", "install MetalLB"],
    ),
    case(
        Symptom::NoPools,
        |bench| {
            bench.pending();
            bench.pools.clear();
        },
        &[
            "no pool of addresses",
            "IPAddressPool and an L2Advertisement",
        ],
    ),
    case(
        Symptom::PoolsFull,
        |bench| {
            bench.pending();
            bench.pools = vec![pool("lan", &["192.168.7.201-192.168.7.202"])];
            for (name, address) in [("a/one", "192.168.7.201"), ("a/two", "192.168.7.202")] {
                bench.services.push(service(name, address));
                bench.endpoints(name, &[("rpi-01", true)]);
            }
            bench.event("AllocationFailed", "no available IPs", 9);
        },
        &[
            "no address left in pool lan: 2 of 2 in use",
            "free an address",
            "AllocationFailed: no available IPs",
        ],
    ),
    case(
        Symptom::NoAutomaticPool,
        |bench| {
            bench.pending();
            bench.pools[0].auto_assign = false;
            let mut other = pool("iot", &["192.168.7.100/30"]);
            other.allocation = Some(ServiceAllocation {
                namespaces: vec!["iot".into()],
                ..ServiceAllocation::default()
            });
            bench.pools.push(other);
        },
        &[
            "lan has autoAssign off",
            "iot is for other services",
            "annotation address-pool",
        ],
    ),
    case(
        Symptom::RequestOutsidePools,
        |bench| {
            bench.pending();
            annotate(bench, "metallb.io/loadBalancerIPs", "192.168.7.230");
        },
        &[
            "asks for 192.168.7.230, which is in no pool",
            "pool lan, 192.168.7.200 is free",
        ],
    ),
    case(
        Symptom::RequestOutsidePools,
        |bench| {
            bench.pending();
            annotate(bench, "metallb.io/address-pool", "lam");
        },
        &["asks for pool lam, which does not exist", "lan"],
    ),
    case(
        Symptom::RequestOutsidePools,
        |bench| {
            bench.pending();
            annotate(bench, "metallb.io/loadBalancerIPs", "2001:db8::1");
        },
        &["no IPv6 address in the cluster"],
    ),
    case(
        Symptom::NotConverted,
        |bench| {
            bench.pending();
            bench.pools.clear();
            let config = Some(Text("address-pools: []".into()));
            bench.config_maps.push(PoolConfigMap {
                head: head(ConfigKind::ConfigMap, "config"),
                config,
            });
        },
        &["does not read ConfigMap config any more", "convert"],
    ),
    case(
        Symptom::TwoRequests,
        |bench| {
            bench.pending().load_balancer_ip = Some("192.168.7.205".into());
            annotate(bench, "metallb.io/loadBalancerIPs", "192.168.7.206");
        },
        &["192.168.7.206", "192.168.7.205", "remove one"],
    ),
    case(
        Symptom::ForeignClass,
        |bench| bench.pending().class = Some("example.com/lb".into()),
        &["\"example.com/lb\"", "cannot be changed"],
    ),
    case(
        Symptom::ForeignClass,
        |bench| {
            bench.pending();
            bench.workloads[1].flags = vec!["--lb-class=metallb".into()];
        },
        &["has no loadBalancerClass", "only \"metallb\""],
    ),
    case(
        Symptom::NotAdvertised,
        |bench| bench.l2 = vec![l2_advertisement("lan", &["lam"])],
        &[
            "takes pool lan",
            "L2Advertisement lan names pool lam, which does not exist",
        ],
    ),
    case(
        Symptom::NotAdvertised,
        |bench| bench.l2.clear(),
        &[
            "no L2Advertisement and no BGPAdvertisement",
            "make an L2Advertisement for pool lan",
        ],
    ),
    case(
        Symptom::NoEndpoints,
        |bench| bench.endpoints("web/shop", &[("rpi-01", false), ("rpi-02", false)]),
        &["none of its 2 endpoints is ready", "Ready first"],
    ),
    case(
        Symptom::NoEndpoints,
        |bench| bench.endpoints("web/shop", &[]),
        &["its selector app=shop matches no pod"],
    ),
    case(
        Symptom::LocalElsewhere,
        |bench| {
            bench.shop().external_traffic = TrafficPolicy::Local;
            let node = bench.elected("web/shop", "192.168.7.200");
            let other = if node.as_str() == "rpi-02" {
                "rpi-03"
            } else {
                "rpi-02"
            };
            bench.endpoints("web/shop", &[(other, true)]);
        },
        &["externalTrafficPolicy is Local", "Cluster"],
    ),
    case(
        Symptom::ExcludedNodes,
        |bench| {
            bench.l2_statuses.clear();
            for node in &mut bench.nodes {
                node.labels.insert(EXCLUDE_LABEL.into(), "".into());
            }
        },
        &[
            "rpi-01, rpi-02, rpi-03: label exclude-from-external-load-balancers",
            "--ignore-exclude-lb",
        ],
    ),
    case(
        Symptom::Wireless,
        |bench| bench.l2_statuses[0].interfaces = vec!["wlan0".into()],
        &["wlan0", "cable"],
    ),
    case(
        Symptom::NodeAddressInPool,
        |bench| bench.pools.push(pool("wide", &["192.168.7.8/29"])),
        &[
            "pool wide contains the address of node rpi-01",
            "192.168.7.13 is node rpi-03",
            "cut",
        ],
    ),
    case(
        Symptom::NodeAddressInPool,
        |bench| bench.pools.push(pool("low", &["192.168.7.1-192.168.7.9"])),
        &["pool low contains 192.168.7.1", "router"],
    ),
    case(
        Symptom::TwoCards,
        |bench| {
            bench
                .node("rpi-02")
                .addresses
                .push(internal("192.168.7.112"));
        },
        &["rpi-02: 192.168.7.12 and 192.168.7.112", "arp_ignore"],
    ),
    case(
        Symptom::ServicelbFights,
        |bench| {
            bench.servicelb("web/shop", 3);
            bench.shop().ingress[0].ip = "192.168.7.12".into();
        },
        &[
            "192.168.7.12 is node rpi-02",
            "--disable servicelb",
            "svclb-shop",
        ],
    ),
    case(
        Symptom::ServicelbPending,
        |bench| {
            bench.uninstall();
            bench.servicelb("web/shop", 0);
            bench.servicelb("a/other", 3);
            bench.services.push(service("a/other", "192.168.7.11"));
        },
        &["service a/other has the same host port", "0 of 3 ready"],
    ),
    case(
        Symptom::WebhookDown,
        |bench| bench.workloads[1].ready = 0,
        &[
            "failed calling webhook",
            "metallb-system/controller: 0 of 1 ready",
        ],
    ),
    case(
        Symptom::WebhookSelectsNothing,
        |bench| {
            let mut webhook = service("metallb-system/metallb-webhook-service", "");
            webhook.kind = crate::rack::service::ServiceKind::ClusterIp;
            bench.services.push(webhook);
        },
        &["metallb-webhook-service has no endpoint though the controller is ready"],
    ),
    case(
        Symptom::ConfigurationIgnored,
        |bench| {
            bench.states.push(invalid(
                "controller",
                "invalid CIDR \"192.168.7.1\" in pool \"lan\"",
            ));
        },
        &[
            "invalid CIDR",
            "controller: Invalid",
            "correct the configuration",
        ],
    ),
    case(
        Symptom::EditWithoutEffect,
        |bench| {
            bench.install("v0.13.12");
            bench.pools = vec![pool("lan", &["192.168.7.210-192.168.7.219"])];
        },
        &[
            "192.168.7.200 is outside the pools",
            "0.13.12",
            "restart MetalLB's controller",
        ],
    ),
    case(
        Symptom::Renumbered,
        |bench| {
            bench.event("ClearAssignment", "current IP is not allowed by config", 30);
            bench.event("IPAllocated", "Assigned IP [\"192.168.7.200\"]", 29);
        },
        &["30s ago", "its pool was changed"],
    ),
    case(
        Symptom::SharingRefused,
        |bench| {
            let at = neighbour(bench, "infra/dns");
            bench.services[at]
                .annotations
                .insert("metallb.io/allow-shared-ip".into(), "dns".into());
            bench.pending();
            annotate(bench, "metallb.io/allow-shared-ip", "web");
            annotate(bench, "metallb.io/loadBalancerIPs", "192.168.7.200");
        },
        &[
            "taken by infra/dns",
            "different sharing keys",
            "allow-shared-ip",
        ],
    ),
    case(
        Symptom::SharingRefused,
        |bench| {
            neighbour(bench, "infra/dns");
            bench
                .pending()
                .labels
                .insert("metallb.io/allow-shared-ip".into(), "dns".into());
            annotate(bench, "metallb.io/loadBalancerIPs", "192.168.7.200");
        },
        &[
            "do not both carry a sharing key",
            "among the labels, where it does nothing",
        ],
    ),
    case(
        Symptom::SharingRefused,
        |bench| {
            bench.event(
                "AllocationFailed",
                "can't change sharing key for \"web/shop\", address also in use by a/b",
                30,
            );
        },
        &["can't change sharing key"],
    ),
    case(
        Symptom::SlowFailover,
        |bench| {
            bench.node("rpi-01").conditions = vec![condition("Ready", Truth::Unknown, 300)];
            bench.l2_statuses.clear();
            bench.status("web/shop", "rpi-03");
            bench.event(
                "nodeAssigned",
                "announcing from node \"rpi-01\" with protocol \"layer2\"",
                900,
            );
            bench.event(
                "nodeAssigned",
                "announcing from node \"rpi-03\" with protocol \"layer2\"",
                100,
            );
        },
        &["rpi-01 was NotReady for 200s before rpi-03", "7946"],
    ),
    case(
        Symptom::DeadAnnouncer,
        |bench| {
            let node = bench.elected("web/shop", "192.168.7.200");
            bench.node(node.as_str()).conditions = vec![condition("Ready", Truth::Unknown, 300)];
        },
        &[
            "status names rpi-",
            "by the election rpi-",
            "before 0.16 a status can outlive",
        ],
    ),
    case(
        Symptom::SeveralAnnouncers,
        |bench| {
            bench.l2_statuses.clear();
            bench.status("web/shop", "rpi-01");
            bench.status("web/shop", "rpi-02");
        },
        &["rpi-01, rpi-02 all say", "7946"],
    ),
    case(
        Symptom::SpeakerMissing,
        |bench| bench.speakers_on.retain(|it| *it != "rpi-03"),
        &["no speaker of MetalLB runs on node rpi-03", "toleration"],
    ),
    case(
        Symptom::IpvsWithoutStrictArp,
        |bench| bench.node("rpi-02").k3s_args = vec!["--kube-proxy-arg=proxy-mode=ipvs".into()],
        &["strict ARP", "ipvs-strict-arp=true", "node rpi-02"],
    ),
    case(
        Symptom::LeftoverKinds,
        |bench| bench.kinds.push("addresspools"),
        &["addresspools.metallb.io", "does not read it"],
    ),
    case(
        Symptom::LeftoverKinds,
        |bench| {
            bench.pools[0].head.deleted = Some(at(WALL - 300));
            bench.pools[0].head.finalizers = vec!["example.com/hold".into()];
        },
        &["IPAddressPool lan does not go away", "example.com/hold"],
    ),
    case(
        Symptom::ForeignNamespace,
        |bench| {
            let mut stray = pool("stray", &["192.168.7.100/30"]);
            stray.head.namespace = "default".into();
            bench.pools.push(stray);
        },
        &[
            "IPAddressPool stray",
            "it is in default, MetalLB reads only metallb-system",
        ],
    ),
    case(
        Symptom::NobodyInCharge,
        super::testing::Bench::uninstall,
        &["192.168.7.200 was given by a load balancer that is gone"],
    ),
    case(
        Symptom::Aggregation,
        |bench| {
            bench.states.push(invalid("speaker-rpi-01", "invalid aggregation length 24: prefix 26 in this pool is more specific than the aggregation length"));
        },
        &[
            "more specific than the aggregation length",
            "speaker-rpi-01: Invalid",
            "BGPAdvertisements",
        ],
    ),
    case(
        Symptom::AnnotationPrefix,
        |bench| {
            bench.install("v0.13.12");
            annotate(bench, "metallb.io/address-pool", "lan");
        },
        &[
            "read from 0.14.9 on, this is 0.13.12",
            "metallb.universe.tf/address-pool",
        ],
    ),
];

/// All findings of a rack.
fn findings(rack: &Rack) -> Vec<&Finding> {
    let of_services = rack.vips.of.values().flat_map(|vip| &vip.findings);
    rack.vips.cluster.iter().chain(of_services).collect()
}

#[test]
fn in_a_rack_in_which_all_is_well_nothing_is_found() {
    let rack = Bench::well().rack();
    assert_eq!(findings(&rack), Vec::<&Finding>::new());
    let name = service_name("web/shop");
    let vip = rack.vips.get(&name).unwrap();
    let chain = rack.chain(rack.services.get(&name).unwrap());
    let is_well = |it: &Step| it.standing == chain::Standing::Well;
    assert!(chain.len() > 5 && chain.iter().all(is_well), "{chain:#?}");
    assert_eq!(
        vip.pool,
        Some(Pooled {
            name: "lan".to_owned(),
            is_recorded: false
        })
    );
    assert_eq!((rack.vips.used, rack.vips.capacity), (1, Some(20)));
}

#[test]
fn every_symptom_is_found_with_its_evidence_and_a_next_step() {
    for Case {
        symptom,
        break_it,
        says,
    } in CASES
    {
        let mut bench = Bench::well();
        break_it(&mut bench);
        let rack = bench.rack();
        let all = findings(&rack);
        let of_it: Vec<_> = all.iter().filter(|it| it.symptom == *symptom).collect();
        let said: Vec<String> = of_it
            .iter()
            .map(|it| {
                format!(
                    "{}\n{}",
                    it.problem.sentence(),
                    it.problem.evidence.join("\n")
                )
            })
            .collect();
        let is_said = |words: &&str| said.iter().any(|text| text.contains(*words));
        assert!(
            !of_it.is_empty() && says.iter().all(is_said),
            "{symptom:?} must say {says:?}; found {all:#?}"
        );
        for finding in of_it {
            let problem = &finding.problem;
            assert!(
                !problem.why.is_empty() && !problem.next.is_empty(),
                "{problem:?}"
            );
            assert!(
                !problem.what.ends_with('.') && !problem.next.ends_with('.'),
                "{problem:?}"
            );
            assert!(rack.problems.contains(problem), "feeds the Problems pane");
        }
    }
}

#[test]
fn all_thirty_three_are_found_or_stand_beyond_the_api_with_a_reason() {
    let found = CASES.iter().map(|it| it.symptom.number());
    let beyond = Symptom::BEYOND_THE_API.iter().map(|(symptom, why)| {
        assert!(why.len() > 20);
        symptom.number()
    });
    let all: BTreeSet<u8> = found.chain(beyond).collect();
    let missing: Vec<u8> = (1..=33).filter(|number| !all.contains(number)).collect();
    assert_eq!(missing, Vec::<u8>::new());
}

/// Who announces the shop in a changed rack.
fn announcer(change: impl FnOnce(&mut Bench)) -> Announcer {
    let mut bench = Bench::well();
    change(&mut bench);
    let rack = bench.rack();
    let vip = rack.vips.get(&service_name("web/shop")).unwrap();
    vip.announcer.clone().unwrap()
}

#[test]
fn a_status_is_believed_before_an_event_and_an_event_before_the_election() {
    let both = announcer(|bench| bench.event("nodeAssigned", "announcing from node \"rpi-03\"", 5));
    assert_eq!(both.witness, Witness::Status);
    let event = announcer(|bench| {
        bench.l2_statuses.clear();
        bench.event(
            "nodeAssigned",
            "announcing from node \"rpi-01\" with protocol \"layer2\"",
            9,
        );
        bench.event(
            "nodeAssigned",
            "announcing from node \"rpi-03\" with protocol \"layer2\"",
            5,
        );
    });
    assert_eq!(
        (event.witness, event.node()),
        (Witness::Event, Some(&NodeName::new("rpi-03")))
    );
    let computed = announcer(|bench| bench.l2_statuses.clear());
    assert_eq!(computed.witness, Witness::Election);
    assert_eq!(computed.node(), computed.order.first());
}

#[test]
fn a_witness_that_names_another_node_than_the_election_disagrees() {
    let odd = announcer(|bench| {
        let elected = bench.elected("web/shop", "192.168.7.200");
        let other = ["rpi-01", "rpi-02"]
            .into_iter()
            .find(|it| *it != elected.as_str())
            .unwrap();
        bench.l2_statuses.clear();
        bench.status("web/shop", other);
    });
    assert_eq!(odd.witness, Witness::Status);
    assert!(
        matches!(odd.doubt, Some(Doubt::Disagrees { .. })),
        "{odd:?}"
    );
}

#[test]
fn a_silent_board_is_not_believed_long_before_it_is_not_ready() {
    let elected = Bench::well().elected("web/shop", "192.168.7.200");
    let name: &'static str = ["rpi-01", "rpi-02", "rpi-03"]
        .into_iter()
        .find(|it| *it == elected.as_str())
        .unwrap();
    let taken_over = announcer(|bench| bench.silent.push(name));
    assert_eq!(taken_over.witness, Witness::Election);
    assert!(matches!(&taken_over.doubt, Some(Doubt::Dead { node, .. }) if *node == elected));
    assert_eq!(
        taken_over.candidates.excluded.get(&elected),
        Some(&Exclusion::Dead)
    );
    assert!(taken_over.node().is_some_and(|node| *node != elected));
}

#[test]
fn if_the_node_goes_its_addresses_move_to_the_next_in_order() {
    let rack = Bench::well().rack();
    let vip = rack.vips.get(&service_name("web/shop")).unwrap();
    let announcer = vip.announcer.as_ref().unwrap();
    let [first, second, _] = announcer.order.as_slice() else {
        panic!("{announcer:?}")
    };
    let moves = rack.vips.moves(first);
    assert_eq!(moves.len(), 1);
    assert_eq!(moves[0].to, Takeover::Node(second.clone()));
    assert!(rack.vips.moves(second).is_empty());
    assert_eq!(
        (
            rack.vips.announced_by(first),
            rack.vips.announced_by(second)
        ),
        (1, 0)
    );
}

#[test]
fn node_selectors_and_local_policy_narrow_the_candidates() {
    let chosen = announcer(|bench| {
        bench
            .node("rpi-02")
            .labels
            .insert("edge".into(), "yes".into());
        bench.l2[0].selection.nodes = vec![LabelSelector {
            labels: [("edge".into(), "yes".into())].into(),
            ..LabelSelector::default()
        }];
        bench.l2_statuses.clear();
    });
    assert_eq!(chosen.order, [NodeName::new("rpi-02")]);
    assert_eq!(
        chosen.candidates.excluded.get(&NodeName::new("rpi-01")),
        Some(&Exclusion::NotSelected)
    );
    let local = announcer(|bench| {
        bench.shop().external_traffic = TrafficPolicy::Local;
        bench.endpoints("web/shop", &[("rpi-03", true), ("rpi-01", false)]);
        bench.l2_statuses.clear();
    });
    assert_eq!(local.order, [NodeName::new("rpi-03")]);
}

#[test]
fn without_a_ready_endpoint_nobody_announces() {
    let nobody = announcer(|bench| {
        bench.endpoints("web/shop", &[("rpi-01", false)]);
        bench.l2_statuses.clear();
    });
    assert_eq!(nobody.nodes, []);
}

#[test]
fn two_services_that_may_share_are_partners_and_no_problem() {
    let mut bench = Bench::well();
    annotate(&mut bench, "metallb.io/allow-shared-ip", "web");
    let other = neighbour(&mut bench, "web/shop-udp");
    bench.services[other].ports = vec![port(Protocol::Udp, 80)];
    bench.services[other]
        .annotations
        .insert("metallb.io/allow-shared-ip".into(), "web".into());
    let rack = bench.rack();
    assert_eq!(findings(&rack), Vec::<&Finding>::new());
    let vip = rack.vips.get(&service_name("web/shop")).unwrap();
    assert_eq!(vip.partners, [service_name("web/shop-udp")]);
    assert_eq!(rack.vips.used, 1, "one address, two services");
}

#[test]
fn an_address_that_stays_silent_is_a_problem_of_its_own() {
    let mut rack = Bench::well().rack();
    let target = probe::Target {
        address: "192.168.7.200".parse().unwrap(),
        port: 80,
    };
    rack.probed(target, probe::Outcome::Silent);
    rack.survey();
    assert_eq!(rack.problems.len(), 0, "one miss is no problem");
    rack.probed(target, probe::Outcome::Silent);
    rack.survey();
    assert!(
        rack.problems[0]
            .what
            .contains("does not answer on 192.168.7.200:80")
    );
    rack.probed(
        target,
        probe::Outcome::Answered(std::time::Duration::from_millis(2)),
    );
    rack.survey();
    assert_eq!(rack.problems.len(), 0);
}

#[test]
fn servicelb_alone_is_nobodys_problem() {
    let mut bench = Bench::well();
    bench.uninstall();
    bench.l2_statuses.clear();
    bench.servicelb("web/shop", 3);
    bench.shop().ingress[0].ip = "192.168.7.11".into();
    let rack = bench.rack();
    assert_eq!(findings(&rack), Vec::<&Finding>::new());
    assert!(bench_part_is_gone(&rack));
}

fn bench_part_is_gone(rack: &Rack) -> bool {
    rack.metallb
        .workloads()
        .all(|it| !matches!(it.part, Part::Speaker | Part::Controller))
}

#[test]
fn as_long_as_nothing_is_read_nothing_is_said() {
    let mut rack = Rack::new(crate::rack::time::Now::ZERO);
    rack.apply(crate::rack::facts::Fact::Services(
        crate::rack::facts::Change::Listed(vec![
            service("web/shop", ""),
            service("web/other", "192.168.7.200"),
        ]),
    ));
    rack.survey();
    assert_eq!(findings(&rack), Vec::<&Finding>::new());
}

#[test]
fn a_pool_of_more_addresses_than_could_be_walked_past_offers_those_of_the_other_family() {
    let mut bench = Bench::well();
    bench.pools = vec![pool("both", &["fd00::/48", "192.168.7.200-192.168.7.201"])];
    let rack = bench.rack();
    let pools = pools::Pools::of(&rack);
    let free = pools.free(&pools.all[0], crate::rack::pools::range::Family::V4, 9);
    assert_eq!(free.len(), 1, "{free:?}");
}

#[test]
fn reasons_of_many_nodes_are_one_line_each() {
    let many = (0..9).map(|n| (NodeName::new(&format!("rpi-{n}")), Exclusion::NoSpeaker));
    let candidates = speakers::Candidates {
        nodes: Vec::new(),
        excluded: many
            .chain([(NodeName::new("old"), Exclusion::Dead)])
            .collect(),
    };
    assert_eq!(
        candidates.reasons(),
        [
            "rpi-0, rpi-1, rpi-2, rpi-3 and 5 more: no speaker runs there",
            "old: not beating or NotReady",
        ]
    );
}
