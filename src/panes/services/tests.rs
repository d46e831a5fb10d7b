//! The services pane: what it shows of a rack that is well and of one that is not, order, choice and hostile text.

use std::time::Duration;

use super::*;
use crate::panes::listing;
use crate::rack::facts::{Change, Fact};
use crate::rack::link::LinkState;
use crate::rack::problem::{Problem, Severity};
use crate::rack::service::ServiceKind;
use crate::rack::vip::probe::Outcome;
use crate::rack::vip::testing::{Bench, node, port, service, service_name};

/// Four Services: one well, one pending in a full pool, one whose pods are not ready, one inside the cluster.
fn bench() -> Bench {
    let mut bench = Bench::well();
    bench.pools[0].addresses = vec!["192.168.7.200-192.168.7.201".into()];
    bench.services.push(service("web/blog", ""));
    bench.endpoints("web/blog", &[("rpi-02", true)]);
    let mut dns = service("infra/dns", "192.168.7.201");
    dns.ports = vec![port(Protocol::Udp, 53)];
    bench.services.push(dns);
    bench.endpoints("infra/dns", &[("rpi-01", false)]);
    let mut inside = service("default/api", "");
    inside.kind = ServiceKind::ClusterIp;
    bench.services.push(inside);
    bench.endpoints("default/api", &[("rpi-03", true)]);
    bench
}

fn names(pane: &ServicesPane, rack: &Rack) -> String {
    let names = pane
        .chosen(rack)
        .into_iter()
        .map(|it| it.name.name.to_string());
    names.collect::<Vec<_>>().join(" ")
}

fn act(pane: &mut ServicesPane, rack: &Rack, action: Action) -> Vec<Msg> {
    let mut cx = Cx {
        rack,
        area: Rect::new(0, 2, 80, 21),
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    pane.on_action(action, &mut cx);
    cx.msgs
}

fn drawn(pane: &mut ServicesPane, rack: &Rack, width: u16, height: u16) -> String {
    pane.settle(rack);
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    pane.view(rack, &Theme::load("mono", None).0, area, &mut buf);
    let line = |y| {
        let cells = (0..width).filter_map(|x| buf.cell((x, y)));
        let line: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_well_and_what_is_not_stand_in_one_table() {
    let mut rack = bench().rack();
    let target = Target {
        address: "192.168.7.200".parse().unwrap(),
        port: 80,
    };
    for millis in [2, 9, 2, 3] {
        rack.probed(target, Outcome::Answered(Duration::from_millis(millis)));
    }
    let mut pane = ServicesPane::default();
    insta::assert_snapshot!(drawn(&mut pane, &rack, 120, 12));
}

#[test]
fn answers_have_their_room_before_they_come() {
    let mut rack = bench().rack();
    let target = Target {
        address: "192.168.7.200".parse().unwrap(),
        port: 80,
    };
    let mut pane = ServicesPane::default();
    let mut shown = |rack: &Rack| {
        pane.settle(rack);
        pane.measure(rack, Rect::new(0, 0, 120, 12));
        drawn(&mut pane, rack, 120, 12)
    };
    let head = |text: &str| text.lines().nth(1).map(str::to_owned);
    let before = shown(&rack);
    for _ in 0..8 {
        rack.probed(target, Outcome::Answered(Duration::from_millis(120)));
        let now = shown(&rack);
        assert_eq!(head(&now), head(&before), "{now}");
    }
    assert_eq!(
        shown(&rack).matches('▆').count(),
        6,
        "all of the graph is there"
    );
}

#[test]
fn narrow_screens_keep_the_address_the_name_and_the_reason() {
    let rack = bench().rack();
    let mut pane = ServicesPane::default();
    insta::assert_snapshot!(drawn(&mut pane, &rack, 60, 12));
}

#[test]
fn the_page_of_a_service_tells_the_whole_chain() {
    let rack = bench().rack();
    let mut pane = ServicesPane::default();
    pane.show_service(&service_name("web/shop"), &rack);
    insta::assert_snapshot!(drawn(&mut pane, &rack, 100, 42));
}

#[test]
fn the_page_of_a_pending_service_begins_with_the_reason() {
    let rack = bench().rack();
    let mut pane = ServicesPane::default();
    pane.show_service(&service_name("web/blog"), &rack);
    insta::assert_snapshot!(drawn(&mut pane, &rack, 80, 16));
}

#[test]
fn load_balancers_alone_until_all_types_are_asked_for() {
    let (mut pane, rack) = (ServicesPane::default(), bench().rack());
    assert_eq!(names(&pane, &rack), "dns blog shop");
    act(&mut pane, &rack, Action::ServicesAll);
    assert_eq!(names(&pane, &rack), "api dns blog shop");
    assert!(pane.close(), "esc goes back to those with addresses");
    assert_eq!(names(&pane, &rack), "dns blog shop");
    assert!(pane.show_service(&service_name("default/api"), &rack));
    assert!(!pane.show_service(&service_name("no/such"), &rack));
}

#[test]
fn faults_filters_and_orders_work_as_in_every_table() {
    let (mut pane, rack) = (ServicesPane::default(), bench().rack());
    act(&mut pane, &rack, Action::FaultsToggle);
    assert_eq!(names(&pane, &rack), "dns blog");
    pane.close();
    for (filter, expected) in [
        ("vip:pending", "blog"),
        ("pool:lan", "dns shop"),
        ("ports:udp", "dns"),
        ("!service:web", "dns"),
        ("ready:0/1", "dns"),
    ] {
        pane.set_filter(filter);
        assert_eq!(names(&pane, &rack), expected, "{filter}");
    }
    pane.set_filter("");
    pane.list.sort = Some(Column::Ready);
    assert_eq!(names(&pane, &rack), "dns blog shop");
    pane.list.sort = Some(Column::Vip);
    assert_eq!(names(&pane, &rack), "blog shop dns");
    act(&mut pane, &rack, Action::SortReverse);
    assert_eq!(names(&pane, &rack), "dns shop blog");
    let mut sort: Option<Column> = None;
    for _ in 0..=COLUMNS.len() {
        sort = listing::after(sort);
    }
    assert_eq!(sort, None, "the order goes round");
}

#[test]
fn only_what_is_on_the_screen_is_probed_and_udp_never() {
    let (mut pane, rack) = (ServicesPane::default(), bench().rack());
    let area = Rect::new(0, 2, 80, 21);
    pane.settle(&rack);
    let probed = pane.probed(&rack, area);
    assert_eq!(probed.len(), 1, "{probed:?}");
    assert_eq!(probed[0].to_string(), "192.168.7.200:80");
    pane.set_filter("dns");
    pane.settle(&rack);
    assert_eq!(pane.probed(&rack, area), []);
}

#[test]
fn the_cursor_stays_on_its_service_and_notices_when_it_goes() {
    let (mut pane, mut rack) = (ServicesPane::default(), bench().rack());
    act(&mut pane, &rack, Action::GoBottom);
    act(&mut pane, &rack, Action::RowOpen);
    rack.apply(Fact::Services(Change::Applied(service(
        "a/first",
        "192.168.7.209",
    ))));
    pane.settle(&rack);
    assert_eq!(
        pane.current(&rack).map(|it| it.name.to_string()),
        Some("web/shop".to_owned())
    );
    rack.apply(Fact::Services(Change::Deleted(service(
        "web/shop",
        "192.168.7.200",
    ))));
    pane.settle(&rack);
    assert!(drawn(&mut pane, &rack, 80, 10).contains("This service is gone"));
}

#[test]
fn an_address_and_a_url_can_be_copied_and_asked() {
    let (mut pane, rack) = (ServicesPane::default(), bench().rack());
    act(&mut pane, &rack, Action::GoBottom);
    assert_eq!(
        act(&mut pane, &rack, Action::CopyName),
        [Msg::Copy("192.168.7.200".to_owned())]
    );
    let url = "http://192.168.7.200/".to_owned();
    assert_eq!(
        act(&mut pane, &rack, Action::CopyUrl),
        [Msg::Copy(url.clone())]
    );
    assert_eq!(
        act(&mut pane, &rack, Action::ServiceCheck),
        [Msg::CheckUrl(url)]
    );
    act(&mut pane, &rack, Action::GoTop);
    assert!(matches!(
        act(&mut pane, &rack, Action::ServiceCheck)[..],
        [Msg::Notice(_)]
    ));
    for (address, number, name, expected) in [
        ("192.168.7.9", 443, "", "https://192.168.7.9/"),
        ("192.168.7.9", 8_080, "", "http://192.168.7.9:8080/"),
        (
            "2001:db8::9",
            9_000,
            "https-ui",
            "https://[2001:db8::9]:9000/",
        ),
    ] {
        let mut it = service("a/b", address);
        it.ports = vec![port(Protocol::Tcp, number)];
        it.ports[0].name = name.into();
        assert_eq!(url_of(&it), expected);
    }
}

fn url_of(service: &Service) -> String {
    super::url(service).unwrap()
}

#[test]
fn no_escape_sequence_of_a_name_or_annotation_reaches_the_screen() {
    let mut bench = bench();
    let hostile = "x\u{1b}[2J\u{1b}]0;gone\u{7}\u{202e}y";
    bench.pools[0].head.name = hostile.into();
    bench.l2[0].selection.pools = vec![hostile.into()];
    let shop = bench.shop();
    shop.annotations
        .insert("metallb.io/address-pool".into(), hostile.into());
    shop.annotations
        .insert("metallb.io/ip-allocated-from-pool".into(), hostile.into());
    shop.ports[0].name = hostile.into();
    shop.ingress[0].hostname = hostile.into();
    bench.event("AllocationFailed", hostile, 5);
    bench.nodes.push(node("rpi-09", "192.168.7.19"));
    let rack = bench.rack();
    let mut pane = ServicesPane::default();
    for action in [Action::WideToggle, Action::GoBottom, Action::RowOpen] {
        act(&mut pane, &rack, action);
        let text = drawn(&mut pane, &rack, 200, 60);
        let is_hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_hostile), "{text:?}");
    }
}

#[test]
fn every_view_draws_at_every_size_and_in_an_outage() {
    let mut rack = bench().rack();
    let mut pane = ServicesPane::default();
    for round in 0..2 {
        for action in [Action::WideToggle, Action::RowOpen, Action::PageDown] {
            act(&mut pane, &rack, action);
            for (width, height) in [(0, 0), (1, 1), (2, 9), (9, 2), (60, 17), (300, 100)] {
                drawn(&mut pane, &rack, width, height);
            }
        }
        if round == 0 {
            let problem = Problem::new(Severity::Critical, Subject::Link, "gone");
            rack.apply(Fact::Link(LinkState::Stale { problem }));
            pane.close();
        }
    }
}

use crate::effect::Effect;
use crate::form::{Answer, Answers, FormId};

/// Sends off a form; the question and what yes would do.
fn answered(rack: &Rack, form: &FormId, answers: &Answers) -> (String, Vec<Effect>) {
    assert_eq!(fault::complaint(form, answers, rack), None);
    let mut cx = Cx {
        rack,
        area: Rect::default(),
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    wish::filled_in(form, answers, &mut cx);
    match cx.msgs.pop() {
        Some(Msg::Ask(question)) => (question.title, question.then),
        other => panic!("{other:?}"),
    }
}

fn text(key: &'static str, text: &str) -> (&'static str, Answer) {
    (key, Answer::Text(text.to_owned()))
}

fn form_of(name: &str, kind: fn(ServiceName, Uid) -> FormId) -> FormId {
    kind(service_name(name), Uid(name.into()))
}

#[test]
fn every_wish_asks_first_and_names_the_service_and_its_uid() {
    let mut bench = bench();
    bench.pools[0].addresses = vec!["192.168.7.200-192.168.7.202".into()];
    let rack = bench.rack();
    let address = form_of("web/shop", |service, uid| FormId::ServiceAddress {
        service,
        uid,
    });
    let (title, then) = answered(
        &rack,
        &address,
        &[text("address", "192.168.7.202")].into_iter().collect(),
    );
    assert_eq!(title, "Change the address of service web/shop?");
    let [
        Effect::ChangeService {
            service,
            uid,
            change,
            ..
        },
    ] = then.as_slice()
    else {
        panic!("{then:?}")
    };
    assert_eq!(
        (service.to_string(), &*uid.0),
        ("web/shop".to_owned(), "web/shop")
    );
    assert_eq!(
        change["metadata"]["annotations"]["metallb.io/loadBalancerIPs"],
        "192.168.7.202"
    );

    let pool = form_of("web/shop", |service, uid| FormId::ServicePool {
        service,
        uid,
    });
    let (_, then) = answered(
        &rack,
        &pool,
        &[("pool", Answer::Choice(1))].into_iter().collect(),
    );
    assert!(matches!(&then[..], [Effect::ChangeService { change, .. }]
        if change["metadata"]["annotations"]["metallb.io/address-pool"] == "lan"));

    let share = form_of("web/shop", |service, uid| FormId::ServiceShare {
        service,
        uid,
    });
    let answers = [text("with", "infra/dns"), text("key", "")]
        .into_iter()
        .collect();
    let (_, then) = answered(&rack, &share, &answers);
    assert_eq!(then.len(), 2, "the other gets the key as well");

    let (mut pane, rack) = (ServicesPane::default(), rack);
    act(&mut pane, &rack, Action::GoBottom);
    let [Msg::Ask(question)] = &act(&mut pane, &rack, Action::ServiceRelease)[..] else {
        panic!()
    };
    assert_eq!(
        question.typed.as_deref(),
        Some("shop"),
        "its name must be typed"
    );
    assert!(question.then.iter().all(Effect::is_write));
}

#[test]
fn what_cannot_be_is_refused_while_it_is_typed() {
    let mut bench = bench();
    bench.services[0].ports = vec![port(Protocol::Udp, 53)];
    bench.pools.push(crate::rack::vip::testing::pool(
        "iot",
        &["192.168.7.220/30"],
    ));
    let rack = bench.rack();
    let address = form_of("web/shop", |service, uid| FormId::ServiceAddress {
        service,
        uid,
    });
    let share = form_of("web/shop", |service, uid| FormId::ServiceShare {
        service,
        uid,
    });
    let expose = |deployment: &str, name: &str, ports: &str| -> Answers {
        [
            text("deployment", deployment),
            text("name", name),
            text("ports", ports),
        ]
        .into_iter()
        .collect()
    };
    // The second choice is the pool lan: iot comes before it.
    let in_pool = |address: &str| -> Answers {
        let rest = [text("address", address), ("pool", Answer::Choice(2))];
        let first = [text("deployment", "web/x"), text("ports", "80")];
        first.into_iter().chain(rest).collect()
    };
    for (form, answers, part) in [
        (
            &address,
            [text("address", "10.0.0.1")].into_iter().collect(),
            "in no pool",
        ),
        (
            &address,
            [text("address", "here")].into_iter().collect(),
            "is no address",
        ),
        (
            &address,
            [text("address", "192.168.7.201")].into_iter().collect(),
            "is taken by infra/dns",
        ),
        (
            &share,
            [text("with", "web/blog")].into_iter().collect(),
            "with an address",
        ),
        (
            &share,
            [text("with", "infra/dns")].into_iter().collect(),
            "both want UDP port 53",
        ),
        (&FormId::Expose, expose("web", "", "80"), "namespace/name"),
        (&FormId::Expose, expose("web/shop", "", "80"), "already"),
        (&FormId::Expose, expose("web/x", "", "0"), "is no port"),
        (
            &FormId::Expose,
            expose("web/x", "Bad_Name", "80"),
            "no name of a Service",
        ),
        (
            &FormId::Expose,
            in_pool("192.168.7.220"),
            "192.168.7.220 is in pool iot, not in lan",
        ),
        (
            &FormId::Expose,
            in_pool("192.168.7.201"),
            "is taken by infra/dns",
        ),
    ] {
        let (_, fault) = fault::complaint(form, &answers, &rack).unwrap();
        assert!(fault.contains(part), "{fault}");
    }
}

#[test]
fn an_answer_for_a_service_that_was_made_anew_does_nothing() {
    let rack = bench().rack();
    let form = FormId::ServiceAddress {
        service: service_name("web/shop"),
        uid: Uid("another".into()),
    };
    let mut cx = Cx {
        rack: &rack,
        area: Rect::default(),
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    wish::filled_in(&form, &Answers::default(), &mut cx);
    assert!(matches!(&cx.msgs[..], [Msg::Notice(_)]));
}
