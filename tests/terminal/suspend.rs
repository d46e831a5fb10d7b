//! Ctrl-Z gives the terminal to the shell, and `fg` brings the screen back.

use rustix::process::Signal;

use crate::harness::{Session, Start};

/// A shell with job control, as people have it.
const SHELL: &str = r#"
set -m
printf 'before\r\n'
sh -c 'echo $$ >"$PID_FILE"; exec "$@"' sh "$@"
${AFTER_STOP:-true}
printf 'stopped\r\n'
read -r line
printf 'not bramble\r\n'
fg >/dev/null
printf 'ended with <%s>\r\n' "$?"
read -r line
"#;

fn comes_back(session: &mut Session) {
    let stopped = session.until("stopped");
    session.until_state("to stop", session.pid(), |state| state == Some('T'));
    session.is_as_found(&stopped);
    assert!(
        !stopped.contents().contains("rpi-01"),
        "{}",
        stopped.contents()
    );

    session.press("enter");
    let screen = session.until_that("the rack again", |screen| {
        screen.alternate_screen() && screen.contents().contains("4/4 ")
    });
    assert!(screen.hide_cursor() && screen.bracketed_paste());
    // The keyboard is ours again.
    session.press("8");
    session.until("┌ Problems");
    session.press("1");
    let text = session.until("┌ Rack").contents();
    assert!(!text.contains("not bramble"), "{text}");
    session.press("Q");
    let screen = session.until("ended with <0>");
    session.is_as_found(&screen);
}

#[test]
fn ctrl_z_stops_the_program_and_fg_brings_it_back() {
    let mut session = Start::demo().shell(SHELL).rack();
    session.press("ctrl-z");
    comes_back(&mut session);
}

#[test]
fn a_stop_signal_does_the_same() {
    let mut session = Start::demo().shell(SHELL).rack();
    session.signal(Signal::TSTP);
    comes_back(&mut session);
}

#[test]
fn a_stop_without_warning_and_a_shell_that_changed_the_modes_are_repaired() {
    let mut session = Start::demo()
        .shell(SHELL)
        .env("AFTER_STOP", "stty sane")
        .rack();
    session.signal(Signal::STOP);
    session.until("stopped");
    session.press("enter");
    // The shell has written on our screen, and set a mode in which keys wait for enter.
    session.until_gone("not bramble");
    session.press("8");
    session.until("┌ Problems");
    session.press("Q");
    let screen = session.until("ended with <0>");
    assert!(!screen.alternate_screen() && !screen.hide_cursor());
}

#[test]
fn ctrl_z_works_while_something_is_typed() {
    let mut session = Start::demo().shell(SHELL).rack();
    session.press("m");
    session.until("┌ Node");
    session.press("ctrl-z");
    session.until("stopped");
    session.until_state("to stop", session.pid(), |state| state == Some('T'));
    session.press("enter");
    session.until("┌ Node");
    session.press("Q");
    session.press("esc");
    session.until_gone("┌ Node");
}
