//! Services, what stands behind them, and MetalLB's objects: recorded answers, and objects as odd as a server lets pass.

use super::items;
use crate::clients::kubernetes::decode::workload::{DaemonSet, Deployment};
use crate::clients::kubernetes::decode::{Event, Kind, event, object};
use crate::clients::kubernetes::place::Notice;
use crate::rack::announcement::{BgpStatus, L2Status};
use crate::rack::config_object::{
    BgpAdvertisement, BgpPeer, ConfigurationState, IpAddressPool, L2Advertisement, PoolConfigMap,
    Verdict,
};
use crate::rack::endpoints::EndpointSlice;
use crate::rack::event::ServiceEvent;
use crate::rack::facts::{Change, Fact};
use crate::rack::node::NodeName;
use crate::rack::pools::version::Version;
use crate::rack::service::{
    Protocol, Service, ServiceKind, ServiceName, TargetPort, TrafficPolicy, Wish,
};
use crate::rack::workload::{Part, Workload};

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/it/fixtures/kube/", $name))
    };
}

fn one<K: Kind>(json: &str) -> K {
    match object::<K>(json.as_bytes()) {
        Ok(object) => object.item,
        Err(failed) => panic!("{failed:?}"),
    }
}

/// The workload in the fact that a DaemonSet or a Deployment becomes.
fn workload<K: Kind>(json: &str) -> Workload {
    match K::fact(Change::Applied(one::<K>(json))) {
        Fact::Workloads(_, Change::Applied(workload)) => workload,
        other => panic!("{other:?}"),
    }
}

#[test]
fn recorded_services_are_read() {
    let services: Vec<Service> = items(recorded!("services.json"));
    assert_eq!(services.len(), 13);
    let gitea = services
        .iter()
        .find(|it| it.name == ServiceName::new("default", "gitea-6"))
        .unwrap();
    assert!(gitea.is_load_balancer() && !gitea.is_pending());
    assert_eq!(gitea.addresses().next().unwrap().to_string(), "10.77.0.7");
    assert_eq!(&*gitea.ingress[0].mode, "VIP");
    let port = &gitea.ports[0];
    assert_eq!(
        (&*port.name, port.protocol, port.port, port.node_port),
        ("http", Protocol::Tcp, 80, Some(32_763))
    );
    assert_eq!(port.target, TargetPort::Number(8_080));
    let wish = gitea.annotation(Wish::AllocatedFrom).unwrap();
    assert_eq!((wish.value, wish.has_old_prefix), ("rack-pool", false));
    assert_eq!(gitea.old_annotation(Wish::AllocatedFrom), None);
    assert_eq!(&*gitea.selector["app.kubernetes.io/instance"], "gitea-6");
    assert!(services.iter().any(Service::is_pending));
    let api = services.iter().find(|it| &*it.name.name == "kubernetes");
    assert_eq!(api.unwrap().kind, ServiceKind::ClusterIp);
}

#[test]
fn a_recorded_watch_shows_a_service_come_and_go() {
    let mut lines = recorded!("watch-services.jsonl").lines();
    let mut next = || event::<Service>(lines.next().unwrap().as_bytes());
    let Event::Applied(added) = next() else {
        panic!("it is added first")
    };
    assert_eq!(added.item.external_traffic, TrafficPolicy::Local);
    assert!(added.item.is_pending());
    let Event::Applied(changed) = next() else {
        panic!("then it gets an address")
    };
    assert_eq!(changed.item.addresses().count(), 1);
    assert!(matches!(next(), Event::Deleted(gone) if gone.item.uid == added.item.uid));
}

#[test]
fn recorded_endpoint_slices_are_read() {
    let slices: Vec<EndpointSlice> = items(recorded!("endpointslices-default.json"));
    let of = |name: &str| {
        let service = Some(ServiceName::new("default", name));
        slices.iter().find(|it| it.service == service).unwrap()
    };
    let gitea = &of("gitea-6").endpoints[0];
    assert_eq!(gitea.node, Some(NodeName::new("rpi4b-0002")));
    assert_eq!(gitea.pod.as_deref(), Some("gitea-03b54cda2-3b54a"));
    assert!(gitea.is_ready && gitea.is_serving && !gitea.is_terminating);
    assert!(!of("zigbee2mqtt-11").endpoints[0].is_ready);
    let by_hand = &of("kubernetes").endpoints[0];
    assert_eq!((&by_hand.node, &by_hand.pod), (&None, &None));
    assert!(by_hand.is_serving, "a missing value reads as ready");
    assert_eq!(of("gitea-6").ports[0].port, Some(8_080));
}

#[test]
fn recorded_pools_and_advertisements_are_read_with_their_text() {
    let pools: Vec<IpAddressPool> = items(recorded!("ipaddresspools.json"));
    let dmz = pools.iter().find(|it| &*it.head.name == "dmz").unwrap();
    assert_eq!(dmz.addresses, ["198.51.100.16/28".into()]);
    assert!(!dmz.auto_assign && !dmz.avoid_buggy_ips);
    assert_eq!(dmz.status.unwrap().available_v4, 16);
    assert_eq!(&*dmz.head.resource_version.0, "937");
    let text: serde_json::Value = serde_json::from_str(dmz.head.manifest.as_str()).unwrap();
    assert_eq!(text["kind"], "IPAddressPool");
    assert_eq!(text["apiVersion"], "metallb.io/v1beta1");
    assert_eq!(text["spec"]["addresses"][0], "198.51.100.16/28");
    assert!(text.get("status").is_none() && text["metadata"].get("managedFields").is_none());

    let advertisements: Vec<L2Advertisement> = items(recorded!("l2advertisements.json"));
    let selection = &advertisements[0].selection;
    assert!(selection.takes_pool("tiny", &dmz.head.labels));
    assert!(!selection.takes_pool("dmz", &dmz.head.labels));
    let arm = [("kubernetes.io/arch".into(), "arm64".into())].into();
    assert!(selection.takes_node(&arm) && !selection.takes_node(&dmz.head.labels));
}

#[test]
fn objects_without_a_spec_mean_what_the_api_says() {
    let bare = r#"{"metadata":{"name":"all","namespace":"metallb-system"}}"#;
    let advertisement: L2Advertisement = one(bare);
    assert!(advertisement.selection.takes_pool("any", &[].into()));
    let pool: IpAddressPool = one(bare);
    assert!(pool.auto_assign && pool.addresses.is_empty() && pool.allocation.is_none());
    let bgp: BgpAdvertisement = one(bare);
    assert_eq!((bgp.aggregation_length, bgp.peers.len()), (None, 0));
    let service: Service = one(r#"{"metadata":{"name":"a"},"spec":null,"status":null}"#);
    assert!(service.allocates_node_ports && service.ports.is_empty());
    let status: L2Status = one(r#"{"metadata":{"name":"l2-x"}}"#);
    assert_eq!((status.service, status.node), (None, None));
    let state: ConfigurationState = one(r#"{"metadata":{"name":"controller"}}"#);
    assert_eq!((state.verdict, state.node), (Verdict::Unknown, None));
    let config: PoolConfigMap = one(r#"{"metadata":{"name":"config"},"data":null}"#);
    assert_eq!(config.config, None);
}

#[test]
fn odd_services_are_read_as_they_are() {
    let odd = r#"{"metadata":{"name":"\u001b[31mred","namespace":"web","labels":{"k":"\u001b]0;x\u0007"},
        "annotations":{"metallb.universe.tf/allow-shared-ip":"old","metallb.io/allow-shared-ip":"new",
            "kubectl.kubernetes.io/last-applied-configuration":"{}","metallb.universe.tf/address-pool":"lan"}},
        "spec":{"type":"Martian","ports":[{"port":53,"protocol":"UDP","targetPort":"dns"},{"port":1,"targetPort":null}]},
        "status":{"loadBalancer":{"ingress":[{"ip":"not an address"},{"ip":"2001:db8::1"},{"hostname":"x"}]}}}"#;
    let service: Service = one(odd);
    assert_eq!(
        &*service.name.name, "\u{1b}[31mred",
        "cleaning is the view's"
    );
    assert_eq!(service.kind, ServiceKind::ClusterIp);
    assert_eq!(service.annotations.len(), 3);
    let key = service.annotation(Wish::SharingKey).unwrap();
    assert_eq!((key.value, key.has_old_prefix), ("new", false));
    assert_eq!(service.old_annotation(Wish::SharingKey), Some("old"));
    assert!(service.annotation(Wish::Pool).unwrap().has_old_prefix);
    assert_eq!(service.ports[0].target, TargetPort::Name("dns".into()));
    assert_eq!(service.ports[1].target, TargetPort::Number(1));
    assert_eq!(service.addresses().count(), 1);
    assert_eq!(service.ingress.len(), 3);
}

#[test]
fn objects_of_the_wrong_shape_are_named_and_refused() {
    for (json, name) in [
        (
            r#"{"metadata":{"name":"a","namespace":"w"},"spec":{"ports":[{"port":99999}]}}"#,
            "w/a",
        ),
        (
            r#"{"metadata":{"name":"b"},"spec":{"ports":[{"port":1,"targetPort":-1}]}}"#,
            "b",
        ),
        (r#"{"spec":{}}"#, "an object without a name"),
    ] {
        let failed = object::<Service>(json.as_bytes()).err().unwrap();
        assert_eq!(failed.name, name, "{json}");
    }
    let pool = r#"{"metadata":{"name":"p","namespace":"m"},"spec":{"addresses":"10.0.0.0/24"}}"#;
    let failed = object::<IpAddressPool>(pool.as_bytes()).err().unwrap();
    assert_eq!(failed.name, "m/p");
    assert!(object::<L2Advertisement>(b"{\"metadata\":[]}").is_err());
    assert!(object::<PoolConfigMap>(b"[]").is_err());
}

#[test]
fn a_pool_that_selects_namespaces_says_that_they_matter() {
    let picky = r#"{"metadata":{"name":"p"},"spec":{"serviceAllocation":{"priority":7,"namespaces":["web"],
        "namespaceSelectors":[{"matchLabels":{"team":"a"}}],
        "serviceSelectors":[{"matchExpressions":[{"key":"x","operator":"Exists"}]}]}}}"#;
    let pool: IpAddressPool = one(picky);
    let allocation = pool.allocation.clone().unwrap();
    assert_eq!(
        (allocation.priority, &*allocation.namespaces[0]),
        (7, "web")
    );
    assert!(allocation.service_selectors[0].matches(&[("x".into(), "1".into())].into()));
    let notice = |all| <IpAddressPool as Kind>::notice(&Change::Listed(all));
    assert_eq!(notice(vec![pool]), Some(Notice::NamespacesMatter(true)));
    assert_eq!(notice(Vec::new()), Some(Notice::NamespacesMatter(false)));
}

#[test]
fn the_password_of_a_peer_is_in_no_debug_text() {
    let peer: BgpPeer =
        one(r#"{"metadata":{"name":"tor"},"spec":{"peerAddress":"10.0.0.1","password":"s3cret"}}"#);
    assert!(peer.head.manifest.as_str().contains("s3cret"));
    assert!(!format!("{peer:?}").contains("s3cret"), "{peer:?}");
}

#[test]
fn statuses_name_service_and_node_in_either_shape() {
    let old = r#"{"metadata":{"name":"l2-x","labels":{"metallb.io/node":"rpi-01",
        "metallb.io/service-name":"shop","metallb.io/service-namespace":"web"}},"status":{"node":""}}"#;
    let new = r#"{"metadata":{"name":"l2-y"},"status":{"node":"rpi-02","serviceName":"shop",
        "serviceNamespace":"web","interfaces":[{"name":"eth0"}],"peers":["tor"]}}"#;
    let shop = Some(ServiceName::new("web", "shop"));
    let (old, new): (L2Status, L2Status) = (one(old), one(new));
    assert_eq!((&old.service, &new.service), (&shop, &shop));
    assert_eq!(
        (old.node.unwrap().as_str(), new.node.unwrap().as_str()),
        ("rpi-01", "rpi-02")
    );
    assert_eq!(new.interfaces, ["eth0".into()]);
    let bgp: BgpStatus = one(
        r#"{"metadata":{"name":"b"},"status":{"node":"rpi-01","serviceName":"shop",
        "serviceNamespace":"web","peers":["tor"]}}"#,
    );
    assert_eq!((bgp.service, bgp.peers), (shop, vec!["tor".into()]));
}

#[test]
fn a_state_says_what_metallb_thinks_of_its_configuration() {
    let state: ConfigurationState = one(
        r#"{"metadata":{"name":"speaker-rpi-01","labels":{"metallb.io/node-name":"rpi-01"}},
        "status":{"result":"Invalid","errorSummary":"two pools overlap","conditions":[
            {"type":"configReconcilerValid","status":"False","message":"no"},{"type":"other","status":"True"}]}}"#,
    );
    assert_eq!(state.verdict, Verdict::Invalid);
    assert_eq!(
        (&*state.error, state.complaints.len()),
        ("two pools overlap", 1)
    );
    assert_eq!(state.node.unwrap().as_str(), "rpi-01");
}

#[test]
fn events_of_services_say_who_spoke() {
    let event: ServiceEvent = one(
        r#"{"metadata":{"name":"e","uid":"u"},"type":"Warning","reason":"AllocationFailed",
        "message":"no available IPs","count":3,"lastTimestamp":"2026-11-23T07:05:03Z",
        "involvedObject":{"kind":"Service","namespace":"web","name":"shop","uid":"s"},
        "source":{"component":"metallb-controller"}}"#,
    );
    assert_eq!(
        (event.service.to_string(), &*event.service_uid.0),
        ("web/shop".into(), "s")
    );
    assert!(event.is_warning && event.count == 3);
    assert_eq!(&*event.component, "metallb-controller");
}

#[test]
fn allocators_are_recognised_by_their_workloads() {
    let set = |labels: &str, image: &str, args: &str| {
        format!(
            r#"{{"metadata":{{"name":"x","namespace":"n","labels":{{{labels}}}}},"spec":{{"template":{{"spec":{{
                "containers":[{{"name":"frr","image":"frr:9"}},{{"name":"speaker","image":"{image}","args":[{args}]}}]}}}}}},
                "status":{{"desiredNumberScheduled":4,"numberReady":3}}}}"#
        )
    };
    let manifest = r#""app":"metallb","component":"speaker""#;
    let speaker = workload::<DaemonSet>(&set(
        manifest,
        "quay.io/metallb/speaker:v0.12.1",
        r#""--port=7472","--config=lb","--password=s3cret""#,
    ));
    assert_eq!(
        (&speaker.part, speaker.desired, speaker.ready),
        (&Part::Speaker, 4, 3)
    );
    assert_eq!(
        speaker.flags,
        ["--config=lb".into()],
        "other flags may hold secrets"
    );
    assert_eq!(speaker.version(), Some(Version::new(0, 12, 1)));

    let helm = r#""app.kubernetes.io/name":"metallb","app.kubernetes.io/component":"controller""#;
    let controller = workload::<Deployment>(&set(helm, "c:v0.15.2", ""));
    assert_eq!((controller.part, controller.desired), (Part::Controller, 1));
    let klipper = r#""svccontroller.k3s.cattle.io/svcname":"shop","svccontroller.k3s.cattle.io/svcnamespace":"web""#;
    let klipper = workload::<DaemonSet>(&set(klipper, "rancher/klipper-lb:v0.4.13", ""));
    assert_eq!(
        klipper.part,
        Part::ServiceLb(Some(ServiceName::new("web", "shop")))
    );
    for (labels, image, part) in [
        ("", "ghcr.io/kube-vip/kube-vip:v0.9.1", Part::KubeVip),
        (
            "",
            "registry.gitlab.com/purelb/purelb/lbnodeagent:v0.13",
            Part::PureLb,
        ),
        (
            r#""k8s-app":"cilium""#,
            "quay.io/cilium/cilium:v1.17",
            Part::Cilium,
        ),
        (r#""app":"metallb""#, "a", Part::Other),
        ("", "quay.io/prometheus/node-exporter", Part::Other),
    ] {
        assert_eq!(
            workload::<DaemonSet>(&set(labels, image, "")).part,
            part,
            "{image}"
        );
    }
}

#[test]
fn the_speaker_tells_where_metallb_is() {
    let speaker = |name: &str, component: &str| {
        one::<DaemonSet>(&format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"lb","labels":{{"app":"metallb","component":"{component}"}}}},
            "spec":{{"template":{{"spec":{{"containers":[{{"name":"speaker","args":["--config=pools"]}}]}}}}}}}}"#
        ))
    };
    let at = Some(Notice::Speaker {
        namespace: "lb".into(),
        config_map: "pools".into(),
    });
    let all = vec![speaker("other", ""), speaker("speaker", "speaker")];
    assert_eq!(DaemonSet::notice(&Change::Listed(all)), at);
    assert_eq!(DaemonSet::notice(&Change::Applied(speaker("x", ""))), None);
    let gone = Change::Deleted(speaker("speaker", "speaker"));
    assert_eq!(DaemonSet::notice(&gone), Some(Notice::NoSpeaker));
}
