//! Every shipped keymap is whole; every mistake in a user's file is found where it stands.

use std::path::Path;

use super::*;
use crate::action::PaneId;

const RACK: [Table; 3] = [Table::Pane(PaneId::Rack), Table::List, Table::Global];

fn load(text: &str) -> (Keymap, Vec<String>) {
    let (keymap, complaints) = Keymap::load("default", Some((Path::new("keymap.toml"), text)));
    (keymap, complaints.iter().map(ToString::to_string).collect())
}

fn press(keymap: &Keymap, tables: &[Table], keys: &str) -> Vec<Lookup> {
    let mut pending = Pending::default();
    let keys = keys
        .split(' ')
        .map(|name| Key::parse(name).unwrap().to_event());
    keys.map(|event| keymap.look_up(&mut pending, tables, event))
        .collect()
}

#[test]
fn every_shipped_keymap_loads_without_complaint() {
    for name in Keymap::preset_names() {
        let (_, complaints) = Keymap::load(name, None);
        assert_eq!(complaints, [], "{name}");
    }
}

#[test]
fn a_key_reaches_every_action_in_every_shipped_keymap() {
    for name in Keymap::preset_names() {
        let (keymap, _) = Keymap::load(name, None);
        for &action in Action::ALL {
            let panes = PaneId::ALL.iter();
            let panes = panes.map(|pane| vec![Table::Pane(*pane), Table::List, Table::Global]);
            let keys = panes
                .chain([Table::Preview, Table::Question, Table::Prompt].map(|table| vec![table]))
                .find_map(|tables| keymap.keys_for(&tables, action));
            assert!(keys.is_some(), "{name}: no key for {}", action.info().name);
        }
    }
}

#[test]
fn the_tables_are_asked_from_the_inside_out() {
    let (keymap, complaints) = load("[rack]\n\"j\" = \"node-cordon\"\n\"k\" = false\n");
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(
        press(&keymap, &RACK, "j"),
        [Lookup::Action(Action::NodeCordon)]
    );
    assert_eq!(
        press(&keymap, &RACK, "k"),
        [Lookup::Nothing],
        "false silences the key here"
    );
    assert_eq!(
        press(&keymap, &RACK[1..], "k"),
        [Lookup::Action(Action::RowUp)]
    );
    assert_eq!(press(&keymap, &RACK, "q"), [Lookup::Action(Action::Back)]);
    assert_eq!(
        keymap.keys_for(&RACK, Action::RowDown).as_deref(),
        Some("down")
    );
}

#[test]
fn a_sequence_waits_for_its_second_key_and_forgets_a_wrong_one() {
    let (keymap, _) = Keymap::load("vim", None);
    let top = Lookup::Action(Action::GoTop);
    assert_eq!(press(&keymap, &RACK, "g g"), [Lookup::Pending, top]);
    let next = Lookup::Action(Action::PaneNext);
    assert_eq!(press(&keymap, &RACK, "g t"), [Lookup::Pending, next]);
    assert_eq!(
        press(&keymap, &RACK, "g x j"),
        [
            Lookup::Pending,
            Lookup::Nothing,
            Lookup::Action(Action::RowDown)
        ]
    );
    let mut pending = Pending::default();
    keymap.look_up(&mut pending, &RACK, Key::parse("g").unwrap().to_event());
    assert_eq!(pending.shown(), "g");
    let mut next = keymap.next_keys(&pending, &RACK);
    next.sort();
    let names: Vec<&str> = next.iter().map(|(keys, _)| keys.as_str()).collect();
    assert_eq!(names, ["T", "g", "t", "y"]);
}

#[test]
fn esc_leaves_whatever_is_open_in_every_shipped_keymap() {
    for name in Keymap::preset_names() {
        let (keymap, _) = Keymap::load(name, None);
        for table in [Table::Global, Table::Popup, Table::Question, Table::Prompt] {
            let close = Lookup::Action(Action::Close);
            assert_eq!(press(&keymap, &[table], "esc"), [close], "{name} {table:?}");
        }
    }
}

#[test]
fn a_key_that_is_let_go_means_nothing() {
    let (keymap, _) = Keymap::load("default", None);
    let mut event = Key::parse("j").unwrap().to_event();
    event.kind = KeyEventKind::Release;
    assert_eq!(
        keymap.look_up(&mut Pending::default(), &RACK, event),
        Lookup::Nothing
    );
}

#[test]
fn a_user_file_wins_over_what_it_inherits() {
    let (keymap, complaints) = load("inherits = \"vim\"\n[list]\n\"g\" = \"go-bottom\"\n");
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(
        press(&keymap, &RACK, "g"),
        [Lookup::Action(Action::GoBottom)]
    );
    assert_eq!(
        keymap.keys_for(&RACK, Action::GoBottom).as_deref(),
        Some("g")
    );
    assert_eq!(
        press(&keymap, &RACK, "ctrl-f"),
        [Lookup::Action(Action::PageDown)]
    );
}

#[test]
fn help_lists_all_keys_of_an_action_in_one_row() {
    let (keymap, _) = Keymap::load("default", None);
    let rows = keymap.bindings(Table::List);
    assert!(rows.contains(&("j, down".to_owned(), Action::RowDown)));
    assert!(!rows.iter().any(|(_, action)| *action == Action::Quit));
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let cases = [
        (
            "[list]\n\"x\" = \"row-dwon\"\n",
            "keymap.toml:2:7: unknown action \"row-dwon\"; did you mean \"row-down\"?",
        ),
        (
            "[list]\n\"ctlr-d\" = \"row-down\"\n",
            "keymap.toml:2:1: unknown key \"ctlr-d\"; did you mean \"ctrl-d\"?",
        ),
        (
            "[list]\n  é = \"row-down\"\n",
            "keymap.toml:2:3: invalid unquoted key, expected letters, numbers, `-`, `_`",
        ),
        (
            "[lisst]\n",
            "keymap.toml:1:2: unknown table \"lisst\"; did you mean \"list\"?",
        ),
        (
            "[list]\nx = 3\n",
            "keymap.toml:2:5: a binding must be the name of an action or false, but this is: integer",
        ),
        (
            "[list]\nx = true\n",
            "keymap.toml:2:5: a binding must be the name of an action or false, but this is: boolean",
        ),
        (
            "[list]\nx = \"row-down\"\nx = \"row-up\"\n",
            "keymap.toml:3:1: duplicate key",
        ),
        (
            "[list]\n\"esc\" = \"close\"\n\"escape\" = \"back\"\n",
            "keymap.toml:3:1: \"esc\" stands twice in [list]",
        ),
        (
            "[list]\n\"x\" = \"row-up\"\n\"x y\" = \"back\"\n",
            "keymap.toml:3:1: \"x y\" is hidden by \"x\"",
        ),
        (
            "[list]\n\"x y\" = \"row-up\"\n\"x\" = \"back\"\n",
            "keymap.toml:3:1: \"x\" would hide \"x y\"",
        ),
        (
            "[global]\n\"g x\" = \"back\"\n",
            "keymap.toml:2:1: \"g x\" is hidden by \"g\" of [list]",
        ),
        (
            "[rack]\n\"ctrl-k\" = \"node-cordon\"\n",
            "keymap.toml:2:1: \"ctrl-k\" cannot be \"node-cordon\": nothing that changes the cluster is on ctrl and a letter",
        ),
        (
            "[list]\n\"ctrl-i\" = \"back\"\n",
            "keymap.toml:2:1: a terminal sends \"tab\" for \"ctrl-i\"; bind that",
        ),
        (
            "[list]\n\"\" = \"back\"\n",
            "keymap.toml:2:1: a binding needs a key",
        ),
        (
            "[list]\n\"a b c d e\" = \"back\"\n",
            "keymap.toml:2:1: \"a b c d e\" has more than 4 presses",
        ),
        (
            "inherits = \"vmi\"\n",
            "keymap.toml:1:12: unknown keymap \"vmi\"; did you mean \"vim\"?",
        ),
        (
            "inherits = []\n",
            "keymap.toml:1:12: inherits must be the name of a keymap, but this is: array",
        ),
        (
            "j = \"row-down\"\n",
            "keymap.toml:1:1: \"j\" stands outside a table",
        ),
        (
            "[list]\n\"\\u001b\" = \"back\"\n",
            "keymap.toml:2:1: unknown key \"\\u{1b}\"",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(load(text).1, [expected], "{text}");
    }
}

#[test]
fn a_bad_entry_is_skipped_and_the_rest_holds() {
    let (keymap, complaints) =
        load("[list]\n\"Z\" = \"nonsense\"\n\"z\" = \"row-up\"\n= broken\n\"v\" = \"row-down\"\n");
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert_eq!(press(&keymap, &RACK, "z"), [Lookup::Action(Action::RowUp)]);
    assert_eq!(
        press(&keymap, &RACK, "v"),
        [Lookup::Action(Action::RowDown)]
    );
    assert_eq!(press(&keymap, &RACK, "Z"), [Lookup::Nothing]);
}

#[test]
fn an_unknown_preset_gives_the_default() {
    let (keymap, complaints) = Keymap::load("k9", None);
    assert_eq!(
        complaints[0].to_string(),
        "unknown keymap \"k9\"; did you mean \"k9s\"?"
    );
    assert_eq!(keymap, Keymap::load("default", None).0);
}
