//! What reaches the terminal: one right screen at every size, no colour where none is wanted, plain signs where nothing
//! else can be shown, and few bytes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use vt100::Screen;

use crate::harness::{Session, Start};

/// An idle rack of four boards may write this much.
const BYTES_A_SECOND: usize = 120;

/// True when this is one whole picture of the rack: every line of the box in its place, nothing of another size left.
fn is_whole(screen: &Screen) -> bool {
    let (rows, columns) = screen.size();
    let columns = usize::from(columns.get());
    let lines: Vec<String> = screen.rows(0, u16::MAX).collect();
    let [header, tabs, top, inside @ .., bottom, foot] = lines.as_slice() else {
        return false;
    };
    let line = |text: &String, first: char, last: char| {
        text.chars().count() == columns && text.starts_with(first) && text.ends_with(last)
    };
    lines.len() == usize::from(rows.get())
        && header.contains("office-rack")
        && tabs.starts_with(" 1 Rack")
        && line(top, '┌', '┐')
        && inside.iter().all(|text| line(text, '│', '│'))
        && inside.iter().filter(|text| text.contains("rpi-0")).count() == 3
        && line(bottom, '└', '┘')
        && foot.contains("help")
}

fn until_whole(session: &Session) {
    session.until_that("one whole screen", is_whole);
}

#[test]
fn a_burst_of_sizes_ends_in_one_right_screen() {
    let mut session = Start::demo().rack();
    until_whole(&session);
    for step in 0..40 {
        session.resize(60 + step * 3, 20 + step);
    }
    for (columns, rows) in [(61, 21), (200, 60), (60, 20), (40, 10), (97, 31)] {
        session.resize(columns, rows);
    }
    until_whole(&session);
    session.resize(160, 48);
    until_whole(&session);
    // It stays so: nothing late is drawn over it.
    session.press("8");
    session.until("┌ Problems");
    session.press("1");
    until_whole(&session);
}

#[test]
fn a_screen_that_is_too_small_gets_one_sentence_and_comes_back() {
    let mut session = Start::demo().size(59, 19).go();
    let text = session
        .until("bramble needs 60x20, this is 59x19")
        .contents();
    assert_eq!(text.trim(), "bramble needs 60x20, this is 59x19");
    session.resize(60, 20);
    until_whole(&session);
    session.resize(12, 3);
    session.until("needs");
    session.resize(1, 1);
    session.resize(80, 24);
    until_whole(&session);
    session.resize(30, 5);
    session.until("30x5");
    // Keys still work, unseen.
    session.press("Q");
    session.until_that("the end", |screen| !screen.alternate_screen());
}

#[test]
fn ctrl_l_paints_over_what_others_wrote() {
    let mut session = Start::demo().rack();
    session.scribble("\x1b[2J\x1b[5;5Hwall: the office closes at six");
    session.press("ctrl-l");
    until_whole(&session);
    assert!(!session.text().contains("wall:"));
}

/// The numbers of every SGR sequence.
fn styles(bytes: &[u8]) -> BTreeSet<u32> {
    let text = String::from_utf8_lossy(bytes);
    let sequences = text.split("\x1b[").skip(1);
    let sgr = sequences.filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
        rest[end..].starts_with('m').then(|| &rest[..end])
    });
    sgr.flat_map(|codes| codes.split([';', ':']))
        .map(|code| code.parse().unwrap_or(0))
        .collect()
}

/// Shows a bit of everything.
fn tour(session: &mut Session) {
    session.press("8");
    session.until("Problems");
    session.press("1 ?");
    session.until("Keys");
    session.press("q p");
    session.until("tray 4");
    session.press("p m");
    session.until("Node k3s-server");
    session.press("enter");
    session.until("Conditions");
    session.press("y");
    session.until("kind: Node");
    session.press("q c");
    session.until("Cordon node k3s-server?");
    session.press("y");
    session.until("cordoned");
    session.press("q /");
    session.enter("rpi");
    session.until("Rack /rpi");
    session.press("enter :");
    session.until("nodes and their heartbeats");
}

#[test]
fn no_color_means_no_colour_but_weight_and_reverse() {
    let mut session = Start::demo().env("NO_COLOR", "1").rack();
    tour(&mut session);
    let styles = styles(&session.bytes());
    let colours: Vec<_> = styles.iter().filter(|code| **code >= 30).collect();
    assert!(colours.is_empty(), "{colours:?}");
    assert!(styles.contains(&1) && styles.contains(&7), "{styles:?}");
    let screen = session.screen();
    let tab = screen.cell(1, 2).unwrap();
    assert!(tab.inverse() && tab.bold(), "the tab in front is marked");
}

#[test]
fn an_empty_no_color_means_colour() {
    let session = Start::demo().env("NO_COLOR", "").rack();
    assert!(
        styles(&session.bytes())
            .iter()
            .any(|code| (30..38).contains(code))
    );
}

/// Goes everywhere and finds nothing that a terminal without Unicode cannot show.
fn is_ascii(start: Start) {
    let mut session = start.rack();
    tour(&mut session);
    let bytes = session.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let odd: BTreeSet<char> = text.chars().filter(|c| !c.is_ascii()).collect();
    assert!(odd.is_empty(), "{odd:?}\n{}", session.text());
}

#[test]
fn ascii_is_kept_everywhere() {
    is_ascii(Start::demo().option("--ascii"));
}

#[test]
fn terminals_and_locales_without_unicode_get_ascii() {
    is_ascii(Start::demo().env("TERM", "linux"));
    is_ascii(Start::demo().env("LANG", "C"));
    is_ascii(Start::demo().env("LC_ALL", "de_DE.ISO-8859-1"));
}

#[test]
fn an_idle_rack_is_quiet() {
    let begun = Instant::now();
    let session = Start::demo().go();
    session.until("bramble");
    let first = begun.elapsed();
    session.until("rpi-03");
    let nodes = begun.elapsed();
    session.until_that("the four nodes", |screen| {
        screen.contents().matches('%').count() >= 8
    });
    let span = Duration::from_secs(10);
    let bytes = session.count(span);
    let rate = bytes / 10;
    eprintln!(
        "idle: {rate} B/s to the terminal; first frame after {} ms, nodes after {} ms",
        first.as_millis(),
        nodes.as_millis()
    );
    assert!(rate < BYTES_A_SECOND, "{rate} B/s");
    assert!(bytes > 0, "the clock stands still");
}
