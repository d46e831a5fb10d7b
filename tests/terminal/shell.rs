//! `s` hands the terminal to `ssh` and takes it back clean. `ssh` is a script here: what is asked is the handing over.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::harness::{Session, Start};

/// Resolves every host, and is a session that says what it was told and reads one line.
const SSH: &str = r#"#!/bin/sh
if [ "$1" = -G ]; then echo "hostname board.example"; exit 0; fi
for last in "$@"; do :; done
printf 'a session on <%s>\r\n' "$last"
read -r line
printf 'it heard <%s>\r\n' "$line"
exit "${line#exit }"
"#;

fn demo() -> (Session, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ssh");
    fs::write(&file, SSH).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        dir.path().display(),
        std::env::var("PATH").unwrap()
    );
    (Start::demo().env("PATH", &path).rack(), dir)
}

#[test]
fn a_shell_has_the_terminal_and_gives_it_back() {
    let (mut session, _dir) = demo();
    session.press("s");
    let screen = session.until("a session on <");
    session.is_as_found(&screen);
    session.enter("exit 0");
    session.press("enter");
    let screen = session.until_that("the rack again", |screen| {
        screen.alternate_screen() && screen.contents().contains("4/4 ")
    });
    assert!(screen.hide_cursor() && screen.bracketed_paste());
    // The keyboard is ours again.
    session.press("8");
    session.until("┌ Problems");
}

#[test]
fn the_words_of_an_ssh_that_fails_can_be_read() {
    let (mut session, _dir) = demo();
    session.press("s");
    session.until("a session on <");
    session.enter("exit 255");
    session.press("enter");
    session.until("press enter to go back");
    session.press("enter");
    session.until("4/4 ");
}

#[test]
fn a_shell_does_not_keep_the_program_from_being_ended() {
    let (mut session, _dir) = demo();
    session.press("s");
    session.until("a session on <");
    session.signal(Signal::TERM);
    assert_eq!(session.ended().0, 0);
}

#[test]
fn how_a_host_is_reached_is_a_page() {
    let (mut session, _dir) = demo();
    session.press(":");
    session.enter("host rpi-01");
    session.press("enter");
    let text = session.until("board.example port 22").contents();
    assert!(
        text.contains("resolved by  ssh -G") || text.contains("ssh -G"),
        "{text}"
    );
}
