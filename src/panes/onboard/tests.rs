//! What keys do in the pane, and what it shows, without a terminal and without boards.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::*;
use crate::rack::onboard::findings::Fix;
use crate::rack::onboard::machine::{Failure, Order};
use crate::rack::onboard::tests::{survey_with, wish_of};
use crate::rack::onboard::wish::Role;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::Now;

const AREA: Rect = Rect::new(0, 0, 80, 20);

fn rack() -> Rack {
    let now = Now {
        mono: Duration::from_secs(100),
        wall: Timestamp::UNIX_EPOCH,
    };
    let mut rack = Rack::new(now);
    for host in ["rpi-04", "rpi-05", "rpi-06"] {
        rack.onboarding.add(wish_of(host, Role::Agent));
        tell(&mut rack, host, Event::Begin);
    }
    tell(&mut rack, "rpi-04", survey_with(&["cgroup2\tcpu cpuset"]));
    tell(&mut rack, "rpi-05", survey_with(&["route"]));
    rack
}

fn tell(rack: &mut Rack, host: &str, event: Event) -> Vec<Order> {
    let run = rack.onboarding.get_mut(host).unwrap();
    run.board.handle(event, Duration::from_secs(10))
}

fn press(pane: &mut OnboardPane, rack: &Rack, action: Action) -> (Vec<Msg>, Vec<Effect>) {
    let mut cx = Cx {
        rack,
        area: AREA,
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    pane.on_action(action, &mut cx);
    (cx.msgs, cx.effects)
}

#[test]
fn a_plan_is_done_only_after_a_question_that_says_all_of_it() {
    let (mut pane, rack) = (OnboardPane::default(), rack());
    let (msgs, effects) = press(&mut pane, &rack, Action::OnboardAccept);
    assert_eq!(effects, []);
    let [Msg::Ask(question)] = &msgs[..] else {
        panic!("{msgs:?}");
    };
    assert!(question.title.contains("rpi-04"));
    let lines = question.lines.join("\n");
    assert!(
        lines.contains("cgroup_enable=memory") && lines.contains("reboot"),
        "{lines}"
    );
    assert_eq!(question.then, [decided("rpi-04", Event::Accepted)]);
    assert!(
        question.then.iter().all(Effect::is_write),
        "read-only mode stops it"
    );
    // The board under the cursor has no plan.
    press(&mut pane, &rack, Action::RowDown);
    let (msgs, effects) = press(&mut pane, &rack, Action::OnboardAccept);
    assert!(
        matches!(&msgs[..], [Msg::Notice(_)]) && effects.is_empty(),
        "{msgs:?}"
    );
}

#[test]
fn a_fix_is_asked_about_and_another_try_is_not() {
    let (mut pane, mut rack) = (OnboardPane::default(), rack());
    let failure = Failure {
        problem: Problem::new(Severity::Critical, Subject::Program, "the name is taken"),
        is_transient: false,
        fix: Some(Fix::Replace),
    };
    tell(&mut rack, "rpi-06", Event::Failed(failure));
    press(&mut pane, &rack, Action::GoBottom);
    let (msgs, _) = press(&mut pane, &rack, Action::OnboardFix);
    let [Msg::Ask(question)] = &msgs[..] else {
        panic!("{msgs:?}");
    };
    assert_eq!(
        question.then,
        [decided("rpi-06", Event::Retry(Some(Fix::Replace)))]
    );
    let (_, effects) = press(&mut pane, &rack, Action::OnboardRetry);
    assert_eq!(effects, [decided("rpi-06", Event::Retry(None))]);
    let (msgs, _) = press(&mut pane, &rack, Action::OnboardForget);
    assert_eq!(msgs, [Msg::OnboardForget("rpi-06".to_owned())]);
}

fn shown(pane: &OnboardPane, rack: &Rack, area: Rect) -> String {
    let mut buf = Buffer::empty(area);
    let theme = crate::ui::testing::theme();
    pane.view(rack, &theme, area, &mut buf);
    let rows = (0..area.height).map(|y| {
        let row: String = (0..area.width).map(|x| buf[(x, y)].symbol()).collect();
        row.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn boards_stand_in_a_row_each_with_what_is_said_of_the_one_under_the_cursor() {
    let (mut pane, mut rack) = (OnboardPane::default(), rack());
    tell(&mut rack, "rpi-04", Event::Accepted);
    press(&mut pane, &rack, Action::RowDown);
    for area in [AREA, Rect::new(0, 0, 60, 16)] {
        let text = shown(&pane, &rack, area);
        assert!(text.contains("rpi-05 cannot begin"), "{text}");
        assert!(text.contains("what  rpi-05 has no default route"), "{text}");
    }
    press(&mut pane, &rack, Action::RowOpen);
    let text = shown(&pane, &rack, AREA);
    assert!(
        text.contains("has no default route") && pane.is_detail(),
        "{text}"
    );
    assert!(pane.close() && !pane.close());
    let empty = Rack::new(rack.now);
    assert!(shown(&pane, &empty, AREA).contains("No boards are on their way"));
    for (width, height) in [(0, 0), (1, 1), (12, 4)] {
        shown(&pane, &rack, Rect::new(0, 0, width, height));
    }
}

#[test]
fn what_is_filled_in_is_checked_as_it_is_typed() {
    use crate::form::Answer;
    let answers = |pairs: &[(&'static str, &str)]| -> Answers {
        let texts = pairs.iter();
        texts
            .map(|(key, text)| (*key, Answer::Text((*text).to_owned())))
            .collect()
    };
    for (pairs, key) in [
        (&[("server", "a")][..], "hosts"),
        (&[("hosts", "a")], "server"),
        (&[("hosts", "a b"), ("server", "s"), ("name", "n")], "name"),
        (
            &[("hosts", "a"), ("server", "s"), ("name", "rpi_4")],
            "name",
        ),
        (
            &[("hosts", "a"), ("server", "s"), ("url", "http://x")],
            "url",
        ),
        (
            &[("hosts", "a"), ("server", "s"), ("labels", "x")],
            "labels",
        ),
    ] {
        assert_eq!(
            complaint(&FormId::Onboard, &answers(pairs)).map(|it| it.0),
            Some(key),
            "{pairs:?}"
        );
    }
    let good = answers(&[("hosts", "pi@a, b"), ("server", "b"), ("labels", "x=y z=w")]);
    assert_eq!(complaint(&FormId::Onboard, &good), None);
    let asked = form::asked(&good, &Rack::new(Now::ZERO));
    assert_eq!(
        (asked.hosts, asked.labels.len()),
        (vec!["pi@a".to_owned(), "b".to_owned()], 2)
    );
}
