//! The newest lines in bounded memory: text in blocks, a small entry for each line.
//!
//! Invariant: line numbers only grow and a line keeps its number; at most [`Limits`] are held, the oldest go first, and
//! how many went is known.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::rack::log::{LogLine, SourceId};

/// Bytes of one block of text. A block is freed when its last line has gone.
const BLOCK: usize = 256 << 10;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub lines: usize,
    /// Of text; what is kept about each line comes on top, 32 bytes.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            lines: 100_000,
            bytes: 32 << 20,
        }
    }
}

/// The newest lines of all sources, in the order in which they were added.
#[derive(Debug, Clone)]
pub struct Ring {
    limits: Limits,
    blocks: VecDeque<Block>,
    /// The number of the first block.
    first_block: u64,
    entries: VecDeque<Entry>,
    /// The number of the first line that is kept: so many were dropped.
    first: u64,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Block {
    text: Vec<u8>,
    /// Lines that are still kept in it.
    lines: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    block: u64,
    start: u32,
    length: u32,
    cut: u32,
    source: SourceId,
    has_time: bool,
    /// Nanoseconds since 1970 fit until the year 2262.
    time: i64,
}

/// One line in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    pub number: u64,
    pub source: SourceId,
    pub time: Option<Timestamp>,
    pub text: &'a [u8],
    /// Bytes that were cut off its end.
    pub cut: u32,
}

impl Default for Ring {
    fn default() -> Ring {
        Ring::new(Limits::default())
    }
}

impl Ring {
    pub fn new(limits: Limits) -> Ring {
        Ring {
            limits,
            blocks: VecDeque::new(),
            first_block: 0,
            entries: VecDeque::new(),
            first: 0,
            bytes: 0,
        }
    }

    /// Lines that are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lines that had to go; also the number of the first one that is kept.
    pub fn dropped(&self) -> u64 {
        self.first
    }

    /// The number the next line will get.
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Bytes of memory taken, text and entries.
    pub fn memory(&self) -> usize {
        let text: usize = self.blocks.iter().map(|block| block.text.capacity()).sum();
        text + self.entries.capacity() * size_of::<Entry>()
    }

    pub fn push(&mut self, line: &LogLine) {
        let length = line.text.len();
        let has_room = (self.blocks.back()).is_some_and(|block| block.text.len() + length <= BLOCK);
        if !has_room {
            self.blocks.push_back(Block {
                text: Vec::with_capacity(BLOCK.max(length)),
                lines: 0,
            });
        }
        let block = self.first_block + self.blocks.len() as u64 - 1;
        let Some(last) = self.blocks.back_mut() else {
            return;
        };
        let start = u32::try_from(last.text.len()).unwrap_or(u32::MAX);
        last.text.extend_from_slice(&line.text);
        last.lines += 1;
        self.bytes += length;
        let nanoseconds = line.time.map(Timestamp::as_nanosecond);
        self.entries.push_back(Entry {
            block,
            start,
            length: u32::try_from(length).unwrap_or(u32::MAX),
            cut: line.cut,
            source: line.source,
            has_time: line.time.is_some(),
            time: i64::try_from(nanoseconds.unwrap_or_default()).unwrap_or_default(),
        });
        while self.entries.len() > self.limits.lines || self.bytes > self.limits.bytes {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.first += 1;
        self.bytes = self.bytes.saturating_sub(entry.length as usize);
        if let Some(block) = self.blocks.front_mut() {
            block.lines = block.lines.saturating_sub(1);
        }
        while self.blocks.len() > 1 && self.blocks.front().is_some_and(|it| it.lines == 0) {
            self.blocks.pop_front();
            self.first_block += 1;
        }
    }

    /// The line with this number; `None` when it has gone or has not come yet.
    pub fn get(&self, number: u64) -> Option<Line<'_>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get(index)?;
        let block = usize::try_from(entry.block.checked_sub(self.first_block)?).ok()?;
        let start = entry.start as usize;
        let text = self
            .blocks
            .get(block)?
            .text
            .get(start..start + entry.length as usize)?;
        Some(Line {
            number,
            source: entry.source,
            time: entry
                .has_time
                .then(|| Timestamp::from_nanosecond(i128::from(entry.time)).ok())
                .flatten(),
            text,
            cut: entry.cut,
        })
    }

    /// The lines from `number` on, or from the first that is kept.
    pub fn from(&self, number: u64) -> impl DoubleEndedIterator<Item = Line<'_>> {
        (number.max(self.first)..self.end()).filter_map(|number| self.get(number))
    }

    /// The lines before `number`, the nearest first.
    pub fn before(&self, number: u64) -> impl Iterator<Item = Line<'_>> {
        (self.first..number.min(self.end()))
            .rev()
            .filter_map(|number| self.get(number))
    }

    /// Forgets every line; numbers go on.
    pub fn clear(&mut self) {
        self.first = self.end();
        self.first_block += self.blocks.len() as u64;
        self.blocks.clear();
        self.entries.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            source: SourceId(3),
            time: Timestamp::from_second(1_700_000_000).ok(),
            text: text.as_bytes().into(),
            cut: 0,
        }
    }

    fn texts(ring: &Ring) -> Vec<String> {
        let text = |line: Line<'_>| String::from_utf8_lossy(line.text).into_owned();
        ring.from(0).map(text).collect()
    }

    #[test]
    fn a_line_keeps_its_number_while_older_ones_go() {
        let mut ring = Ring::new(Limits {
            lines: 3,
            bytes: 1_000,
        });
        for number in 0..10 {
            ring.push(&line(&format!("line {number}")));
        }
        assert_eq!(texts(&ring), ["line 7", "line 8", "line 9"]);
        assert_eq!((ring.dropped(), ring.end(), ring.len()), (7, 10, 3));
        assert_eq!(ring.get(6), None);
        let kept = ring.get(8).unwrap();
        assert_eq!(
            (kept.number, kept.source, kept.text),
            (8, SourceId(3), &b"line 8"[..])
        );
        assert_eq!(kept.time.unwrap().as_second(), 1_700_000_000);
        assert_eq!(ring.get(10), None);
        let back: Vec<u64> = ring.before(9).map(|line| line.number).collect();
        assert_eq!(back, [8, 7]);
    }

    #[test]
    fn long_lines_push_out_as_many_as_they_need() {
        let mut ring = Ring::new(Limits {
            lines: 100,
            bytes: 1_000_000,
        });
        for _ in 0..10 {
            ring.push(&line(&"x".repeat(300_000)));
        }
        assert_eq!(ring.len(), 3);
        assert!(ring.memory() < 1_500_000, "{}", ring.memory());
    }

    #[test]
    fn the_newest_hundred_thousand_lines_stay_under_forty_megabytes() {
        let mut ring = Ring::default();
        let long =
            "a line of an ordinary length, with a time stamp and a few words of what happened "
                .repeat(4);
        for number in 0..300_000 {
            ring.push(&line(&format!("{number} {long}")));
        }
        assert!(ring.memory() < 40_000_000, "{}", ring.memory());
        assert!(ring.len() > 90_000, "{}", ring.len());
        assert_eq!(ring.dropped() + ring.len() as u64, 300_000);
    }

    #[test]
    fn a_cleared_ring_goes_on_counting() {
        let mut ring = Ring::default();
        ring.push(&line("a"));
        ring.clear();
        ring.push(&line("b"));
        assert_eq!(texts(&ring), ["b"]);
        assert_eq!(ring.get(1).map(|line| line.number), Some(1));
    }
}
