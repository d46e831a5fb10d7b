//! The log of a CI job as GitLab hands it out: from bytes that grow to rows with sections.
//!
//! A runner writes a header before each line and cuts long or redrawn lines into entries, so lines are joined first and
//! looked at afterwards; sections are found in joined lines. What a row holds are bytes with colours (`ESC [ … m`) and
//! no other escape sequence; making them harmless cells is the view's business.
//!
//! Invariant: whatever the pieces a log came in, the rows are those of one read of the same bytes. Nothing here fails:
//! a log is hostile input, and every byte string is one.

mod ansi;
pub mod cause;
mod entry;
mod layout;
mod marker;
pub mod pushed;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use ansi::Style;
use entry::{Format, Header};
use layout::Layout;
pub use layout::{Row, RowKind, Section, SectionIndex};
use marker::Piece;

/// More lines than this are counted, not kept: a log of nothing but line ends must not fill the memory.
const MOST_LINES: usize = 4_000_000;
/// Lines with markers take more room than others: later ones stay text.
const MOST_MARKED: usize = 200_000;
/// A runner writes an entry without a line end when so many bytes wait.
const FULL_ENTRY: usize = 8 << 10;

/// Who wrote a line: the runner (0), the job's script (1), a service container (15 and up).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    pub number: u8,
    /// The error output of the script.
    pub is_error: bool,
}

/// What a new body of the log brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// The bytes we have.
    Same,
    /// The bytes we have, and more.
    More,
    /// Other bytes: everything was read anew.
    Replaced,
    /// Fewer bytes than we have, which a server that lags behind sends: left alone.
    Shorter,
}

/// A log as far as it has come.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// Bytes taken in, and what they were: a body that begins with them only has to be read from there on.
    length: usize,
    digest: u64,
    /// Decided by the first line.
    format: Option<Format>,
    /// The last line as long as its end has not come.
    tail: Vec<u8>,
    store: Vec<u8>,
    lines: Vec<Line>,
    /// How many of them are no stand-in for the tail.
    committed: usize,
    left_out: usize,
    /// Lines with markers that are whole.
    marked: usize,
    /// Lines that may still be continued, one for each stream.
    open: Vec<Open>,
    styles: Vec<(Option<Stream>, Style)>,
    /// Lines with markers, and lines that are not over.
    pieces: HashMap<u32, Vec<Piece>>,
    layout: Layout,
    /// Rows that no later byte changes, as far as runners are known to write.
    settled: usize,
    finding: cause::Finding,
}

/// One joined line: a part of the store, or pieces of its own.
#[derive(Debug, Clone, Copy)]
struct Line {
    start: u32,
    end: u32,
    /// Microseconds of the clock of the runner, when there is a header.
    time: Option<Micros>,
    stream: Option<Stream>,
    is_in_pieces: bool,
}

/// A time stamp in half the room of a `Timestamp`.
#[derive(Debug, Clone, Copy)]
struct Micros(std::num::NonZeroI64);

#[derive(Debug, Clone)]
struct Open {
    stream: Stream,
    line: usize,
    text: Vec<u8>,
    /// The last entry ended with a redraw or was full, so that more is expected.
    expects_more: bool,
}

impl Trace {
    pub fn new() -> Trace {
        Trace::default()
    }

    /// Takes in the whole log as a server sent it. `is_over`: the job has ended, so a shorter log is one that was erased.
    pub fn take(&mut self, body: &[u8], is_over: bool) -> Growth {
        if body.len() < self.length && !is_over {
            return Growth::Shorter;
        }
        let begins_alike = body
            .get(..self.length)
            .is_some_and(|begin| digest(begin) == self.digest);
        let growth = match begins_alike || self.length == 0 {
            true if body.len() == self.length => return Growth::Same,
            true => Growth::More,
            false => {
                *self = Trace::default();
                Growth::Replaced
            }
        };
        let new = body.get(self.length..).unwrap_or_default();
        self.store.reserve_exact(new.len());
        self.feed(new);
        self.length = body.len();
        self.digest = digest(body);
        self.arrange();
        growth
    }

    /// The length of the log in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    pub fn rows(&self) -> &[Row] {
        &self.layout.rows
    }

    pub fn sections(&self) -> &[Section] {
        &self.layout.sections
    }

    /// Rows that stay as they are while the log grows: what a reader that only appends may show.
    pub fn settled(&self) -> usize {
        self.settled
    }

    /// What it says of a failure.
    pub fn finding(&self) -> cause::Finding {
        self.finding
    }

    /// Lines that were not kept because there are too many.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The bytes of a row: text and colours.
    pub fn text(&self, row: &Row) -> &[u8] {
        let Some(line) = self.lines.get(row.line as usize) else {
            return &[];
        };
        if !line.is_in_pieces {
            return self
                .store
                .get(line.start as usize..line.end as usize)
                .unwrap_or_default();
        }
        let piece = self
            .pieces
            .get(&row.line)
            .and_then(|pieces| pieces.get(usize::from(row.piece)));
        piece.map_or(&[], Piece::text)
    }

    /// The text of a row without colours.
    pub fn plain(&self, row: &Row) -> String {
        String::from_utf8_lossy(&ansi::plain(self.text(row))).into_owned()
    }

    /// When a row was written, by the clock of the runner; logs without time stamps do not say.
    pub fn time(&self, row: &Row) -> Option<Timestamp> {
        let micros = self.lines.get(row.line as usize)?.time?;
        Timestamp::from_microsecond(micros.0.get()).ok()
    }

    pub fn stream(&self, row: &Row) -> Option<Stream> {
        self.lines.get(row.line as usize)?.stream
    }

    /// How long a section took; nothing as long as it is open.
    pub fn duration(&self, section: &Section) -> Option<Duration> {
        section.duration()
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        for index in self.committed..self.lines.len() {
            self.pieces
                .remove(&u32::try_from(index).unwrap_or(u32::MAX));
        }
        self.lines.truncate(self.committed);
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(at);
            if self.tail.is_empty() {
                self.line_ended(line);
            } else {
                let mut whole = std::mem::take(&mut self.tail);
                whole.extend_from_slice(line);
                self.line_ended(&whole);
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.tail.extend_from_slice(bytes);
        self.committed = self.lines.len();
    }

    /// One line of the body, as it ends with a line end.
    fn line_ended(&mut self, line: &[u8]) {
        let format = *self.format.get_or_insert_with(|| Format::of(line));
        let Some((header, text)) = format.split(line) else {
            let index = self.begin(None, None);
            self.end(index, None, line);
            return;
        };
        let Header {
            stream, continues, ..
        } = header;
        let expects_more = text.contains(&b'\r') || text.len() >= FULL_ENTRY;
        if let Some(place) = self.open.iter().position(|open| open.stream == stream) {
            if continues && let Some(open) = self.open.get_mut(place) {
                open.text.extend_from_slice(text);
                open.expects_more = expects_more;
                return;
            }
            let open = self.open.swap_remove(place);
            self.end(open.line, Some(stream), &open.text);
        }
        let line = self.begin(header.time, Some(stream));
        self.open.push(Open {
            stream,
            line,
            text: text.to_vec(),
            expects_more,
        });
    }

    /// Makes room for a line at the place where it began.
    fn begin(&mut self, time: Option<Micros>, stream: Option<Stream>) -> usize {
        if self.lines.len() < MOST_LINES {
            self.lines.push(Line {
                start: 0,
                end: 0,
                time,
                stream,
                is_in_pieces: false,
            });
            return self.lines.len() - 1;
        }
        self.left_out += 1;
        usize::MAX
    }

    /// A joined line is whole: from now on it stays as it is.
    fn end(&mut self, index: usize, stream: Option<Stream>, text: &[u8]) {
        let mut style = self.style(stream);
        let start = self.store.len();
        let pieces = if self.marked < MOST_MARKED {
            marker::pieces(text, &mut style, &mut self.store)
        } else {
            ansi::put_shown(text, &mut style, &mut self.store);
            None
        };
        self.marked += usize::from(pieces.is_some());
        let end = self.store.len();
        self.set_style(stream, style);
        let Some(line) = self.lines.get_mut(index) else {
            self.store.truncate(start);
            return;
        };
        let key = u32::try_from(index).unwrap_or(u32::MAX);
        line.is_in_pieces = pieces.is_some();
        match (pieces, u32::try_from(start), u32::try_from(end)) {
            (Some(pieces), ..) => _ = self.pieces.insert(key, pieces),
            (None, Ok(start), Ok(end)) => (line.start, line.end) = (start, end),
            // Four gigabytes of text: the rest has no place.
            (None, ..) => self.store.truncate(start),
        }
    }

    fn style(&self, stream: Option<Stream>) -> Style {
        let found = self.styles.iter().find(|(of, _)| *of == stream);
        found.map(|(_, style)| style.clone()).unwrap_or_default()
    }

    fn set_style(&mut self, stream: Option<Stream>, style: Style) {
        match self.styles.iter_mut().find(|(of, _)| *of == stream) {
            Some((_, at)) => *at = style,
            None => self.styles.push((stream, style)),
        }
    }

    /// Makes the rows anew. Lines that are not over are shown as they are; the next bytes take them up again.
    fn arrange(&mut self) {
        let mut loose: Vec<(usize, Option<Stream>, Vec<u8>)> = Vec::new();
        let mut unsettled = self
            .open
            .iter()
            .filter(|open| open.expects_more)
            .map(|open| open.line)
            .min();
        for open in &self.open {
            loose.push((open.line, Some(open.stream), open.text.clone()));
        }
        if let Some((header, text)) = self.tail_as_line() {
            let text = entry::without_cut_letter(&text);
            let stream = header.map(|header| header.stream);
            let continued = header
                .filter(|header| header.continues)
                .and_then(|_| loose.iter_mut().find(|(_, of, _)| *of == stream));
            let line = if let Some((line, _, so_far)) = continued {
                so_far.extend_from_slice(text);
                *line
            } else {
                let left_out = self.left_out;
                let line = self.begin(header.and_then(|header| header.time), stream);
                // It is counted when its end comes.
                self.left_out = left_out;
                loose.push((line, stream, text.to_vec()));
                line
            };
            unsettled = Some(unsettled.map_or(line, |before| before.min(line)));
        }
        loose.sort_by_key(|(line, ..)| *line);
        let mut shown: Vec<(Option<Stream>, Style)> = Vec::new();
        for (index, stream, text) in loose {
            let found = shown.iter().find(|(of, _)| *of == stream);
            let mut style = found.map_or_else(|| self.style(stream), |(_, style)| style.clone());
            let mut store = Vec::new();
            let pieces = marker::pieces(&text, &mut style, &mut store);
            shown.insert(0, (stream, style));
            if let Some(line) = self.lines.get_mut(index) {
                line.is_in_pieces = true;
                let key = u32::try_from(index).unwrap_or(u32::MAX);
                self.pieces
                    .insert(key, pieces.unwrap_or_else(|| vec![Piece::Text(store)]));
            }
        }
        self.layout = Layout::of(&self.lines, &self.pieces);
        self.finding = cause::find(self);
        self.settled = match unsettled {
            Some(line) => {
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                self.layout.rows.partition_point(|row| row.line < line)
            }
            None => self.layout.rows.len(),
        };
    }

    /// The unfinished line, unless it may be the beginning of a header.
    fn tail_as_line(&self) -> Option<(Option<Header>, Vec<u8>)> {
        if self.tail.is_empty() {
            return None;
        }
        match self.format {
            Some(Format::Plain) => Some((None, self.tail.clone())),
            _ => match entry::header(&self.tail) {
                Some((header, text)) => Some((Some(header), text.to_vec())),
                None if entry::may_become_header(&self.tail) => None,
                None => Some((None, self.tail.clone())),
            },
        }
    }
}

/// The same log: as many bytes, and the same ones.
impl PartialEq for Trace {
    fn eq(&self, other: &Trace) -> bool {
        (self.length, self.digest) == (other.length, other.digest)
    }
}

impl Eq for Trace {}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
