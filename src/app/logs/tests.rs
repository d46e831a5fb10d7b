//! The viewer through `update`: what is opened, what comes, what keys do.

use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use crate::action::PaneId;
use crate::app::view::view;
use crate::app::{Model, Settings, update};
use crate::effect::{Effect, TaskKey};
use crate::keymap::Keymap;
use crate::msg::Msg;
use crate::rack::board::Journal;
use crate::rack::log::feed::{FeedId, FeedNews, Opening, Origin};
use crate::rack::log::{LogLine, SourceId, SourceState, query};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::Now;
use crate::theme::roles::Theme;

/// The model at 80x24 with two sources open.
fn model() -> Model {
    let (theme, keymap) = (
        Theme::load("terminal", None).0,
        Keymap::load("default", None).0,
    );
    let settings = Settings {
        log_lines: 1_000,
        ..Settings::default()
    };
    let mut model = Model::new(Now::ZERO, Size::new(80, 24), theme, keymap, settings);
    update(&mut model, opening("deploy/web"));
    for (source, short) in [(0, "web-a"), (1, "web-b")] {
        let news = FeedNews::Source {
            source: SourceId(source),
            name: format!("office/{short} (app)"),
            short: short.to_owned(),
        };
        feed(&mut model, news);
        feed(
            &mut model,
            FeedNews::State(SourceId(source), SourceState::Reading),
        );
    }
    model
}

fn opening(title: &str) -> Msg {
    let logs = query::parse(title, "office", Timestamp::UNIX_EPOCH).unwrap();
    Msg::OpenLogs(Opening::pods(title, logs))
}

fn feed(model: &mut Model, news: FeedNews) -> Vec<Effect> {
    let feed = FeedId(1);
    update(model, Msg::Feed { feed, news })
}

fn write(model: &mut Model, texts: &[&str]) {
    let line = |(at, text): (usize, &&str)| LogLine {
        source: SourceId(u16::try_from(at % 2).unwrap()),
        time: Timestamp::from_second(i64::try_from(at).unwrap()).ok(),
        text: text.as_bytes().into(),
        cut: 0,
    };
    let lines = texts.iter().enumerate().map(line).collect();
    feed(model, FeedNews::Lines(lines));
}

fn numbered(model: &mut Model, count: usize) {
    let texts: Vec<String> = (0..count).map(|number| format!("line {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    write(model, &texts);
}

/// Presses keys, and whatever a key means by words: `enter`, `esc`, `up`.
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for word in keys.split(' ') {
        let codes: Vec<KeyCode> = match word {
            "enter" => vec![KeyCode::Enter],
            "esc" => vec![KeyCode::Esc],
            "space" => vec![KeyCode::Char(' ')],
            "right" => vec![KeyCode::Right],
            letters => letters.chars().map(KeyCode::Char).collect(),
        };
        for code in codes {
            effects.extend(update(model, Msg::Key(KeyEvent::from(code))));
        }
    }
    // What is left to be looked through.
    while effects.contains(&Effect::GoOnWithLogs) {
        effects.retain(|effect| *effect != Effect::GoOnWithLogs);
        effects.extend(update(model, Msg::GoOnWithLogs));
    }
    effects
}

fn screen(model: &Model) -> String {
    let area = Rect::new(0, 0, model.size.width, model.size.height);
    let mut buf = Buffer::empty(area);
    view(model, area, &mut buf);
    let row = |y| {
        (0..area.width)
            .map(|x| buf[(x, y)].symbol())
            .collect::<String>()
    };
    (0..area.height)
        .map(|y| row(y).trim_end().to_owned() + "\n")
        .collect()
}

fn has(model: &Model, text: &str) -> bool {
    screen(model).contains(text)
}

#[test]
fn opening_reads_and_closing_stops() {
    let mut model = model();
    assert_eq!(model.focus, PaneId::Logs);
    let effects = update(&mut model, opening("db"));
    assert!(
        effects.contains(&Effect::Stop(TaskKey::Feed(FeedId(1)))),
        "{effects:?}"
    );
    let [
        Effect::OpenFeed {
            feed,
            origin: Origin::Pods(logs),
        },
    ] = &effects[1..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(*feed, FeedId(2));
    assert!(logs.query.pods.is_some());
    let effects = press(&mut model, "X");
    assert_eq!(effects, [Effect::Stop(TaskKey::Feed(FeedId(2)))]);
    assert!(has(&model, "Nothing is read."), "{}", screen(&model));
}

#[test]
fn lines_of_what_was_closed_are_not_shown() {
    let mut model = model();
    update(&mut model, opening("db"));
    numbered(&mut model, 3);
    assert!(!has(&model, "line 1"), "{}", screen(&model));
}

#[test]
fn several_queries_stand_side_by_side() {
    let mut model = model();
    let effects = press(&mut model, ":logs+ space db enter");
    assert!(
        matches!(
            effects[..],
            [Effect::OpenFeed {
                feed: FeedId(2),
                ..
            }]
        ),
        "{effects:?}"
    );
    assert!(has(&model, "Logs deploy/web, db"), "{}", screen(&model));
}

#[test]
fn the_journal_of_a_board_stands_beside_pods() {
    let mut model = model();
    let effects = press(&mut model, ":logs+ space board/rpi-01 enter");
    let [
        Effect::OpenFeed {
            origin: Origin::Journal(logs),
            ..
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(logs.to.to_string(), "rpi-01");
    assert!(
        has(&model, "Logs deploy/web, k3s-agent on rpi-01"),
        "{}",
        screen(&model)
    );
}

#[test]
fn any_unit_of_a_board_can_be_read() {
    let mut model = model();
    let effects = press(&mut model, ":logs space board/rpi-01/ssh.service enter");
    let is_asked = |effect: &Effect| match effect {
        Effect::OpenFeed {
            origin: Origin::Journal(logs),
            ..
        } => logs.journal == Journal::Unit("ssh.service".to_owned()),
        _ => false,
    };
    assert!(effects.iter().any(is_asked), "{effects:?}");
}

#[test]
fn the_newest_lines_are_followed_until_one_goes_up() {
    let mut model = model();
    numbered(&mut model, 100);
    assert!(
        has(&model, "line 99") && has(&model, "following"),
        "{}",
        screen(&model)
    );
    press(&mut model, "k");
    let before = screen(&model);
    assert!(before.contains("paused"), "{before}");
    write(&mut model, &["later one", "later two"]);
    assert!(has(&model, "paused, 2 lines new"), "{}", screen(&model));
    let lines = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|it| it.contains("line "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(&before), lines(&screen(&model)), "nothing moves");
    press(&mut model, "G");
    assert!(has(&model, "later two") && has(&model, "following"));
    press(&mut model, "g");
    assert!(has(&model, "line 0") && !has(&model, "line 99"));
    press(&mut model, "F");
    assert!(has(&model, "later two"));
}

#[test]
fn what_had_to_go_is_counted_on_the_screen() {
    let mut model = model();
    numbered(&mut model, 1_500);
    assert!(
        has(&model, "1,000 lines  500 dropped"),
        "{}",
        screen(&model)
    );
    feed(&mut model, FeedNews::Lost(SourceId(0), 7));
    assert!(has(&model, "7 lost on the way"));
    press(&mut model, "g");
    assert!(
        has(&model, "line 500"),
        "the cursor is on the first that is left"
    );
}

#[test]
fn a_search_goes_through_every_line_and_round_the_end() {
    let mut model = model();
    numbered(&mut model, 900);
    press(&mut model, "/line space 77 enter");
    assert!(
        has(&model, "line 779"),
        "the nearest above the end\n{}",
        screen(&model)
    );
    press(&mut model, "NNNNNNNNNN");
    assert!(
        has(&model, "line 77 ") || has(&model, "line 77\n"),
        "{}",
        screen(&model)
    );
    press(&mut model, "N");
    assert!(has(&model, "gone round"), "{}", screen(&model));
    press(&mut model, "/nowhere enter");
    assert!(
        has(&model, "is in no line that is shown"),
        "{}",
        screen(&model)
    );
}

#[test]
fn filters_narrow_one_after_the_other_and_esc_takes_them_back() {
    let mut model = model();
    write(&mut model, &["alpha one", "beta one", "alpha two", "gamma"]);
    press(&mut model, "&alpha enter");
    assert!(has(&model, "2 of 4 lines  & alpha") && !has(&model, "gamma"));
    press(&mut model, "&!two enter");
    assert!(has(&model, "1 of 4 lines"), "{}", screen(&model));
    press(&mut model, "C");
    assert!(has(&model, "beta one"), "context\n{}", screen(&model));
    press(&mut model, "esc esc");
    assert!(has(&model, "gamma"), "{}", screen(&model));
    press(&mut model, "&/(/ enter");
    assert!(has(&model, "no filter"), "{}", screen(&model));
    press(&mut model, "&nothing enter");
    assert!(
        has(&model, "None of 4 lines is let through"),
        "{}",
        screen(&model)
    );
}

#[test]
fn sources_are_switched_off_and_on_and_say_how_they_are() {
    let mut model = model();
    write(&mut model, &["from a", "from b"]);
    let problem = Problem::new(Severity::Warning, Subject::Link, "the log cannot be read")
        .why("the kubelet of rpi-03 does not answer");
    let state = SourceState::Failing(Box::new(problem));
    feed(&mut model, FeedNews::State(SourceId(1), state));
    assert!(has(&model, "1 not read: s says why"), "{}", screen(&model));
    press(&mut model, "s j");
    assert!(
        has(&model, "of rpi-03 does not answer"),
        "{}",
        screen(&model)
    );
    press(&mut model, "g space");
    assert!(
        !has(&model, "from a") && has(&model, "from b"),
        "{}",
        screen(&model)
    );
    press(&mut model, "g space enter esc");
    assert!(
        !has(&model, "from a") && has(&model, "from b"),
        "only this one\n{}",
        screen(&model)
    );
}

#[test]
fn lines_are_readable_or_as_they_came_and_open_whole() {
    let mut model = model();
    write(
        &mut model,
        &[r#"{"level":"warn","msg":"slow disk","ms":40}"#],
    );
    assert!(has(&model, "WARN  slow disk  ms=40"), "{}", screen(&model));
    press(&mut model, "J");
    assert!(has(&model, r#"{"level":"warn""#));
    press(&mut model, "enter");
    assert!(
        has(&model, "office/web-a (app)") && has(&model, r#""ms": 40"#),
        "{}",
        screen(&model)
    );
}

#[test]
fn marks_are_gone_to_and_copied_together() {
    let mut model = model();
    numbered(&mut model, 50);
    press(&mut model, "g space jjj space G \"");
    assert!(!has(&model, "following"));
    let effects = press(&mut model, "Y");
    assert_eq!(effects, [Effect::Copy("line 0\nline 4".to_owned())]);
    press(&mut model, "j j '");
    assert!(has(&model, "no mark that way"), "{}", screen(&model));
}

#[test]
fn a_time_is_gone_to() {
    let mut model = model();
    numbered(&mut model, 300);
    press(&mut model, "@00:02:00 enter");
    let shown = screen(&model);
    let first = shown.lines().find(|it| it.contains("line ")).unwrap();
    assert!(first.contains("line 120"), "{shown}");
    press(&mut model, "@soon enter");
    assert!(has(&model, "is no time"), "{}", screen(&model));
}

#[test]
fn lines_are_saved_and_paged_with_time_and_source() {
    let mut model = model();
    write(&mut model, &["one", "two"]);
    let effects = press(&mut model, "|");
    let expected = "1970-01-01T00:00:00Z web-a one\n1970-01-01T00:00:01Z web-b two\n";
    assert_eq!(effects, [Effect::Page(expected.as_bytes().to_vec())]);
    press(&mut model, "S");
    assert!(has(&model, "Save logs"), "{}", screen(&model));
    let effects = press(&mut model, "enter enter enter");
    let [
        Effect::SaveLogs {
            file,
            lines,
            with_colours: false,
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert!(file.starts_with("bramble-logs-1970"), "{file}");
    assert_eq!(lines, expected.as_bytes());
}

#[test]
fn what_was_before_a_restart_is_read_in_its_place_and_back() {
    let mut model = model();
    let effects = press(&mut model, "p");
    let [
        _,
        Effect::OpenFeed {
            origin: Origin::Pods(logs),
            ..
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert!(logs.query.previous && !logs.query.follow);
    assert!(has(&model, "before the restart"), "{}", screen(&model));
    press(&mut model, "p");
    assert!(!has(&model, "before the restart"), "{}", screen(&model));
}

#[test]
fn long_lines_wrap_or_are_moved_to_the_side() {
    let mut model = model();
    let long = format!("{} end", "x".repeat(200));
    write(&mut model, &[&long]);
    assert!(!has(&model, "end"), "{}", screen(&model));
    press(&mut model, "w");
    assert!(has(&model, "end"), "{}", screen(&model));
    press(
        &mut model,
        "w right right right right right right right right right right",
    );
    assert!(has(&model, "end"), "{}", screen(&model));
}

#[test]
fn hostile_lines_are_drawn_as_text() {
    let mut model = model();
    write(&mut model, &["\x1b]0;title\x07\x1b[2J\u{202e}x\u{9b}31m"]);
    for keys in ["w", "J", "t", "s"] {
        press(&mut model, keys);
        let shown = screen(&model);
        assert!(
            !shown.chars().any(|c| c.is_control() && c != '\n'),
            "{shown:?}"
        );
        assert!(!shown.contains('\u{202e}'), "{shown:?}");
    }
}

#[test]
fn leaving_goes_back_to_where_the_logs_were_opened() {
    let mut model = model();
    press(&mut model, "q");
    assert_eq!(model.focus, PaneId::Rack);
    assert!(!model.rack.logbook.is_closed(), "what is read goes on");
}

#[test]
fn another_context_ends_the_logs_of_this_one() {
    let mut model = model();
    let effects = update(&mut model, Msg::TurnTo("home".to_owned()));
    assert!(
        effects.contains(&Effect::Stop(TaskKey::Feed(FeedId(1)))),
        "{effects:?}"
    );
    assert!(model.rack.logbook.is_closed());
}
