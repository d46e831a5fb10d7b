//! MetalLB's kinds come and go while we look.

use bramble::rack::Rack;
use bramble::rack::link::{Source, SourceState};
use bramble::rack::metallb::Era;
use bramble::rack::service::ServiceName;
use http::Method;
use serde_json::json;

use crate::bed::Bed;
use crate::follower::{Follower, SOON};
use crate::hand::{JSON, MERGE};
use crate::metallb::NAMESPACE;
use crate::place::Who;

ask_both_alone!(metallb_is_found_when_it_comes_and_forgotten_when_it_goes);

async fn metallb_is_found_when_it_comes_and_forgotten_when_it_goes(bed: Bed) {
    let hand = bed.hand();
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    assert_eq!(follower.rack.metallb.era(&follower.rack.link), Era::Absent);
    let source = |rack: &Rack, source| rack.link.source(source).clone();
    assert_eq!(
        source(&follower.rack, Source::IpAddressPools),
        SourceState::Absent
    );

    bed.install_metallb().await;
    bed.put_speaker("quay.io/metallb/speaker:v0.15.3").await;
    let is_found = |rack: &Rack| {
        source(rack, Source::IpAddressPools) == SourceState::Live
            && source(rack, Source::L2Statuses) == SourceState::Live
            && source(rack, Source::Deployments) == SourceState::Live
            && rack.metallb.era(&rack.link) == Era::Crds
    };
    follower.until("MetalLB is found", SOON, is_found).await;
    assert_eq!(
        follower.rack.metallb.version().unwrap().to_string(),
        "0.15.3"
    );

    let pools = format!("/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/ipaddresspools");
    let pool = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "lan", "namespace": NAMESPACE },
        "spec": { "addresses": ["192.0.2.64/28"] },
    });
    let strict = format!("{pools}?fieldValidation=Strict");
    let typo = pool
        .to_string()
        .replace("\"addresses\"", "\"autoAsign\":true,\"addresses\"");
    let refused = hand.send(Method::POST, &strict, JSON, &typo).await;
    assert_eq!(refused.code, 400, "{}", refused.text);
    assert!(
        refused
            .text
            .contains("unknown field \\\"spec.autoAsign\\\""),
        "{}",
        refused.text
    );
    let made = hand
        .must(Method::POST, &pools, JSON, &pool.to_string())
        .await;
    let has_pool = |rack: &Rack| rack.metallb.pool("lan").is_some();
    follower.until("the pool", SOON, has_pool).await;
    let head = &follower.rack.metallb.pool("lan").unwrap().head;
    assert_eq!(
        json!(head.resource_version.0),
        made["metadata"]["resourceVersion"]
    );
    assert!(head.manifest.as_str().contains("192.0.2.64/28"));
    assert!(!head.manifest.as_str().contains("managedFields"));

    let lan = format!("{pools}/lan");
    let old = json!({ "metadata": { "resourceVersion": made["metadata"]["resourceVersion"] },
        "spec": { "autoAssign": false } })
    .to_string();
    hand.must(Method::PATCH, &lan, MERGE, &old).await;
    let conflict = hand.send(Method::PATCH, &lan, MERGE, &old).await;
    assert_eq!(conflict.code, 409, "{}", conflict.text);
    let is_changed = |rack: &Rack| !rack.metallb.pool("lan").unwrap().auto_assign;
    follower.until("the change", SOON, is_changed).await;

    let statuses = format!("/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/servicel2statuses");
    let status = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status",
        "metadata": { "name": "l2-a", "namespace": NAMESPACE },
        "status": { "node": "board", "serviceName": "lamp", "serviceNamespace": "default" },
    });
    hand.must(Method::POST, &statuses, JSON, &status.to_string())
        .await;
    let lamp = ServiceName::new("default", "lamp");
    let is_announced = |rack: &Rack| !rack.services.l2_statuses(&lamp).is_empty();
    follower.until("who announces", SOON, is_announced).await;
    assert_eq!(
        follower.lists(Source::IpAddressPools),
        1,
        "watched, not listed"
    );

    bed.uninstall("IPAddressPool").await;
    let is_forgotten = |rack: &Rack| {
        source(rack, Source::IpAddressPools) == SourceState::Absent
            && rack.metallb.pools().next().is_none()
    };
    follower.until("the kind goes", SOON, is_forgotten).await;
    assert_eq!(
        source(&follower.rack, Source::L2Statuses),
        SourceState::Live
    );
}
