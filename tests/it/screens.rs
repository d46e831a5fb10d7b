//! Whole screens as text: every pane, at the sizes the design names, in health and in an outage.

use bramble::app::view::view;
use bramble::app::{Model, update};
use bramble::effect::RequestId;
use bramble::msg::{Generation, Msg};
use bramble::theme::roles::Theme;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use crate::fixtures::{at, contexts, merge_previewed, model, office, office_in_an_outage, tell};
use bramble::rack::drain::{News, Occupant, Plan, PodId, PodNews};
use bramble::rack::facts::Fact;
use bramble::rack::hot_swap::{HotSwap, SeenNode, Step};
use bramble::rack::link::LinkState;
use bramble::rack::node::{NodeName, Uid};
use bramble::rack::problem::{Problem, Severity, Subject};
use bramble::rack::ssh::{self, ChangedKey, HostKey, KnownAt};

const SMALL: Size = Size::new(60, 20);
const USUAL: Size = Size::new(80, 24);
const LARGE: Size = Size::new(160, 48);

pub(crate) fn draw(model: &Model) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, model.size.width, model.size.height));
    view(model, buf.area, &mut buf);
    buf
}

/// The screen as lines of text, without the blanks at their ends.
pub(crate) fn text(model: &Model) -> String {
    let buf = draw(model);
    let row = |y: u16| {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buf.area.width {
            let symbol = buf[(x, y)].symbol();
            if skip == 0 {
                line.push_str(symbol);
            }
            skip = unicode_width::UnicodeWidthStr::width(symbol)
                .max(skip)
                .saturating_sub(1);
        }
        line.trim_end().to_owned()
    };
    (0..buf.area.height).map(row).collect::<Vec<_>>().join("\n")
}

/// Presses keys one after the other: letters, or names as in a keymap.
pub(crate) fn press(model: &mut Model, keys: &str) {
    for key in keys.split(' ') {
        let code = match key {
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "tab" => KeyCode::Tab,
            "down" => KeyCode::Down,
            "space" => KeyCode::Char(' '),
            letter => KeyCode::Char(letter.chars().next().unwrap()),
        };
        update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

/// The office rack at the usual size, after some keys.
fn after(keys: &str) -> String {
    let mut model = office(USUAL, "terminal");
    press(&mut model, keys);
    text(&model)
}

#[test]
fn the_rack_at_three_sizes() {
    assert_snapshot!("rack-80x24", text(&office(USUAL, "terminal")));
    assert_snapshot!("rack-60x20", text(&office(SMALL, "terminal")));
    assert_snapshot!("rack-160x48", text(&office(LARGE, "terminal")));
}

#[test]
fn the_rack_in_an_outage_keeps_its_rows_and_says_what_is_wrong() {
    assert_snapshot!(
        "outage-80x24",
        text(&office_in_an_outage(USUAL, "terminal"))
    );
    assert_snapshot!(
        "outage-60x20",
        text(&office_in_an_outage(SMALL, "terminal"))
    );
}

#[test]
fn everything_that_can_stand_on_the_screen() {
    for (name, keys) in [
        ("picture", "p"),
        ("detail-of-a-lost-node", "G enter"),
        ("detail-of-a-healthy-node", "j enter"),
        ("detail-scrolled", "j enter G"),
        ("problems", "8"),
        ("help", "?"),
        ("menu", "j m"),
        ("question", "j c"),
        ("filter", "/ r p i - 0"),
        ("broken-filter", "/ / ["),
        ("command", ": n o d"),
        ("only-faults", "!"),
        ("wide", "w"),
        ("marked", "space space c"),
    ] {
        assert_snapshot!(name, after(keys));
    }
}

#[test]
fn the_contexts_at_three_sizes() {
    assert_snapshot!("contexts-80x24", text(&contexts(USUAL, "terminal")));
    assert_snapshot!("contexts-60x20", text(&contexts(SMALL, "terminal")));
    assert_snapshot!("contexts-160x48", text(&contexts(LARGE, "terminal")));
}

#[test]
fn what_can_be_seen_of_contexts() {
    for (name, keys) in [
        ("contexts-fault", "G"),
        ("contexts-unusable", "g"),
        ("contexts-faults", "!"),
        ("contexts-by-health", "> > >"),
        ("contexts-filter", "/ k 3 s"),
    ] {
        let mut model = contexts(USUAL, "terminal");
        press(&mut model, keys);
        assert_snapshot!(name, text(&model));
    }
    let mut wide = contexts(LARGE, "terminal");
    press(&mut wide, "w");
    assert_snapshot!("contexts-wide", text(&wide));
}

#[test]
fn without_a_gitlab_the_pipelines_say_how_to_name_one() {
    assert_snapshot!("pipelines-none", after("5"));
}

/// The Kubeconfig pane after a merge of the k3s.yaml of another rack was looked at.
fn merging(size: Size, name: &str) -> Model {
    let mut model = contexts(size, "terminal");
    press(&mut model, "a");
    press(&mut model, "k 3 s enter enter enter enter enter");
    update(&mut model, merge_previewed(name));
    model
}

#[test]
fn a_merge_from_the_form_to_the_question() {
    let mut model = contexts(USUAL, "terminal");
    press(&mut model, "a");
    assert_snapshot!("merge-form", text(&model));
    press(&mut model, "k 3 s enter enter enter enter enter");
    assert_snapshot!("merge-waiting", text(&model));
    for (place, size) in [("80x24", USUAL), ("60x20", SMALL), ("160x48", LARGE)] {
        let model = merging(size, "rack-9");
        assert_snapshot!(format!("merge-preview-{place}"), text(&model));
    }
    let mut model = merging(USUAL, "rack-9");
    press(&mut model, "G");
    assert_snapshot!("merge-preview-end", text(&model));
    press(&mut model, "enter");
    assert_snapshot!("merge-question", text(&model));
    let mut model = merging(SMALL, "home");
    assert_snapshot!("merge-conflict", text(&model));
    model.theme = model.theme.clone().in_ascii();
    let odd: String = text(&model).chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(odd, "");
}

#[test]
fn contexts_are_plain_in_ascii_and_colourless_in_mono() {
    let mut model = contexts(LARGE, "mono");
    let reset = ratatui::style::Color::Reset;
    let has_colour = |cell: &ratatui::buffer::Cell| cell.fg != reset || cell.bg != reset;
    assert!(!draw(&model).content.iter().any(has_colour));
    model.theme = model.theme.clone().in_ascii();
    let odd: String = text(&model).chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(odd, "");
}

#[test]
fn before_the_first_fact_the_screen_says_that_it_is_connecting() {
    assert_snapshot!("connecting", text(&model(USUAL, "terminal")));
}

#[test]
fn without_a_kubeconfig_the_screen_says_what_to_do() {
    let mut model = model(USUAL, "terminal");
    let problem = Problem::new(
        Severity::Critical,
        Subject::Kubeconfig,
        "there is no kubeconfig",
    )
    .why("neither $KUBECONFIG nor ~/.kube/config names a cluster")
    .next("bramble demo shows a rack without one");
    tell(&mut model, Fact::Link(LinkState::Nowhere(problem)));
    assert_snapshot!("no-kubeconfig", text(&model));
}

#[test]
fn a_screen_too_small_says_so() {
    assert_snapshot!(text(&office(Size::new(50, 10), "terminal")).trim(), @"bramble needs 60x20, this is 50x10");
}

#[test]
fn ascii_screens_have_nothing_else_on_them() {
    for keys in ["p", "G enter", "8", "?", "m", "c", ": n", "w"] {
        let mut model = office(LARGE, "terminal");
        model.theme = model.theme.clone().in_ascii();
        press(&mut model, keys);
        let odd: String = text(&model).chars().filter(|c| !c.is_ascii()).collect();
        assert_eq!(odd, "", "after {keys}");
    }
}

#[test]
fn every_theme_draws_the_rack_in_its_own_styles() {
    for name in Theme::shipped_names() {
        let mut buf = draw(&office(SMALL, name));
        // The styles alone: the text is the same in all themes, and is reviewed above.
        let area = buf.area;
        for cell in &mut buf.content {
            cell.set_symbol(" ");
        }
        buf.resize(area);
        assert_snapshot!(format!("styles-{name}"), format!("{buf:?}"));
    }
}

#[test]
fn no_colour_means_none_at_all() {
    let buf = draw(&office(USUAL, "mono"));
    let reset = ratatui::style::Color::Reset;
    assert!(
        buf.content
            .iter()
            .all(|cell| cell.fg == reset && cell.bg == reset)
    );
}

#[test]
fn hostile_names_reach_the_screen_only_in_a_visible_form() {
    let mut model = office(USUAL, "terminal");
    let mut node = crate::fixtures::node(9, "evil\u{1b}[31m\u{202e}\u{7}\t日本");
    node.info.kubelet_version = "v1\u{1b}]0;owned\u{7}".into();
    tell(
        &mut model,
        Fact::Nodes(bramble::rack::facts::Change::Applied(node)),
    );
    update(&mut model, Msg::Clock(at(122)));
    for keys in ["G enter", "esc 8", "1 p", "m"] {
        press(&mut model, keys);
        let bad: Vec<char> = text(&model)
            .chars()
            .filter(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c))
            .collect();
        assert_eq!(bad, Vec::<char>::new(), "after {keys}");
    }
}

/// The answer of a board over SSH, as its script gives it.
const ANSWER: &str = "board 1
clock\t1772366520
model\tRaspberry Pi 4 Model B Rev 1.4
serial-number\t10000000abcdef01
arch\taarch64
kernel\t6.12.34+rpt-rpi-v8
boot\te73ac3ee-7792-441c-8753-d792296be53b
uptime\t339447.47 267310.10
load\t2.79 2.53 2.21 4/133 7042
memory\tMemTotal:        3884904 kB\tMemFree:          210811 kB\tMemAvailable:    2235380 kB
disk\t/\t61156264\t52181356\t6430000\t/
root\t/dev/mmcblk0p2 / ext4 rw,noatime 0 0
temperature\t63783\tcpu-thermal
throttled\t50005
fan\t2100
pwm\t125
led\tACT\t0\t\t\tnone [mmc0] timer heartbeat default-on panic
led\tPWR\t255\t100\t100\tnone [timer] heartbeat
cgroup2\tcpuset cpu io memory pids
";

fn answered(model: &mut Model, node: &str, text: &str) {
    let reading = bramble::rack::board::parse(text).unwrap();
    let answer = Msg::BoardAnswered {
        generation: Generation::default(),
        node: NodeName::new(node),
        result: Ok(Box::new(reading)),
    };
    update(model, answer);
}

/// The office rack whose boards answer over SSH; the units are `k3s` on the server and `k3s-agent` else.
fn with_boards(size: Size, deep: &str) -> Model {
    let mut model = office(size, "terminal");
    for name in ["k3s-server", "rpi-01", "rpi-02"] {
        let (unit, state) = match name {
            "k3s-server" => (
                "k3s",
                "ActiveState=activating\nunit\tSubState=auto-restart\nunit\tNRestarts=7",
            ),
            _ => (
                "k3s-agent",
                "ActiveState=active\nunit\tSubState=running\nunit\tNRestarts=0",
            ),
        };
        let units = format!("unit\tId={unit}.service\nunit\tLoadState=loaded\nunit\t{state}\n");
        let deep = deep.replace("UNIT", unit);
        answered(&mut model, name, &format!("{ANSWER}{units}{deep}end\n"));
    }
    model
}

#[test]
fn a_board_over_ssh_is_a_section_of_its_page() {
    for (place, size) in [("80x24", USUAL), ("60x20", SMALL)] {
        let mut model = with_boards(size, "");
        update(&mut model, Msg::Clock(at(123)));
        assert_snapshot!(format!("boards-{place}"), text(&model));
        press(&mut model, "j enter");
        // The section stands in the middle of the page.
        for _ in 0..100 {
            if text(&model)
                .lines()
                .take(5)
                .any(|line| line.contains("Board over SSH"))
            {
                break;
            }
            press(&mut model, "j");
        }
        assert_snapshot!(format!("board-section-{place}"), text(&model));
    }
}

#[test]
fn in_an_outage_each_board_says_what_it_knows_over_ssh() {
    let deep = "deep\njournal\tUNIT\ttime=\"x\" level=fatal msg=\"starting kubernetes: database is locked\"\n";
    for (place, size) in [("80x24", USUAL), ("60x20", SMALL)] {
        let mut model = with_boards(size, deep);
        let problem = Problem::new(
            Severity::Critical,
            Subject::Link,
            "the API server does not answer",
        );
        tell(&mut model, Fact::Link(LinkState::Stale { problem }));
        update(&mut model, Msg::Clock(at(123)));
        assert_snapshot!(format!("outage-over-ssh-{place}"), text(&model));
    }
}

#[test]
fn a_hot_swap_says_what_to_do_and_its_tray_says_when() {
    for (place, size) in [("80x24", USUAL), ("60x20", SMALL)] {
        let mut model = with_boards(size, "");
        let node = model.rack.node(&NodeName::new("rpi-03")).unwrap();
        let seen = SeenNode {
            uid: node.uid.clone(),
            boot_id: node.info.boot_id.clone(),
            machine_id: node.info.machine_id.clone(),
            is_ready: false,
            is_cordoned: true,
        };
        let name = NodeName::new("rpi-03");
        let mut swap = HotSwap::begin(name, "office-rack".to_owned(), seen, at(100));
        swap.step = Step::SafeToPull;
        model.rack.swaps.insert(swap.uid.clone(), swap);
        update(&mut model, Msg::Clock(at(123)));
        press(&mut model, "G");
        assert_snapshot!(format!("swap-table-{place}"), text(&model));
        press(&mut model, "p");
        assert_snapshot!(format!("swap-tray-{place}"), text(&model));
        press(&mut model, "enter");
        assert_snapshot!(format!("swap-page-{place}"), text(&model));
    }
}

fn host_key(last: &str) -> HostKey {
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIB/3kOSfmc4dd2ZtEmu1MwC72EQjRhto+GWEGaIHu1";
    HostKey::from_base64(&format!("{key}{last}")).unwrap()
}

#[test]
fn what_a_connection_asks_is_readable_at_every_size() {
    let new = ssh::Question::NewHostKey {
        name: "rpi-04.lan".to_owned(),
        address: Some("192.168.7.14".to_owned()),
        through: vec!["bastion".to_owned()],
        key: host_key("3K"),
        others: Vec::new(),
        file: Some("/home/ada/.ssh/known_hosts".into()),
    };
    let changed = ssh::Question::ChangedHostKey {
        host: "rpi-03".to_owned(),
        address: Some("192.168.7.13".to_owned()),
        changed: Box::new(ChangedKey {
            name: "rpi-03.lan".to_owned(),
            old: vec![KnownAt {
                file: "/home/ada/.ssh/known_hosts".into(),
                line: 12,
                key: host_key("3K"),
            }],
            new: host_key("4K"),
            file: Some("/home/ada/.ssh/known_hosts".into()),
        }),
    };
    let sudo = ssh::Question::Sudo {
        user: "pi".to_owned(),
        host: "rpi-03".to_owned(),
        again: true,
    };
    let code = ssh::Question::Interactive {
        user: "pi".to_owned(),
        host: "rpi-03".to_owned(),
        title: "Two factors\u{1b}[2J".to_owned(),
        text: "Look at your phone.".to_owned(),
        prompts: ["Code: ", "PIN: "]
            .map(|text| ssh::Prompt {
                text: text.to_owned(),
                echo: text == "Code: ",
            })
            .to_vec(),
    };
    for (place, size) in [("80x24", USUAL), ("60x20", SMALL)] {
        let asked = [
            ("new-host-key", &new),
            ("changed-host-key", &changed),
            ("sudo", &sudo),
            ("interactive", &code),
        ];
        for (name, question) in asked {
            let mut model = office(size, "terminal");
            let (request, question) = (RequestId(1), question.clone());
            update(&mut model, Msg::SshAsks { request, question });
            update(&mut model, Msg::Clock(at(123)));
            if name == "sudo" {
                press(&mut model, "s e c r e t");
            }
            assert_snapshot!(format!("ssh-asks-{name}-{place}"), text(&model));
        }
    }
}

/// The office rack, with a plan or news of a drain of rpi-01.
fn draining(size: Size, news: Vec<News>) -> Model {
    let mut model = office(size, "terminal");
    let uid = model
        .rack
        .node(&NodeName::new("rpi-01"))
        .unwrap()
        .uid
        .clone();
    for news in news {
        let uid = uid.clone();
        update(&mut model, Msg::Drain { uid, news });
    }
    model
}

fn occupant(namespace: &str, name: &str, owner: Option<&str>) -> Occupant {
    Occupant {
        pod: PodId {
            namespace: namespace.into(),
            name: name.into(),
            uid: Uid(name.into()),
        },
        controller: owner.map(|kind| (kind.into(), name.into())),
        ..Occupant::default()
    }
}

#[test]
fn a_drain_says_what_goes_before_it_is_asked_and_then_how_far_it_is() {
    let mut debug = occupant("default", "debug\u{1b}[31m", None);
    debug.empty_dirs = vec!["tmp".into()];
    let mut database = occupant("web", "shop-db-0", Some("StatefulSet"));
    database.claims = vec!["data-shop-db-0".into()];
    let pods = vec![
        occupant("web", "shop-7d9", Some("ReplicaSet")),
        database,
        debug,
        occupant("kube-system", "svclb-traefik-x1", Some("DaemonSet")),
    ];
    let mut plan = Plan::of(pods, None);
    plan.pinned = Some(["web/data-shop-db-0".to_owned()].into());
    let mut model = draining(USUAL, Vec::new());
    let node = NodeName::new("rpi-01");
    let uid = model.rack.node(&node).unwrap().uid.clone();
    let planned = Msg::DrainPlanned {
        node,
        uid,
        is_swap: false,
        result: Ok(plan),
    };
    update(&mut model, planned);
    assert_snapshot!("drain-question", text(&model));

    let pod = |name: &str| occupant("web", name, None).pod;
    let mut model = draining(
        USUAL,
        vec![
            News::Begun {
                node: NodeName::new("rpi-01"),
                context: "office-rack".into(),
                is_swap: false,
            },
            News::Cordoned,
            News::Pods(vec![pod("shop-7d9"), pod("wiki-0"), pod("job-1")]),
            News::Pod(Uid("job-1".into()), PodNews::Gone),
            News::Pod(Uid("wiki-0".into()), PodNews::Leaving),
            News::Pod(
                Uid("shop-7d9".into()),
                PodNews::Held(
                    "The disruption budget shop needs 2 healthy pods and has 2 currently".into(),
                ),
            ),
        ],
    );
    update(&mut model, Msg::Clock(at(182)));
    assert_snapshot!("draining-table", text(&model));
    press(&mut model, "j enter");
    assert_snapshot!("draining-detail", text(&model));
}
