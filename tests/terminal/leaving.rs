//! Every way out leaves the terminal as it was found: quit, signals, a panic, a terminal that goes away.

use portable_pty::{PtySize, native_pty_system};
use rustix::process::Signal;

use crate::harness::{Session, Start};

/// The program is gone, the terminal is clean, and nothing was written on it beside the cockpit.
fn left_nothing(session: &Session) {
    assert_eq!(session.ended(), (0, String::new()));
}

#[test]
fn q_and_capital_q_leave() {
    for key in ["q", "Q"] {
        let mut session = Start::demo().rack();
        session.press(key);
        left_nothing(&session);
    }
}

#[test]
fn the_command_q_leaves() {
    let mut session = Start::demo().rack();
    session.press(":");
    session.enter("q");
    session.press("enter");
    left_nothing(&session);
}

#[test]
fn signals_end_the_program_with_the_terminal_restored() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut session = Start::demo().rack();
        // Not only from the plainest screen.
        session.press("/");
        session.until("\n /");
        session.signal(signal);
        left_nothing(&session);
    }
}

#[test]
fn a_signal_before_there_is_any_data_ends_it_as_well() {
    // Connecting for ever: nothing answers on port 1.
    let kubeconfig = "{apiVersion: v1, kind: Config, current-context: a, \
         contexts: [{name: a, context: {cluster: a, user: a}}], \
         clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], \
         users: [{name: a, user: {}}]}";
    let session = Start::bramble(["--kubeconfig", "nowhere.yaml"])
        .file("nowhere.yaml", kubeconfig)
        .go();
    session.until("No contact yet");
    session.signal(Signal::TERM);
    left_nothing(&session);
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_restores_the_terminal_before_it_speaks() {
    let session = Start::demo().env("BRAMBLE_CRASH", "1").go();
    let (code, said) = session.ended();
    assert_eq!(code, 101);
    assert!(said.contains("BRAMBLE_CRASH=1"), "{said}");
    let log = session.home().join("state/bramble/bramble.log");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("panic") && log.contains("BRAMBLE_CRASH=1"),
        "{log}"
    );
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_in_the_background_keeps_the_screen() {
    let mut session = Start::demo().env("BRAMBLE_CRASH", "task").rack();
    session.press("y");
    let screen = session.until("a background task of bramble failed");
    assert!(screen.alternate_screen());
    session.press("8");
    let text = session.until("┌ Problems").contents();
    assert!(
        text.contains("a background task of bramble failed"),
        "{text}"
    );
    session.press("q");
    left_nothing(&session);
}

#[test]
fn a_closed_terminal_ends_the_program() {
    let mut session = Start::demo().rack();
    let pid = session.hang_up();
    session.until_ended(pid);
}

#[test]
fn a_closed_terminal_ends_the_program_without_a_signal() {
    // In a session of its own there is no SIGHUP for it.
    let mut session = Start::demo().through("setsid").rack();
    let pid = session.hang_up();
    session.until_ended(pid);
}

#[test]
fn a_closed_terminal_ends_a_program_that_has_nothing_to_draw() {
    // On this screen no clock ticks, so nothing is written that could fail.
    let mut session = Start::demo().through("setsid").size(59, 19).go();
    session.until("bramble needs 60x20");
    let pid = session.hang_up();
    session.until_ended(pid);
}

#[test]
fn a_keyboard_that_goes_away_ends_the_program() {
    let keyboard = native_pty_system().openpty(PtySize::default()).unwrap();
    let name = keyboard.master.tty_name().unwrap().display().to_string();
    let session = Start::demo()
        .env("KEYBOARD", &name)
        .shell(
            r#"
printf 'before\r\n'
sh -c 'echo $$ >"$PID_FILE"; exec "$@" <"$KEYBOARD"' sh "$@"
printf 'ended with <%s>\r\n' "$?"
read -r line
"#,
        )
        .rack();
    drop(keyboard);
    left_nothing(&session);
}

#[test]
fn nothing_is_written_to_standard_error() {
    let mut session = Start::demo().errors_apart().rack();
    session.press("8");
    session.until("┌ Problems");
    session.press("1 p");
    session.until("tray 4");
    // The first one leaves the picture.
    session.press("q q");
    left_nothing(&session);
    assert_eq!(session.errors(), "");
}

#[test]
fn a_folder_left_by_a_killed_demo_does_not_stop_the_next() {
    let mut session = Start::demo()
        .shell(
            r#"
printf 'before\r\n'
sh -c 'echo $$ >"$PID_FILE"; mkdir "$TMPDIR/bramble-demo-$$-0"; exec "$@"' sh "$@"
status=$?
rmdir "$TMPDIR"/*
printf 'ended with <%s>\r\n' "$status"
read -r line
"#,
        )
        .rack();
    session.press("q");
    left_nothing(&session);
}

#[test]
fn a_cut_off_escape_sequence_holds_nothing_up() {
    let mut session = Start::demo().rack();
    // Alt-[ sends the beginning of a sequence; over a bad line any of them may end early.
    for _ in 0..20 {
        session.press("j");
        session.enter("\x1b[");
    }
    let before = session.text();
    session.until_that("the clock to go on", |screen| {
        let text = screen.contents();
        text.contains("4/4 ") && text.lines().next() != before.lines().next()
    });
    session.signal(Signal::TERM);
    left_nothing(&session);
}
