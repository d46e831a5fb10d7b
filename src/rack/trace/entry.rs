//! The 32 bytes a runner writes before each line since 18.7: time, stream, and whether the line goes on.
//!
//! `2026-10-01T10:20:00.035574Z 00O+text`: 27 bytes of time in UTC, a blank, two hexadecimal digits for the stream, `O`
//! or `E` for its error output, and `+` on an entry that continues the one before of its stream.

use std::num::NonZeroI64;

use jiff::Timestamp;

use super::{Micros, Stream};

/// The length of a header.
const LENGTH: usize = 32;
/// `d` stands for a digit.
const SHAPE: &[u8; 28] = b"dddd-dd-ddTdd:dd:dd.ddddddZ ";

/// How the lines of a log begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// With a header each, but for what the runner adds late.
    Stamped,
    Plain,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) time: Option<Micros>,
    pub(super) stream: Stream,
    pub(super) continues: bool,
}

impl Format {
    /// The format of the log that begins with this line.
    pub(super) fn of(line: &[u8]) -> Format {
        match header(line) {
            Some(_) => Format::Stamped,
            None => Format::Plain,
        }
    }

    /// The header and the text of a line; nothing when it has no header.
    pub(super) fn split(self, line: &[u8]) -> Option<(Header, &[u8])> {
        match self {
            Format::Stamped => header(line),
            Format::Plain => None,
        }
    }
}

/// The header a line begins with, and the text behind it.
pub(super) fn header(line: &[u8]) -> Option<(Header, &[u8])> {
    let (head, text) = line.split_at_checked(LENGTH)?;
    let (time, rest) = head.split_at_checked(SHAPE.len())?;
    if !fits(time, SHAPE) {
        return None;
    }
    let (number, kind) = rest.split_at_checked(2)?;
    if !number.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let is_error = match kind.first()? {
        b'O' => false,
        b'E' => true,
        _ => return None,
    };
    let continues = match kind.get(1)? {
        b' ' => false,
        b'+' => true,
        _ => return None,
    };
    let number = std::str::from_utf8(number).ok()?;
    let header = Header {
        time: micros(time),
        stream: Stream {
            number: u8::from_str_radix(number, 16).ok()?,
            is_error,
        },
        continues,
    };
    Some((header, text))
}

/// Whether these bytes may be a header that has not come whole.
pub(super) fn may_become_header(bytes: &[u8]) -> bool {
    bytes.len() < LENGTH && fits(bytes.get(..SHAPE.len()).unwrap_or(bytes), SHAPE)
}

fn fits(bytes: &[u8], shape: &[u8]) -> bool {
    bytes.iter().zip(shape).all(|(byte, form)| match form {
        b'd' => byte.is_ascii_digit(),
        form => byte == form,
    })
}

fn micros(time: &[u8]) -> Option<Micros> {
    let text = std::str::from_utf8(time).ok()?.trim_end();
    let time: Timestamp = text.parse().ok()?;
    NonZeroI64::new(time.as_microsecond()).map(Micros)
}

/// The bytes without a letter at their end of which only a part has come.
pub(super) fn without_cut_letter(bytes: &[u8]) -> &[u8] {
    let from = bytes.len().saturating_sub(3);
    let last = bytes.get(from..).unwrap_or_default();
    let Some(lead) = last.iter().rposition(|byte| byte & 0xc0 != 0x80) else {
        return bytes;
    };
    let length = match last.get(lead) {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return bytes,
    };
    if last.len() - lead < length {
        return bytes.get(..from + lead).unwrap_or(bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_32_bytes_of_a_fixed_shape() {
        let (header, text) = header(b"2026-10-01T10:20:00.035574Z 1fE+text").unwrap();
        assert_eq!(
            header.stream,
            Stream {
                number: 31,
                is_error: true
            }
        );
        assert!(header.continues);
        assert_eq!(text, b"text");
        let time = Timestamp::from_microsecond(header.time.unwrap().0.get()).unwrap();
        assert_eq!(time.to_string(), "2026-10-01T10:20:00.035574Z");
        for other in [
            &b"2026-10-01T10:20:00.035574Z 00X text"[..],
            b"2026-10-01T10:20:00.035574Z 00O-text",
            b"2026-10-01T10:20:00.035574Z zzO text",
            b"2026-10-01 10:20:00.035574Z 00O text",
            b"2026-10-01T10:20:00.035574Z 00O",
            b"",
        ] {
            assert!(super::header(other).is_none(), "{:?}", other.escape_ascii());
        }
    }

    #[test]
    fn an_impossible_time_is_a_header_without_a_time() {
        let (header, _) = header(b"2026-19-41T10:20:00.035574Z 00O text").unwrap();
        assert!(header.time.is_none());
    }

    #[test]
    fn the_last_letter_waits_for_its_last_byte() {
        for (bytes, expected) in [
            ("aä".as_bytes(), "aä".len()),
            (b"a\xc3", 1),
            (b"a\xf0\x9f\x92", 1),
            (b"a\xff", 2),
            (b"\xbf\xbf\xbf\xbf", 4),
            (b"", 0),
        ] {
            assert_eq!(without_cut_letter(bytes).len(), expected, "{bytes:?}");
        }
    }
}
