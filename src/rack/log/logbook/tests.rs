//! The logbook by what it is told.

use super::*;
use crate::rack::log::LogQuery;
use crate::rack::log::feed::PodLogs;

fn origin() -> Origin {
    Origin::Pods(PodLogs {
        context: "office".to_owned(),
        query: LogQuery::default(),
        is_at_home: true,
        workload: None,
    })
}

fn book() -> Logbook {
    let mut book = Logbook::default();
    for id in [1, 2] {
        book.open(FeedId(id), origin());
    }
    book
}

fn source(number: u16, short: &str) -> FeedNews {
    FeedNews::Source {
        source: SourceId(number),
        name: format!("office/{short} ({number})"),
        short: short.to_owned(),
    }
}

fn line(source: u16, text: &str) -> LogLine {
    LogLine {
        source: SourceId(source),
        time: Timestamp::from_second(1_000).ok(),
        text: text.as_bytes().into(),
        cut: 0,
    }
}

fn at(seconds: i64) -> Now {
    Now {
        mono: Duration::from_secs(u64::try_from(seconds).unwrap()),
        wall: Timestamp::from_second(seconds).unwrap(),
    }
}

#[test]
fn lines_of_several_feeds_stand_in_the_order_in_which_they_were_written() {
    let mut book = book();
    let line = |second: i64, text: &str| LogLine {
        time: Timestamp::from_second(second).ok(),
        ..line(0, text)
    };
    let texts = |book: &Logbook| -> Vec<String> {
        let all = book.ring.from(0);
        all.map(|line| String::from_utf8_lossy(line.text).into_owned())
            .collect()
    };
    for (feed, news) in [
        (1, source(0, "web-0")),
        (2, source(0, "rpi-01")),
        (
            1,
            FeedNews::Lines(vec![line(10, "ten"), line(30, "thirty")]),
        ),
        (
            2,
            FeedNews::Lines(vec![line(5, "five"), line(20, "twenty")]),
        ),
    ] {
        book.apply(FeedId(feed), news, at(0));
    }
    assert_eq!(texts(&book), [""; 0], "the past is waited for");
    assert!(!book.settle(at(1)));
    assert!(book.settle(at(3)));
    assert_eq!(texts(&book), ["five", "ten", "twenty", "thirty"]);
    // What comes too late stands behind: nothing that was shown moves.
    book.apply(FeedId(2), FeedNews::Lines(vec![line(7, "seven")]), at(3));
    assert!(book.settle(at(4)));
    assert_eq!(texts(&book)[4], "seven");
}

#[test]
fn feeds_that_count_their_sources_alike_are_told_apart() {
    let mut book = book();
    for (feed, news) in [
        (1, source(0, "web-0")),
        (2, source(0, "rpi-01")),
        (2, FeedNews::Lines(vec![line(0, "of the board")])),
        (
            1,
            FeedNews::Lines(vec![line(0, "of the pod"), line(7, "of nobody")]),
        ),
    ] {
        assert!(book.apply(FeedId(feed), news, at(0)));
    }
    book.settle(at(10));
    let lines: Vec<_> = book
        .ring
        .from(0)
        .map(|line| (line.source.0, line.text))
        .collect();
    assert_eq!(lines, [(1, &b"of the board"[..]), (0, &b"of the pod"[..])]);
    assert!(
        !book.apply(FeedId(9), source(0, "late"), at(0)),
        "a closed feed is old"
    );
    assert_eq!(book.sources().len(), 2);
}

#[test]
fn names_are_short_until_two_are_the_same() {
    let mut book = book();
    book.apply(FeedId(1), source(0, "web"), at(0));
    assert_eq!(book.sources()[0].short(), "web");
    book.apply(FeedId(1), source(1, "web"), at(0));
    book.apply(FeedId(1), source(2, "db"), at(0));
    let names: Vec<_> = book.sources().iter().map(LogSource::short).collect();
    assert_eq!(names, ["office/web (0)", "office/web (1)", "db"]);
}

#[test]
fn a_source_that_could_write_and_does_not_is_silent() {
    let mut book = book();
    book.apply(FeedId(1), source(0, "web"), at(1_000));
    assert_eq!(
        book.sources()[0].silence(at(9_000)),
        None,
        "it is not read yet"
    );
    book.apply(
        FeedId(1),
        FeedNews::State(SourceId(0), SourceState::Reading),
        at(1_000),
    );
    assert_eq!(book.sources()[0].silence(at(1_030)), None);
    book.apply(FeedId(1), FeedNews::Lines(vec![line(0, "x")]), at(1_000));
    assert_eq!(
        book.sources()[0].silence(at(2_200)),
        Some(Duration::from_secs(1_200))
    );
    let ended = SourceState::Ended("done".to_owned());
    book.apply(FeedId(1), FeedNews::State(SourceId(0), ended), at(1_000));
    assert_eq!(book.sources()[0].silence(at(9_000)), None);
}

#[test]
fn what_was_lost_on_the_way_is_counted() {
    let mut book = book();
    book.apply(FeedId(1), source(0, "web"), at(0));
    book.apply(FeedId(1), FeedNews::Lost(SourceId(0), 40), at(0));
    book.apply(FeedId(1), FeedNews::Lost(SourceId(0), 2), at(0));
    assert_eq!(book.lost(), 42);
}

#[test]
fn sections_know_their_head_their_lines_and_their_time() {
    let mut book = book();
    let section = |section| FeedNews::Section(SourceId(0), section);
    let lines = |texts: &[&str]| FeedNews::Lines(texts.iter().map(|it| line(0, it)).collect());
    let took = Some(Duration::from_secs(3));
    for news in [
        source(0, "job"),
        lines(&["before", "outer head"]),
        section(Section::Begun),
        lines(&["inner head"]),
        section(Section::Begun),
        lines(&["a", "b"]),
        section(Section::Ended { took }),
        lines(&["c"]),
        section(Section::Ended { took: None }),
        section(Section::Ended { took: None }),
        lines(&["after"]),
    ] {
        book.apply(FeedId(1), news, at(0));
    }
    let inner = Fold {
        first: 3,
        end: Some(5),
        took,
    };
    assert_eq!(book.section(2), Some(inner));
    assert_eq!(book.section(1).unwrap().end, Some(6));
    let heads: Vec<_> = (0..7).map(|number| book.head_of(number)).collect();
    assert_eq!(
        heads,
        [None, None, Some(1), Some(2), Some(2), Some(1), None]
    );
}
