//! What the log viewer holds: the newest lines of every feed, who wrote them, and how each source stands.
//!
//! Invariant: a source keeps its number and a line keeps its own for as long as the logbook lives; nothing is lost without
//! being counted.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::rack::log::feed::{FeedId, FeedNews, Origin, Section};
use crate::rack::log::ring::{Limits, Ring};
use crate::rack::log::{LogLine, SourceId, SourceState};
use crate::rack::problem::Problem;
use crate::rack::time::Now;

/// A source that has not written for so long is said to be silent.
const SILENT: Duration = Duration::from_secs(60);
/// Sections kept: a trace has some hundred.
const SECTIONS: usize = 10_000;

/// What is open in the viewer.
#[derive(Debug, Clone, Default)]
pub struct Logbook {
    pub title: String,
    pub ring: Ring,
    feeds: Vec<Feed>,
    sources: Vec<LogSource>,
    sections: BTreeMap<u64, Fold>,
    /// Sections that have begun and not ended, by source, the innermost last.
    open: BTreeMap<SourceId, Vec<u64>>,
}

/// What was opened at one time.
#[derive(Debug, Clone)]
pub struct Feed {
    pub id: FeedId,
    pub origin: Origin,
    /// What keeps it from being read as a whole.
    pub trouble: Option<Box<Problem>>,
    /// The numbers of its sources here.
    sources: BTreeMap<SourceId, SourceId>,
}

/// Who writes lines.
#[derive(Debug, Clone)]
pub struct LogSource {
    pub name: String,
    short: String,
    /// Another source has the same short name.
    is_ambiguous: bool,
    pub state: SourceState,
    /// Lines that came.
    pub lines: u64,
    /// Lines that were lost before they came here.
    pub lost: u64,
    /// The newest line, by the writer's clock.
    pub newest: Option<Timestamp>,
    /// When a line came last, by ours; at first, when the source was found.
    pub heard: Duration,
}

/// Lines that belong together, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    pub first: u64,
    /// The line behind the last; `None` while it goes on.
    pub end: Option<u64>,
    pub took: Option<Duration>,
}

impl Logbook {
    pub fn with_limits(limits: Limits) -> Logbook {
        Logbook {
            ring: Ring::new(limits),
            ..Logbook::default()
        }
    }

    /// True when nothing was opened.
    pub fn is_closed(&self) -> bool {
        self.feeds.is_empty()
    }

    pub fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    pub fn sources(&self) -> &[LogSource] {
        &self.sources
    }

    pub fn source(&self, id: SourceId) -> Option<&LogSource> {
        self.sources.get(usize::from(id.0))
    }

    /// Lines that were lost on the way to us.
    pub fn lost(&self) -> u64 {
        self.sources.iter().map(|source| source.lost).sum()
    }

    /// The section whose head is this line.
    pub fn section(&self, head: u64) -> Option<Fold> {
        self.sections.get(&head).copied()
    }

    /// The head of the innermost section that the line stands in.
    pub fn head_of(&self, number: u64) -> Option<u64> {
        let is_in = |fold: &Fold| number >= fold.first && fold.end.is_none_or(|end| number < end);
        let before = self.sections.range(..number).rev();
        before
            .take(64)
            .find(|(_, fold)| is_in(fold))
            .map(|(head, _)| *head)
    }

    /// Something more is read from now on.
    pub fn open(&mut self, id: FeedId, origin: Origin) {
        self.feeds.push(Feed {
            id,
            origin,
            trouble: None,
            sources: BTreeMap::new(),
        });
    }

    /// Takes in what a feed brings. News of a feed that is not open is old and left alone: false.
    pub fn apply(&mut self, id: FeedId, news: FeedNews, now: Now) -> bool {
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == id) else {
            return false;
        };
        let place = |source: SourceId, feed: &Feed| feed.sources.get(&source).copied();
        match news {
            FeedNews::Source {
                source,
                name,
                short,
            } => {
                let Ok(number) = u16::try_from(self.sources.len()) else {
                    return true;
                };
                feed.sources.insert(source, SourceId(number));
                self.add_source(name, short, now);
            }
            FeedNews::Lines(lines) => {
                for line in lines {
                    if let Some(source) = place(line.source, feed) {
                        take(
                            &mut self.ring,
                            &mut self.sources,
                            &LogLine { source, ..line },
                            now,
                        );
                    }
                }
            }
            FeedNews::State(source, state) => {
                feed.trouble = None;
                let source = place(source, feed);
                if let Some(source) = source.and_then(|it| self.sources.get_mut(usize::from(it.0)))
                {
                    source.state = state;
                }
            }
            FeedNews::Lost(source, count) => {
                let source = place(source, feed);
                if let Some(source) = source.and_then(|it| self.sources.get_mut(usize::from(it.0)))
                {
                    source.lost += count;
                }
            }
            FeedNews::Section(source, section) => {
                if let Some(source) = place(source, feed) {
                    self.mark_section(source, &section);
                }
            }
            FeedNews::Trouble(problem) => feed.trouble = Some(problem),
        }
        true
    }

    fn add_source(&mut self, name: String, short: String, now: Now) {
        let mut is_ambiguous = false;
        for other in self.sources.iter_mut().filter(|other| other.short == short) {
            other.is_ambiguous = true;
            is_ambiguous = true;
        }
        self.sources.push(LogSource {
            name,
            short,
            is_ambiguous,
            state: SourceState::Waiting("asked for".to_owned()),
            lines: 0,
            lost: 0,
            newest: None,
            heard: now.mono,
        });
    }

    fn mark_section(&mut self, source: SourceId, section: &Section) {
        let end = self.ring.end();
        let open = self.open.entry(source).or_default();
        match section {
            Section::Begun => {
                let head = end.saturating_sub(1);
                open.push(head);
                let fold = Fold {
                    first: end,
                    end: None,
                    took: None,
                };
                self.sections.insert(head, fold);
                if self.sections.len() > SECTIONS {
                    self.sections.pop_first();
                }
            }
            Section::Ended { took } => {
                let head = open.pop();
                if let Some(fold) = head.and_then(|head| self.sections.get_mut(&head)) {
                    fold.end = Some(end);
                    fold.took = *took;
                }
            }
        }
    }

    /// Forgets the lines; what is read goes on.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.sections.clear();
        self.open.clear();
    }
}

fn take(ring: &mut Ring, sources: &mut [LogSource], line: &LogLine, now: Now) {
    if let Some(source) = sources.get_mut(usize::from(line.source.0)) {
        source.lines += 1;
        source.heard = now.mono;
        source.newest = source.newest.max(line.time);
    }
    ring.push(line);
}

impl LogSource {
    /// The name before its lines.
    pub fn short(&self) -> &str {
        if self.is_ambiguous {
            &self.name
        } else {
            &self.short
        }
    }

    /// How long nothing came from a source that could write; `None` when it is not long, or it has ended.
    pub fn silence(&self, now: Now) -> Option<Duration> {
        if !matches!(self.state, SourceState::Reading) {
            return None;
        }
        // The past that was read at first says when it wrote last; our own clock only when it began to be read.
        let by_stamp = self.newest.map(|newest| now.age_of(newest));
        let silence = by_stamp.unwrap_or(now.since(self.heard));
        (silence >= SILENT).then_some(silence)
    }
}

#[cfg(test)]
mod tests {
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
}
