//! The demo answers keys: every way into a pane, a line, a menu or a question, and out again.

use crate::harness::Start;

#[test]
fn the_demo_shows_its_nodes() {
    let session = Start::demo().rack();
    let text = session.text();
    for part in [
        "office-rack",
        "live",
        "4/4 ",
        "k3s-server",
        "rpi-01",
        "rpi-02",
        "rpi-03",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let screen = session.screen();
    assert!(screen.alternate_screen() && screen.bracketed_paste() && screen.hide_cursor());
}

#[test]
fn panes_are_reached_by_number_by_tab_and_by_the_way_back() {
    let mut session = Start::demo().rack();
    session.press("8");
    session.until("┌ Problems");
    session.press("1");
    session.until("┌ Rack");
    session.press("backtab");
    session.until("┌ Workloads");
    session.press("[");
    session.until("┌ Rack");
    session.press("]");
    session.until("┌ Workloads");
    session.press("tab");
    session.until("┌ Rack");
}

#[test]
fn help_opens_scrolls_and_closes() {
    let mut session = Start::demo().rack();
    session.press("?");
    let text = session.until("┌ Keys").contents();
    assert!(text.contains("cordon: no new pods here"), "{text}");
    session.press("G");
    session.until("suspend");
    session.press("q");
    session.until_gone("┌ Keys");
    session.press("?");
    session.until("┌ Keys");
    session.press("esc");
    session.until_gone("┌ Keys");
    session.until("rpi-01");
}

#[test]
fn a_filter_holds_while_it_is_typed_and_goes_with_esc() {
    let mut session = Start::demo().rack();
    session.press("/");
    session.enter("rpi-0");
    let text = session.until_gone("k3s-server").contents();
    assert!(
        text.contains("rpi-01") && text.contains("┌ Rack /rpi-0"),
        "{text}"
    );
    session.press("esc");
    session.until("k3s-server");

    session.press("/");
    session.enter("rpi-02");
    session.press("enter");
    session.until_that("rpi-02 alone", |screen| {
        let text = screen.contents();
        text.contains("rpi-02") && !text.contains("rpi-01") && !text.contains("\n /rpi-02")
    });
    session.press("esc");
    session.until("rpi-01");
}

#[test]
fn a_paste_into_the_filter_is_one_line() {
    let mut session = Start::demo().rack();
    session.press("/");
    session.until("\n /");
    session.enter("\x1b[200~rpi\r\n03\r\n\x1b[201~");
    // Still being typed: the line ends were no enter.
    let screen = session.until("\n /rpi 03");
    assert!(!screen.hide_cursor());
    session.until_gone("rpi-02");
    session.press("backspace");
    session.until("\n /rpi 0");
}

#[test]
fn the_command_line_completes_and_goes_to_a_node() {
    let mut session = Start::demo().rack();
    session.press(":");
    session.until("nodes and their heartbeats");
    session.enter("probl");
    session.until_gone("nodes and their heartbeats");
    session.press("tab enter");
    session.until("┌ Problems");
    session.press(":");
    session.enter("node rpi-03");
    session.press("enter");
    session.until("┌ Rack ▸ rpi-03");
    session.press(":");
    session.enter("nonsense");
    session.press("enter");
    session.until("\"nonsense\"");
}

#[test]
fn the_row_menu_leads_to_the_detail_and_back() {
    let mut session = Start::demo().rack();
    session.press("j m");
    let text = session.until("┌ Node rpi-01").contents();
    assert!(text.contains("YAML") && text.contains("mark"), "{text}");
    session.press("enter");
    let text = session.until("┌ Rack ▸ rpi-01").contents();
    assert!(
        text.contains("Heartbeat") && text.contains("Conditions"),
        "{text}"
    );
    session.press("y");
    session.until("kind: Node");
    session.press("q");
    session.until("┌ Rack ▸ rpi-01");
    session.press("q");
    session.until_gone("▸");
}

#[test]
fn the_picture_shows_the_trays() {
    let mut session = Start::demo().rack();
    session.press("p");
    let text = session.until("tray 4").contents();
    assert!(
        text.contains("k3s-server") && text.contains("beat"),
        "{text}"
    );
    session.press("p");
    session.until_gone("tray 4");
}

#[test]
fn cordon_asks_first_and_uncordon_takes_it_back() {
    let mut session = Start::demo().rack();
    session.press("j c");
    session.until("Cordon node rpi-01?");
    session.press("n");
    let text = session.until_gone("Cordon node").contents();
    assert!(!text.contains("cordoned"), "{text}");
    session.press("c");
    session.until("Cordon node rpi-01?");
    session.press("y");
    session.until("Ready cordoned");
    session.press("u");
    session.until("Uncordon node rpi-01?");
    session.press("y");
    session.until("takes pods again");
    session.until_gone("Ready cordoned");
}

#[test]
fn read_only_changes_nothing() {
    let mut session = Start::demo().option("--read-only").rack();
    session.press("j c");
    session.until_that("a refusal or a question", |screen| {
        let text = screen.contents();
        text.contains("Cordon node") || text.contains("read-only:")
    });
    session.press("y");
    session.until("read-only:");
    session.press("8 1");
    assert!(!session.until("┌ Rack").contents().contains("cordoned"));
}
