//! The rules of a log, on small logs written here and on any bytes.

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Trace {
    let mut trace = Trace::new();
    trace.take(bytes, true);
    trace
}

/// Each row as text, indented by its depth, with its section.
fn rows(trace: &Trace) -> Vec<String> {
    let row = |row: &Row| {
        let name = row
            .section
            .and_then(|index| trace.sections().get(index.get()))
            .map_or("", |section| &section.name);
        let head = if row.kind == RowKind::Text { " " } else { ">" };
        format!("{head}{name}|{}", trace.plain(row))
    };
    trace.rows().iter().map(row).collect()
}

#[test]
fn entries_are_joined_per_stream_before_markers_are_looked_for() {
    let log = b"2026-10-01T10:20:00.000001Z 00O section_start:100:prep[collapsed=true]\r\n\
2026-10-01T10:20:00.000002Z 01O script \n\
2026-10-01T10:20:00.000003Z 00O+\x1b[0K\x1b[36;1mPreparing\x1b[0;m\n\
2026-10-01T10:20:00.000004Z 01E stderr\n\
2026-10-01T10:20:00.000005Z 01O+goes on\n\
2026-10-01T10:20:05.000005Z 00O section_end:105:prep\r\x1b[0K\n\
2026-10-01T10:20:05.000006Z 00O+Job succeeded\n";
    let trace = read(log);
    assert_eq!(
        rows(&trace),
        [
            ">|Preparing",
            " prep|script goes on",
            " prep|stderr",
            " |Job succeeded"
        ]
    );
    let section = &trace.sections()[0];
    assert!(section.is_collapsed);
    assert_eq!(trace.duration(section), Some(Duration::from_secs(5)));
    let script = trace.rows()[1];
    assert_eq!(
        trace.time(&script).unwrap().to_string(),
        "2026-10-01T10:20:00.000002Z"
    );
    assert!(trace.stream(&trace.rows()[2]).unwrap().is_error);
}

#[test]
fn sections_nest_cross_and_stay_open() {
    let log = b"section_start:10:a\r\x1b[0Kouter\n\
section_start:11:b\r\x1b[0Kinner\n\
section_end:12:a\r\x1b[0Kin b\n\
section_end:9:b\r\x1b[0K\n\
section_end:14:never\r\x1b[0Kout\n\
section_start:20:left\r\x1b[0Kopen\n\
last\n";
    let trace = read(log);
    assert_eq!(
        rows(&trace),
        [
            ">|outer",
            ">a|inner",
            " b|in b",
            " |out",
            ">|open",
            " left|last"
        ]
    );
    let durations: Vec<Option<u64>> = trace
        .sections()
        .iter()
        .map(|section| section.duration().map(|it| it.as_secs()))
        .collect();
    assert_eq!(durations, [Some(2), Some(0), None]);
}

#[test]
fn a_body_is_taken_up_where_the_one_before_ended() {
    let mut trace = Trace::new();
    assert_eq!(trace.take(b"one\ntw", false), Growth::More);
    assert_eq!(rows(&trace), [" |one", " |tw"]);
    assert_eq!(trace.settled(), 1);
    assert_eq!(trace.take(b"one\ntw", false), Growth::Same);
    assert_eq!(trace.take(b"one\ntwo\nthree\n", false), Growth::More);
    assert_eq!(rows(&trace), [" |one", " |two", " |three"]);
    assert_eq!(trace.take(b"one\n", false), Growth::Shorter);
    assert_eq!(rows(&trace).len(), 3);
    assert_eq!(trace.take(b"other\ntwo\nthree\n", false), Growth::Replaced);
    assert_eq!(rows(&trace)[0], " |other");
    assert_eq!(trace.take(b"", true), Growth::Replaced, "erased");
    assert!(trace.rows().is_empty());
}

#[test]
fn a_redraw_that_may_go_on_is_not_settled() {
    let mut trace = Trace::new();
    let begun = b"2026-10-01T10:20:00.000001Z 01O 10%\r\n2026-10-01T10:20:00.000002Z 00O other\n";
    trace.take(begun, false);
    assert_eq!(trace.settled(), 0);
    let mut whole = begun.to_vec();
    whole.extend_from_slice(b"2026-10-01T10:20:00.000003Z 01O+100%\n");
    trace.take(&whole, false);
    assert_eq!(rows(&trace), [" |100%", " |other"]);
    assert_eq!(trace.settled(), 2);
}

/// Nothing of a row is an escape sequence but a colour, and nothing is a line end.
fn check_harmless(trace: &Trace) {
    for row in trace.rows() {
        let mut rest = trace.text(row);
        assert!(!rest.contains(&b'\n') && !rest.contains(&b'\r'));
        while let Some(at) = rest.iter().position(|byte| *byte == 0x1b) {
            let sequence = &rest[at..];
            let end = sequence.iter().position(|byte| *byte == b'm').unwrap();
            let inside = &sequence[2..end];
            assert_eq!(sequence[1], b'[');
            assert!(
                inside
                    .iter()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
            );
            rest = &sequence[end..];
        }
    }
}

#[test]
fn the_verdict_is_not_the_cause() {
    let log =
        b"$ make\nmake: *** [all] Error 2\n\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m\n";
    assert_eq!(read(log).finding().first_error, Some(1));
    let log = b"ok\n\x1b[31mred\x1b[0m\nmore\nERROR: Job failed: exit code 1\n";
    assert_eq!(read(log).finding().first_error, Some(1));
    assert_eq!(read(b"fine\nJob succeeded\n").finding().first_error, None);
}

/// Bytes that have a meaning in a log, more often than chance would bring them.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        3 => Just(b"2026-10-01T10:20:00.000001Z 00O ".to_vec()),
        2 => Just(b"2026-10-01T10:20:00.000002Z 00O+".to_vec()),
        2 => Just(b"2026-10-01T10:20:00.000003Z 01E ".to_vec()),
        1 => Just(b"2026-10-01T10:20:00.000003Z 01E+".to_vec()),
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        2 => Just(b"\x1b[0K".to_vec()),
        2 => Just(b"section_start:5:a\r\x1b[0K".to_vec()),
        1 => Just(b"section_end:7:a\r\x1b[0K".to_vec()),
        1 => Just(b"section_start:6:b[collapsed=true]\r\x1b[0K".to_vec()),
        1 => Just(b"section_end:8:b".to_vec()),
        2 => Just(b"\x1b[31m".to_vec()),
        1 => Just(b"\x1b[0;m".to_vec()),
        1 => Just(b"\x1b]0;t\x07".to_vec()),
        1 => Just("ä日💥".as_bytes().to_vec()),
        3 => proptest::collection::vec(any::<u8>(), 0..6),
        3 => "[a-z ]{0,12}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_what_one_read_is(
        body in bytes(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.sort_unstable();
        let mut growing = Trace::new();
        for cut in cuts {
            let begin = &body[..cut];
            growing.take(begin, false);
            prop_assert_eq!(rows(&growing), rows(&read(begin)));
            let settled = growing.settled();
            prop_assert!(settled <= growing.rows().len());
        }
        growing.take(&body, false);
        let whole = read(&body);
        prop_assert_eq!(rows(&growing), rows(&whole));
        prop_assert_eq!(growing.sections(), whole.sections());
        let texts = |trace: &Trace| -> Vec<Vec<u8>> {
            trace.rows().iter().map(|row| trace.text(row).to_vec()).collect()
        };
        prop_assert_eq!(texts(&growing), texts(&whole));
        check_harmless(&whole);
    }
}

#[test]
fn no_line_is_searched_again_and_again() {
    let megabyte = |part: &str| part.repeat((1 << 20) / part.len());
    for part in [
        "\x1b]",
        "\x1b]\x07",
        "\x1bP\x1b\\",
        "section_start:1:a[",
        "section_start:1:a\r\x1b[0K",
        "\x1b[31m\r",
        "\x1b[",
    ] {
        // Searching the rest of the line for each of them would take minutes.
        let trace = read(megabyte(part).as_bytes());
        check_harmless(&trace);
    }
}
