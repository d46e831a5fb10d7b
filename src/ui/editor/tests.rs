//! The editor as a person meets it: keys in, text and screen out.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::Modifier;

use super::*;
use crate::keymap::key::Key;
use crate::ui::testing::{at_every_size, drawn, lines, theme};

/// Presses keys by their names in keymaps; `text:abc` types.
fn press(editor: &mut Editor, keys: &str) {
    for name in keys.split(' ') {
        if let Some(text) = name.strip_prefix("text:") {
            for c in text.chars() {
                editor.on_key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
            }
        } else {
            editor.on_key(Key::parse(name).unwrap().to_event());
        }
    }
}

fn typed(keys: &str) -> String {
    let mut editor = Editor::default();
    press(&mut editor, keys);
    editor.text()
}

fn candidate(text: &str) -> Candidate {
    Candidate {
        text: text.to_owned(),
        note: "a word".to_owned(),
    }
}

fn mark(line: usize, columns: Range<usize>, weight: MarkWeight, text: &str) -> Mark {
    Mark {
        line,
        columns,
        weight,
        text: text.to_owned(),
    }
}

#[test]
fn a_pool_is_typed_without_touching_the_space_bar() {
    let text = typed(
        "text:spec: enter text:addresses: enter text:- space text:10.0.0.1/32 enter text:10.0.0.2/32 enter enter backspace backspace text:x",
    );
    assert_eq!(
        text,
        "spec:\n  addresses:\n    - 10.0.0.1/32\n    - 10.0.0.2/32\nx"
    );
}

#[test]
fn tab_and_backspace_go_by_steps_among_the_blanks_only() {
    assert_eq!(typed("tab text:a tab text:b"), "  a b");
    assert_eq!(typed("tab tab backspace text:a"), "  a");
    assert_eq!(typed("tab text:ab backspace"), "  a");
    assert_eq!(typed("tab tab text:a backtab"), "  a");
    assert!(!typed("tab tab tab").contains('\t'));
}

#[test]
fn what_was_done_can_be_undone_and_done_again() {
    let mut editor = Editor::new("a: 1\nb: 2");
    press(&mut editor, "text:x enter");
    assert_eq!(editor.text(), "x\na: 1\nb: 2");
    press(&mut editor, "ctrl-u ctrl-u");
    assert_eq!(editor.text(), "a: 1\nb: 2");
    assert!(!editor.undo(), "nothing is left to undo");
    press(&mut editor, "ctrl-r ctrl-r");
    assert_eq!(editor.text(), "x\na: 1\nb: 2");
    editor.replace("new\ntext");
    editor.undo();
    editor.undo();
    assert_eq!(
        editor.text(),
        "x\na: 1\nb: 2",
        "a replacement is undone too"
    );
}

#[test]
fn keys_that_leave_or_belong_to_the_program_are_not_taken() {
    let mut editor = Editor::new("text");
    for name in ["esc", "ctrl-c", "ctrl-z", "ctrl-l", "f1", "alt-x"] {
        let answer = editor.on_key(Key::parse(name).unwrap().to_event());
        assert_eq!(answer, Answer::Ignored, "{name}");
    }
    assert_eq!((editor.text().as_str(), editor.revision()), ("text", 0));
}

#[test]
fn pasted_text_keeps_its_lines_and_loses_its_teeth() {
    let mut editor = Editor::default();
    editor.on_paste("a:\r\n\tb: 1\rc: \u{1b}[2J\n");
    assert_eq!(editor.text(), "a:\n  b: 1\nc: ␛[2J\n");
    assert_eq!(Editor::new("a\r\nb\rc").text(), "a\nb\nc");
}

#[test]
fn an_offer_is_taken_with_tab_and_does_not_hold_esc() {
    let mut editor = Editor::new("spec:\n  addr");
    editor.go_to(1, 6);
    assert!(editor.wants_candidates());
    assert_eq!(editor.word(), "addr");
    editor.offer(vec![candidate("autoAssign"), candidate("addresses: ")]);
    let esc = Key::parse("esc").unwrap().to_event();
    assert_eq!(editor.on_key(esc), Answer::Ignored, "esc leaves the text");
    press(&mut editor, "tab");
    assert_eq!(editor.text(), "spec:\n  addresses: ");
    assert!(!editor.is_offering());

    // Asked for, it shows everything, is walked through, and esc closes it first.
    press(&mut editor, "ctrl-space");
    assert!(editor.wants_candidates());
    editor.offer(vec![candidate("lan"), candidate("iot")]);
    press(&mut editor, "ctrl-n ctrl-n ctrl-p");
    assert_eq!(editor.on_key(esc), Answer::Moved);
    assert!(!editor.is_offering());
    assert_eq!(editor.text(), "spec:\n  addresses: ", "nothing was taken");

    editor.offer(Vec::new());
    assert!(!editor.is_offering(), "no candidate, no offer");
}

#[test]
fn a_search_goes_round_and_marks_what_it_found() {
    let mut editor = Editor::new("a: lan\nb: LAN\nc: x");
    assert!(editor.search_for("lan"));
    assert_eq!(editor.cursor(), (0, 3));
    assert!(editor.search_next(true));
    assert_eq!(editor.cursor(), (1, 3));
    assert!(editor.search_next(true));
    assert_eq!(editor.cursor(), (0, 3), "round");
    assert!(editor.search_next(false));
    assert_eq!(editor.cursor(), (1, 3));
    assert!(!editor.search_for("a.b("), "a text, not a pattern");
}

#[test]
fn what_is_wrong_stands_under_the_line_of_the_cursor() {
    let mut editor = Editor::new("address-pools:\n- name: lan\n  protocol: layer2\n# end");
    editor.set_marks(vec![
        mark(2, 12..18, MarkWeight::Warning, "a warning"),
        mark(1, 8..11, MarkWeight::Error, "pool \"lan\" has no addresses"),
    ]);
    editor.go_to(1, 11);
    let mut cursor = None;
    let shown = drawn(28, 6, |area, buf| {
        cursor = editor.draw(area, buf, &theme(), true);
        assert!(
            buf[(14, 1)].modifier.contains(Modifier::UNDERLINED),
            "the place is underlined"
        );
    });
    assert_eq!(
        shown,
        [
            "    1 address-pools:",
            "✗   2 - name: lan",
            "      └ pool \"lan\" has no",
            "        addresses",
            "!   3   protocol: layer2",
            "    4 # end",
        ]
    );
    assert_eq!(cursor, Some(Position::new(17, 1)));
    assert!(editor.next_mark(true));
    assert_eq!(editor.cursor(), (2, 12));
    assert!(editor.next_mark(true));
    assert_eq!(editor.cursor(), (1, 8), "round");
}

#[test]
fn the_window_follows_the_cursor_down_and_to_the_right() {
    let text: Vec<String> = (1..=40)
        .map(|n| format!("line {n} {}", "x".repeat(40)))
        .collect();
    let mut editor = Editor::new(&text.join("\n"));
    let area = Rect::new(0, 0, 24, 5);
    press(&mut editor, "ctrl-end");
    editor.follow(area);
    let mut buf = Buffer::empty(area);
    let cursor = editor.draw(area, &mut buf, &theme(), true).unwrap();
    assert_eq!(cursor.y, 4);
    assert!(cursor.x < 24, "{cursor:?}");
    assert!(lines(&buf)[4].starts_with("   40 x"), "{:?}", lines(&buf));
    press(&mut editor, "pgup home home");
    editor.follow(area);
    let mut buf = Buffer::empty(area);
    editor.draw(area, &mut buf, &theme(), true);
    assert_eq!(lines(&buf)[0], "   36 line 36 xxxxxxxxx…");
    press(&mut editor, "ctrl-home");
    editor.follow(area);
    let mut buf = Buffer::empty(area);
    editor.draw(area, &mut buf, &theme(), true);
    assert!(lines(&buf)[0].starts_with("    1 line 1"));
}

#[test]
fn wide_letters_and_hostile_text_stay_in_their_cells() {
    let mut editor = Editor::new("名: 日本語日本語\nx\u{1b}[31m\u{202e}\u{7}\ty");
    editor.go_to(0, 9);
    let mut cursor = None;
    let shown = drawn(16, 2, |area, buf| {
        editor.follow(area);
        cursor = editor.draw(area, buf, &theme(), true);
    });
    assert!(
        shown
            .concat()
            .chars()
            .all(|c| !c.is_control() && c != '\u{202e}')
    );
    assert!(cursor.unwrap().x < 16);
    let all = drawn(40, 2, |area, buf| {
        editor.follow(area);
        cursor = editor.draw(area, buf, &theme(), true);
    });
    assert_eq!(all[0], "    1 名: 日本語日本語");
    assert_eq!(cursor, Some(Position::new(6 + 4 + 12, 0)));
    assert_eq!(all[1], "    2 x␛[31m\u{fffd}␇    y");
}

#[test]
fn an_offer_stands_under_the_word_or_above_it() {
    let mut editor = Editor::new("a\nb\nname: l");
    editor.go_to(2, 7);
    editor.offer(vec![candidate("lan"), candidate("lab")]);
    let shown = drawn(30, 6, |area, buf| {
        editor.draw(area, buf, &theme(), true);
    });
    assert_eq!(
        shown[2..5],
        [
            "    3 name: l",
            "            lan  a word",
            "            lab  a word",
        ]
    );
    let above = drawn(30, 3, |area, buf| {
        editor.draw(area, buf, &theme(), true);
    });
    assert!(
        above[0].contains("lan") && above[1].contains("lab"),
        "{above:?}"
    );
}

#[test]
fn a_line_past_the_reach_of_a_jump_is_reached() {
    let text = "x\n".repeat(70_000);
    let mut editor = Editor::new(&text);
    editor.go_to(69_999, 1);
    assert_eq!(editor.cursor(), (69_999, 1));
    editor.go_to(900_000, 0);
    assert_eq!(editor.cursor().0, 70_000, "the last line");
}

#[test]
fn no_size_is_too_small_to_draw() {
    let theme = theme();
    let mut editor = Editor::new("日本語: [1, 2]\n\tx\n- |\n  block");
    editor.set_marks(vec![mark(0, 0..3, MarkWeight::Note, "日本 a note")]);
    editor.search_for("x");
    editor.go_to(0, 3);
    editor.offer(vec![candidate("日本語日本語")]);
    at_every_size(|area, buf| {
        editor.follow(area);
        editor.draw(area, buf, &theme, true);
    });
}
