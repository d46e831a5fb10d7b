//! The Onboard pane as text: boards in every stage, at the sizes the design names.

use std::time::Duration;

use bramble::app::{Model, update};
use bramble::msg::Msg;
use bramble::rack::onboard::facts::parse;
use bramble::rack::onboard::findings::{Cluster, Fix};
use bramble::rack::onboard::journal::Journal;
use bramble::rack::onboard::machine::{Event, Failure, Survey};
use bramble::rack::onboard::plan::Plan;
use bramble::rack::onboard::version::Version;
use bramble::rack::onboard::wish::{Role, ServerUrl, Wish};
use bramble::rack::problem::{Problem, Severity, Subject};
use insta::assert_snapshot;
use ratatui::layout::Size;

use crate::fixtures::office;
use crate::screens::{press, text};

const SMALL: Size = Size::new(60, 20);
const USUAL: Size = Size::new(80, 24);
const LARGE: Size = Size::new(160, 48);

/// A Raspberry Pi with a fresh card.
const FACTS: &str = "onboard 1\nclock\t1764000000\nmodel\tRaspberry Pi 4 Model B Rev 1.4\narch\taarch64\nbits\t64\n\
    kernel\t6.12.34+rpt-rpi-v8\nhostname\tHOST\nboot\tb\nmachine\tm-HOST\nmemory\t3884904\n\
    cmdline\tcgroup_disable=memory root=PARTUUID=4f5f0c2e-02 rootwait\ncgroup2\tcpuset cpu io pids\n\
    boot-file\t/boot/firmware/cmdline.txt\tabc\nboot-line\t/boot/firmware/cmdline.txt\troot=PARTUUID=4f5f0c2e-02 rootwait\n\
    boot-mount\t/boot/firmware/cmdline.txt\t/boot/firmware\tvfat\trw\ndisk\t30000000\nroot\trw\nntp\tyes\n\
    route\tdefault via 10.10.10.1 dev eth0\naddress\t10.10.10.14\ntool\tcurl\ninit\tsystemd\nping\t200\tpong\nend\n";

fn wish(host: &str) -> Wish {
    Wish {
        host: host.to_owned(),
        role: Role::Agent,
        name: None,
        node_ip: None,
        labels: vec!["tray=4".to_owned()],
        taints: Vec::new(),
        tls_san: Vec::new(),
        server: Some("k3s-server".to_owned()),
        url: ServerUrl::parse("10.10.10.10").ok(),
        version: Version::parse("v1.33.4+k3s1").unwrap(),
        has_images: false,
        may_clean: false,
        may_replace: false,
        may_ignore_warnings: false,
        leaves: false,
    }
}

fn tell(model: &mut Model, host: &str, event: Event) {
    let (host, event) = (host.to_owned(), Box::new(event));
    update(model, Msg::Onboard { host, event });
}

fn survey(model: &mut Model, host: &str, change: impl Fn(String) -> String) {
    let facts = parse(&change(FACTS.replace("HOST", host))).unwrap();
    let survey = Survey {
        facts,
        cluster: Some(Cluster {
            version: Version::parse("v1.33.4+k3s1"),
            ..Cluster::default()
        }),
        now: 1_764_000_000,
    };
    tell(model, host, Event::Surveyed(Box::new(survey)));
}

fn done(model: &mut Model, host: &str, steps: usize) {
    for _ in 0..steps {
        let event = Event::Done {
            changed: true,
            note: String::new(),
        };
        tell(model, host, event);
    }
}

/// Boards in every stage.
fn boards(size: Size) -> Model {
    let mut model = office(size, "terminal");
    let mut cut_off = Journal::new(wish("rpi-10"));
    cut_off.plan = Some(Plan {
        node: "rpi-10".to_owned(),
        steps: Vec::new(),
    });
    update(&mut model, Msg::OnboardFound(vec![cut_off], Vec::new()));
    let hosts = ["rpi-04", "rpi-05", "rpi-06", "rpi-07", "rpi-08", "rpi-09"];
    let wishes = hosts.map(wish).to_vec();
    update(&mut model, Msg::OnboardWished(Ok(wishes)));
    for host in ["rpi-04", "rpi-05", "rpi-06", "rpi-07"] {
        survey(&mut model, host, |facts| facts);
    }
    survey(&mut model, "rpi-08", |facts| {
        facts.replace("route\tdefault via 10.10.10.1 dev eth0\n", "")
    });
    for host in ["rpi-04", "rpi-05", "rpi-06"] {
        tell(&mut model, host, Event::Accepted);
    }
    done(&mut model, "rpi-04", 7);
    done(&mut model, "rpi-05", 5);
    let note = "waiting for the unit to be active".to_owned();
    tell(&mut model, "rpi-05", Event::Note(note));
    let host = "rpi-05".to_owned();
    let lines = vec!["level=info msg=\"Starting k3s-agent v1.33.4+k3s1\"".to_owned()];
    update(&mut model, Msg::OnboardLines { host, lines });
    done(&mut model, "rpi-06", 6);
    let about = Subject::Board("rpi-06".to_owned());
    let what = "its node password is rejected: the name is taken by an earlier board";
    let problem = Problem::new(Severity::Critical, about, what)
        .why("a node \"rpi-06\" was here before (91 days)")
        .evidence("unit activating (start), 0 restarts")
        .next("remove the old node and its password, or give the board another name");
    let failure = Failure {
        problem,
        is_transient: false,
        fix: Some(Fix::Replace),
    };
    tell(&mut model, "rpi-06", Event::Failed(failure));
    let mut later = model.rack.now;
    later.mono += Duration::from_secs(101);
    update(&mut model, Msg::Clock(later));
    model
}

fn after(size: Size, keys: &str) -> String {
    let mut model = boards(size);
    press(&mut model, keys);
    text(&model)
}

#[test]
fn boards_in_every_stage_at_three_sizes() {
    assert_snapshot!("onboard-80x24", after(USUAL, "g"));
    assert_snapshot!("onboard-60x20", after(SMALL, "g"));
    assert_snapshot!("onboard-160x48", after(LARGE, "g"));
}

#[test]
fn what_is_said_of_the_board_under_the_cursor() {
    for (name, keys) in [
        ("onboard-failed", "g j j j"),
        ("onboard-blocked", "g j j j j j"),
        ("onboard-running", "g j j"),
        ("onboard-planned", "g j j j j"),
        ("onboard-page", "g j j j j enter"),
        ("onboard-question", "g j j j j o"),
        ("onboard-fix", "g j j j f"),
        ("onboard-form", "a"),
        ("onboard-menu", "g j m"),
    ] {
        assert_snapshot!(name, after(USUAL, keys));
    }
    assert_snapshot!("onboard-question-60x20", after(SMALL, "g j j j j o"));
}

#[test]
fn no_boards_yet() {
    let mut model = office(USUAL, "terminal");
    press(&mut model, "4");
    assert_snapshot!("onboard-none", text(&model));
}
