//! The Services pane and its writers against a server with MetalLB's kinds, whose statuses a test writes.

use bramble::app::view::view;
use bramble::app::{Model, Settings, update};
use bramble::clients::kubernetes::{self, Connection, Error, services};
use bramble::keymap::Keymap;
use bramble::msg::Msg;
use bramble::rack::Rack;
use bramble::rack::node::{NodeName, Uid};
use bramble::rack::problem::Subject;
use bramble::rack::service::{PREFIX, ServiceName};
use bramble::rack::vip::Vip;
use bramble::rack::vip::announcer::Witness;
use bramble::rack::vip::election;
use bramble::rack::vip::wish::{self, Exposure};
use bramble::theme::roles::Theme;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use http::Method;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::follower::{Follower, SOON};
use crate::hand::JSON;
use crate::metallb::NAMESPACE;
use crate::place::Who;

ask_both_alone!(
    the_pane_shows_who_announces_what_and_why_not,
    a_deployment_is_exposed_and_its_service_changed,
);

pub(crate) const SERVICES: &str = "/api/v1/namespaces/default/services";
pub(crate) const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

fn name(text: &str) -> ServiceName {
    ServiceName::new("default", text)
}

/// Where MetalLB's objects of a kind are.
fn place(plural: &str) -> String {
    format!("/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/{plural}")
}

fn object(kind: &str, name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
    })
    .to_string()
}

/// A pool of four addresses, announced from everywhere.
pub(crate) async fn put_pool(bed: &Bed) {
    for (plural, object) in [
        (
            "ipaddresspools",
            object(
                "IPAddressPool",
                "lan",
                &json!({ "addresses": ["192.0.2.64/30"] }),
            ),
        ),
        (
            "l2advertisements",
            object(
                "L2Advertisement",
                "lan",
                &json!({ "ipAddressPools": ["lan"] }),
            ),
        ),
    ] {
        bed.hand()
            .must(Method::POST, &place(plural), JSON, &object)
            .await;
    }
}

/// A Service without a selector, so that its endpoints are the test's.
pub(crate) fn service(name: &str, annotations: &Value) -> String {
    json!({
        "metadata": { "name": name, "annotations": annotations },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80, "targetPort": 8080 }] },
    })
    .to_string()
}

pub(crate) fn slice(service: &str, board: &str) -> String {
    json!({
        "metadata": { "name": format!("{service}-x"), "labels": { "kubernetes.io/service-name": service } },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.42.0.7"], "nodeName": board, "conditions": { "ready": true } }],
        "ports": [{ "port": 8080 }],
    })
    .to_string()
}

/// The Services pane of that rack on a large screen.
fn screen(rack: &Rack) -> String {
    let (theme, keymap) = (Theme::load("mono", None).0, Keymap::load("default", None).0);
    let size = Size::new(160, 30);
    let mut model = Model::new(rack.now, size, theme, keymap, Settings::default());
    model.rack = rack.clone();
    model.rack.survey();
    update(
        &mut model,
        Msg::Key(KeyEvent::new(KeyCode::Char('2'), KeyModifiers::NONE)),
    );
    model.settle();
    let mut buf = Buffer::empty(Rect::new(0, 0, size.width, size.height));
    view(&model, buf.area, &mut buf);
    let row = |y| {
        let symbols = (0..size.width).map(|x| buf[(x, y)].symbol());
        symbols.collect::<String>().trim_end().to_owned()
    };
    (0..size.height).map(row).collect::<Vec<_>>().join("\n")
}

/// The line of a Service, and the reason under it.
fn row_of(rack: &Rack, service: &str) -> String {
    let screen = screen(rack);
    let mut lines = screen.lines().skip_while(|line| !line.contains(service));
    let row = lines
        .next()
        .unwrap_or_else(|| panic!("no {service}:\n{screen}"));
    format!("{row}\n{}", lines.next().unwrap_or_default())
}

/// A Service that is well, one with hostile words, and one that asks for a pool there is not.
async fn put_services(bed: &Bed, board: &str) {
    let hand = bed.hand();
    let hostile = json!({ "metallb.io/ip-allocated-from-pool": "l\u{1b}[2Jan\u{202e}" });
    for (name, annotations) in [
        ("lamp", json!({})),
        ("odd", hostile),
        ("waits", json!({ "metallb.io/address-pool": "attic" })),
    ] {
        hand.must(Method::POST, SERVICES, JSON, &service(name, &annotations))
            .await;
        hand.must(Method::POST, SLICES, JSON, &slice(name, board))
            .await;
    }
    bed.set_address("lamp", Some("192.0.2.65")).await;
    bed.set_address("odd", Some("192.0.2.66")).await;
}

async fn the_pane_shows_who_announces_what_and_why_not(bed: Bed) {
    let (one, _two) = (bed.board().await, bed.board().await);
    bed.run_metallb().await;
    let hand = bed.hand();
    put_pool(&bed).await;
    put_services(&bed, &one).await;
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    follower
        .settled(|rack| vip(rack, "lamp").is_some_and(|it| it.announcer.is_some()))
        .await;
    let nodes: Vec<NodeName> = follower.rack.nodes().map(|it| it.name.clone()).collect();
    let order = election::order(&nodes, "192.0.2.65");
    let lamp = vip(&follower.rack, "lamp").unwrap();
    assert_eq!(lamp.findings, [], "all is well");
    let announcer = lamp.announcer.unwrap();
    assert_eq!(
        (announcer.witness, &announcer.order),
        (Witness::Election, &order)
    );
    let row = row_of(&follower.rack, "default/lamp");
    let first = &order[0];
    for part in [
        "192.0.2.65",
        "80→8080",
        "lan",
        &format!("{first} computed"),
        "1/1",
    ] {
        assert!(row.contains(part), "{part}: {row}");
    }

    // The speaker that won says so; then another one does.
    for (at, expected) in [
        (0, first.to_string()),
        (1, format!("{} disagree", order[1])),
    ] {
        let status = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status",
            "metadata": { "name": format!("l2-{at}"), "namespace": NAMESPACE },
            "status": { "node": order[at].as_str(), "serviceName": "lamp", "serviceNamespace": "default" },
        });
        let path = place("servicel2statuses");
        hand.must(Method::POST, &path, JSON, &status.to_string())
            .await;
        if at == 1 {
            hand.must(Method::DELETE, &format!("{path}/l2-0"), "", "")
                .await;
        }
        follower
            .settled(|rack| {
                let announcer = vip(rack, "lamp").and_then(|it| it.announcer);
                announcer.is_some_and(|it| {
                    it.witness == Witness::Status && it.node() == Some(&order[at])
                })
            })
            .await;
        let row = row_of(&follower.rack, "default/lamp");
        assert!(row.contains(&expected), "{expected}: {row}");
    }

    let row = row_of(&follower.rack, "default/waits");
    assert!(
        row.contains("pending") && row.contains("asks for pool attic, which does not exist"),
        "{row}"
    );
    let row = row_of(&follower.rack, "default/odd");
    assert!(
        !row.contains(['\u{1b}', '\u{202e}']) && row.contains("an"),
        "{row:?}"
    );

    let lamp_slice = format!("{SLICES}/lamp-x");
    hand.must(Method::DELETE, &lamp_slice, "", "").await;
    follower
        .settled(|rack| {
            vip(rack, "lamp").is_some_and(|it| it.readiness.is_some_and(|it| it.total == 0))
        })
        .await;
    let row = row_of(&follower.rack, "default/lamp");
    assert!(
        row.contains("✗") && row.contains("no selector and no endpoints"),
        "{row}"
    );

    hand.must(
        Method::DELETE,
        &format!("{}/lan", place("l2advertisements")),
        "",
        "",
    )
    .await;
    follower
        .settled(|rack| vip(rack, "odd").is_some_and(|it| !it.findings.is_empty()))
        .await;
    let row = row_of(&follower.rack, "default/odd");
    assert!(row.contains("takes pool lan"), "{row}");

    bed.set_address("lamp", None).await;
    follower
        .settled(|rack| vip(rack, "lamp").is_some_and(|it| it.addresses.is_empty()))
        .await;
    assert!(row_of(&follower.rack, "default/lamp").contains("pending"));
}

fn vip(rack: &Rack, service: &str) -> Option<Vip> {
    rack.vips.get(&name(service)).cloned()
}

impl Follower {
    /// Waits until what is derived of the facts is so.
    async fn settled(&mut self, is_so: impl Fn(&Rack) -> bool) {
        self.until("what is derived", SOON, |rack| {
            let mut rack = rack.clone();
            rack.survey();
            is_so(&rack)
        })
        .await;
        self.rack.survey();
    }
}

fn exposure(name: &str, ports: &str, is_split: bool) -> Exposure {
    Exposure {
        deployment: self::name("web"),
        name: name.to_owned(),
        ports: wish::parse_ports(ports).unwrap(),
        pool: Some("lan".to_owned()),
        address: Some("192.0.2.66".parse().unwrap()),
        key: Some("web".to_owned()),
        prefix: PREFIX,
        is_split,
    }
}

async fn a_deployment_is_exposed_and_its_service_changed(bed: Bed) {
    bed.board().await;
    bed.install_metallb().await;
    let hand = bed.hand();
    let labels = json!({ "app": "web" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": 0, "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
            },
        },
    });
    let path = "/apis/apps/v1/namespaces/default/deployments";
    hand.must(Method::POST, path, JSON, &deployment.to_string())
        .await;
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();

    services::expose(&connection, &exposure("web", "80:8080 53/tcp+udp", false))
        .await
        .unwrap();
    let made = hand.get(&format!("{SERVICES}/web")).await;
    assert_eq!(made["spec"]["selector"], labels);
    assert_eq!(made["spec"]["type"], "LoadBalancer");
    assert_eq!(made["spec"]["ports"].as_array().unwrap().len(), 3);
    assert_eq!(
        made["metadata"]["annotations"],
        json!({
            "metallb.io/address-pool": "lan",
            "metallb.io/loadBalancerIPs": "192.0.2.66",
            "metallb.io/allow-shared-ip": "web",
        })
    );

    // The second of two is there already: nothing is made of the first.
    hand.must(
        Method::POST,
        SERVICES,
        JSON,
        &service("pair-udp", &json!({})),
    )
    .await;
    let refused = services::expose(&connection, &exposure("pair", "53/tcp+udp", true)).await;
    let error = refused.unwrap_err().problem().sentence();
    assert!(error.contains("already exists"), "{error}");
    let pair = hand
        .send(Method::GET, &format!("{SERVICES}/pair"), "", "")
        .await;
    assert_eq!(pair.code, 404, "{}", pair.text);
    let missing = Exposure {
        deployment: name("no-such"),
        ..exposure("x", "80", false)
    };
    let error = services::expose(&connection, &missing).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");

    Box::pin(changes(&bed, &connection)).await;
}

async fn changes(bed: &Bed, connection: &Connection) {
    let hand = bed.hand();
    let path = format!("{SERVICES}/web");
    let mut follower = Follower::live(bed.target(Who::Admin)).await;
    let is_there = |rack: &Rack| rack.services.get(&name("web")).is_some();
    follower.until("the service", SOON, is_there).await;
    let web = follower.rack.services.get(&name("web")).unwrap().clone();
    let address = "192.0.2.67".parse().unwrap();
    for (change, key, expected) in [
        (
            wish::ask_for_address(&web, PREFIX, Some(address)),
            "loadBalancerIPs",
            json!("192.0.2.67"),
        ),
        (
            wish::share(&web, PREFIX, "other", None),
            "allow-shared-ip",
            json!("other"),
        ),
        (
            wish::ask_for_pool(&web, PREFIX, None),
            "address-pool",
            Value::Null,
        ),
        (
            wish::ask_for_pool(&web, PREFIX, Some("lan")),
            "address-pool",
            json!("lan"),
        ),
        (
            wish::ask_for_address(&web, PREFIX, None),
            "loadBalancerIPs",
            Value::Null,
        ),
    ] {
        services::change(connection, &web.name, &web.uid, &change)
            .await
            .unwrap();
        let now = hand.get(&path).await;
        assert_eq!(
            now["metadata"]["annotations"][format!("{PREFIX}{key}")],
            expected,
            "{change}"
        );
    }

    let before = hand.get(&path).await;
    let wrong = json!({ "spec": { "ports": [] } });
    let refused = services::change(connection, &web.name, &web.uid, &wrong)
        .await
        .unwrap_err();
    assert!(
        refused.problem().sentence().contains("spec.ports"),
        "{refused:?}"
    );
    let other = Uid("another".into());
    let replaced = services::change(connection, &web.name, &other, &wish::release()).await;
    assert_eq!(
        replaced,
        Err(Error::Replaced(Subject::Service(web.name.clone())))
    );
    let after = hand.get(&path).await;
    assert_eq!(
        after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"],
        "nothing is written"
    );

    services::change(connection, &web.name, &web.uid, &wish::release())
        .await
        .unwrap();
    let released = hand.get(&path).await;
    assert_eq!(released["spec"]["type"], "ClusterIP");
    assert_eq!(released["spec"]["selector"], before["spec"]["selector"]);
}
