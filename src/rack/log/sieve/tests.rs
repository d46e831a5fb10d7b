//! What is shown, against a plain reckoning over all lines: in one piece, in many, while lines come and go.

use super::*;
use crate::rack::log::LogLine;
use crate::rack::log::LogQuery;
use crate::rack::log::feed::{FeedId, FeedNews, Origin, PodLogs, Section};
use crate::rack::log::ring::Limits;
use crate::rack::time::Now;

/// Two sources, and room for `most` lines.
fn book(most: usize) -> Logbook {
    let mut book = Logbook::with_limits(Limits {
        lines: most,
        bytes: 1 << 20,
    });
    let origin = Origin::Pods(PodLogs {
        context: String::new(),
        query: LogQuery::default(),
        is_at_home: true,
        workload: None,
    });
    book.open(FeedId(0), origin);
    for source in [0, 1] {
        let news = FeedNews::Source {
            source: SourceId(source),
            name: format!("pod {source}"),
            short: format!("pod {source}"),
        };
        book.apply(FeedId(0), news, Now::ZERO);
    }
    book
}

fn write(book: &mut Logbook, texts: impl IntoIterator<Item = (u16, String)>) {
    let line = |(source, text): (u16, String)| LogLine {
        source: SourceId(source),
        time: None,
        text: text.into_bytes().into(),
        cut: 0,
    };
    let lines = texts.into_iter().map(line).collect();
    book.apply(FeedId(0), FeedNews::Lines(lines), Now::ZERO);
}

fn shown(sieve: &Sieve, book: &Logbook) -> Vec<u64> {
    let mut all = Vec::new();
    let mut next = sieve.first(&book.ring);
    while let Some(number) = next {
        all.push(number);
        next = sieve.at_or_after(number + 1, &book.ring);
    }
    all
}

/// What must be shown, reckoned without any cleverness.
fn expected(sieve: &Sieve, book: &Logbook) -> Vec<u64> {
    let all: Vec<Line<'_>> = book.ring.from(0).collect();
    let may = |line: &&Line<'_>| !sieve.is_hidden(line.source);
    let hits: Vec<u64> = all
        .iter()
        .filter(may)
        .filter(|line| sieve.matches(line))
        .map(|line| line.number)
        .collect();
    let is_near = |line: &&Line<'_>| {
        hits.iter()
            .any(|hit| hit.abs_diff(line.number) <= sieve.context())
    };
    let near = all.iter().filter(may).filter(is_near);
    near.map(|line| line.number).collect()
}

fn term(text: &str) -> Term {
    Term::parse(text).unwrap()
}

#[test]
fn terms_must_all_hold_and_an_excluded_one_must_not() {
    let mut book = book(100);
    let texts = ["error one", "error health", "info", "an ERROR two"];
    write(&mut book, texts.map(|text| (0, text.to_owned())));
    let mut sieve = Sieve::default();
    assert_eq!(shown(&sieve, &book), [0, 1, 2, 3]);
    sieve.add(term("error"), &book.ring);
    sieve.add(term("!health"), &book.ring);
    sieve.work(&book, usize::MAX);
    assert_eq!(shown(&sieve, &book), [0, 3]);
    assert_eq!(sieve.terms()[1].words(), "!health");
    assert!(sieve.pop(&book.ring) && sieve.pop(&book.ring) && !sieve.pop(&book.ring));
    assert!(sieve.is_open());
    assert_eq!(term("!").words(), "!", "a lone sign is a text");
    assert!(Term::parse("!/(/").is_err());
}

#[test]
fn only_what_is_a_fault_is_shown_when_that_is_asked() {
    let mut book = book(100);
    let texts = [
        "INFO a",
        "WARN b",
        "plain",
        "ERROR c",
        r#"{"level":"error","msg":"d"}"#,
    ];
    write(&mut book, texts.map(|text| (0, text.to_owned())));
    let mut sieve = Sieve::default();
    sieve.set_only_faults(true, &book.ring);
    sieve.work(&book, usize::MAX);
    assert_eq!(shown(&sieve, &book), [1, 3, 4]);
}

#[test]
fn whatever_the_pieces_the_same_lines_are_shown() {
    // A small generator, the same every time.
    let mut state = 7_u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    for round in 0..300 {
        let mut book = book(40);
        let mut sieve = Sieve::default();
        for _ in 0..12 {
            match random(8) {
                0 => sieve.set_context(random(4).into(), &book.ring),
                1 => sieve.toggle_source(SourceId(1), &book.ring),
                2 if sieve.terms().is_empty() => sieve.add(term("hit"), &book.ring),
                _ => {
                    let count = random(15);
                    let texts: Vec<_> = (0..count)
                        .map(|_| {
                            let text = if random(4) == 0 { "hit" } else { "miss" };
                            (u16::try_from(random(2)).unwrap(), text.to_owned())
                        })
                        .collect();
                    write(&mut book, texts);
                }
            }
            // Sometimes a little is looked at, sometimes all.
            sieve.work(&book, random(400) as usize + 1);
            let numbers = shown(&sieve, &book);
            assert!(
                numbers.windows(2).all(|pair| pair[0] < pair[1]),
                "{numbers:?}"
            );
        }
        let mut pieces = 0;
        while sieve.work(&book, 100) {
            pieces += 1;
            assert!(pieces < 1_000, "it never ends");
        }
        // Before a line that has gone nothing was there to be context; the plain reckoning knows no gone lines.
        let (found, all) = (shown(&sieve, &book), expected(&sieve, &book));
        let from = book.ring.dropped() + sieve.context();
        let inner = |numbers: &[u64]| -> Vec<u64> {
            numbers.iter().copied().filter(|it| *it >= from).collect()
        };
        if book.ring.dropped() == 0 {
            assert_eq!(found, all, "round {round}");
        } else {
            assert_eq!(inner(&found), inner(&all), "round {round}");
        }
    }
}

#[test]
fn movement_goes_from_shown_line_to_shown_line_and_stops_at_the_ends() {
    let mut book = book(6);
    write(
        &mut book,
        (0..10).map(|number| (number % 2, number.to_string())),
    );
    let mut sieve = Sieve::default();
    assert_eq!(sieve.first(&book.ring), Some(4));
    for (from, by, to) in [(7, 1, 8), (7, -2, 5), (7, 90, 9), (7, -90, 4), (0, 1, 4)] {
        assert_eq!(sieve.moved(from, by, &book.ring), Some(to), "{from} {by}");
    }
    sieve.toggle_source(SourceId(0), &book.ring);
    sieve.work(&book, usize::MAX);
    assert_eq!(shown(&sieve, &book), [5, 7, 9]);
    for (from, by, to) in [(7, 1, 9), (7, -1, 5), (7, 9, 9), (7, -9, 5)] {
        assert_eq!(sieve.moved(from, by, &book.ring), Some(to), "{from} {by}");
    }
    assert_eq!(sieve.count(&book.ring), 3);
    let empty = Logbook::default();
    let open = Sieve::default();
    assert_eq!(
        (open.first(&empty.ring), open.last(&empty.ring)),
        (None, None)
    );
    assert_eq!(open.moved(3, 1, &empty.ring), None);
}

#[test]
fn a_folded_section_leaves_its_head() {
    let mut book = book(100);
    let section = |section| FeedNews::Section(SourceId(0), section);
    write(
        &mut book,
        [(0, "before".to_owned()), (0, "head".to_owned())],
    );
    book.apply(FeedId(0), section(Section::Begun), Now::ZERO);
    write(&mut book, [(0, "in".to_owned()), (0, "in".to_owned())]);
    book.apply(FeedId(0), section(Section::Ended { took: None }), Now::ZERO);
    write(&mut book, [(0, "after".to_owned())]);
    let mut sieve = Sieve::default();
    sieve.toggle_fold(1, &book.ring);
    sieve.work(&book, usize::MAX);
    assert_eq!(shown(&sieve, &book), [0, 1, 4]);
    sieve.toggle_fold(1, &book.ring);
    assert!(sieve.is_open());
}
