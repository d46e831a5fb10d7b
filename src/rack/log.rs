//! Lines of logs: kept in a ring, merged by time, taken up again without gap or repeat, made readable.
//!
//! Not here: where they come from (`clients`) and how they look (`ui`). Invariant: text stays as it came, as bytes; what
//! it may do to a terminal is the view's business. What is dropped is counted.

pub mod merge;
pub mod pattern;
pub mod readable;
pub mod resume;
pub mod ring;

use jiff::Timestamp;

/// Numbers the sources of one view, in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// One line as it comes from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub source: SourceId,
    /// When it was written, as its source says; `None` for sources without time stamps.
    pub time: Option<Timestamp>,
    /// Without the line end; bytes, since programs write what they like.
    pub text: Box<[u8]>,
    /// Bytes that were cut off its end because the line was too long.
    pub cut: u32,
}
