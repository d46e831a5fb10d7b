//! What the log viewer holds: the newest lines of every feed, who wrote them, and how each source stands.
//!
//! The lines of one feed come in their order. Of several feeds each line waits a moment for older ones of the others, and
//! longer just after one was opened, so that what was written before stands in order too.
//!
//! Invariant: a source keeps its number and a line keeps its own for as long as the logbook lives; nothing is lost without
//! being counted.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::rack::log::feed::{FeedId, FeedNews, Origin, Section};
use crate::rack::log::merge::Merge;
use crate::rack::log::ring::{Limits, Ring};
use crate::rack::log::{LogLine, SourceId, SourceState};
use crate::rack::problem::Problem;
use crate::rack::time::Now;

/// A source that has not written for so long is said to be silent.
const SILENT: Duration = Duration::from_secs(60);
/// How long the past of a feed that was just opened is waited for, if there is another one.
const OPENING: Duration = Duration::from_secs(2);
/// Sections kept: a trace has some hundred.
const SECTIONS: usize = 10_000;

/// What is open in the viewer.
#[derive(Debug, Clone, Default)]
pub struct Logbook {
    pub title: String,
    pub ring: Ring,
    feeds: Vec<Feed>,
    sources: Vec<LogSource>,
    /// Lines of several feeds that wait for older ones.
    held: Merge,
    /// When the first news came after a feed was opened, by the monotonic clock.
    opened: Option<Duration>,
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
        self.opened = None;
        self.feeds.push(Feed {
            id,
            origin,
            trouble: None,
            sources: BTreeMap::new(),
        });
    }

    /// Takes in what a feed brings. News of a feed that is not open is old and left alone: false.
    pub fn apply(&mut self, id: FeedId, news: FeedNews, now: Now) -> bool {
        let is_alone = self.feeds.len() == 1;
        let Some(feed) = self.feeds.iter_mut().find(|feed| feed.id == id) else {
            return false;
        };
        self.opened.get_or_insert(now.mono);
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
                    let Some(source) = place(line.source, feed) else {
                        continue;
                    };
                    let line = LogLine { source, ..line };
                    let line = if is_alone {
                        Some(line)
                    } else {
                        self.held.hold(line, now.mono)
                    };
                    if let Some(line) = line {
                        take(&mut self.ring, &mut self.sources, &line, now);
                    }
                }
                self.settle(now);
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
                    // It begins behind the line before it, wherever that waits.
                    let held = self.held.flush();
                    self.take_all(&held, now);
                    self.mark_section(source, &section);
                }
            }
            FeedNews::Trouble(problem) => feed.trouble = Some(problem),
        }
        true
    }

    /// Shows the lines that have waited long enough. True when there are any.
    pub fn settle(&mut self, now: Now) -> bool {
        let is_opening = (self.opened).is_none_or(|at| now.since(at) < OPENING);
        if is_opening && !self.held.is_full() {
            return false;
        }
        let ready = self.held.ready(now.mono);
        self.take_all(&ready, now);
        !ready.is_empty()
    }

    fn take_all(&mut self, lines: &[LogLine], now: Now) {
        for line in lines {
            take(&mut self.ring, &mut self.sources, line, now);
        }
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
        self.held = Merge::default();
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
mod tests;
