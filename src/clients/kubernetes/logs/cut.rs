//! Lines of a container's log out of the frames of its body: each with the time stamp that the kubelet puts before it.
//!
//! Invariant: memory is bounded whatever comes. A line that is too long loses its end, and how much is known.

use jiff::Timestamp;

/// Longer lines are cut.
pub(super) const LONGEST: usize = 64 << 10;

/// One line as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) time: Option<Timestamp>,
    pub(super) text: Vec<u8>,
    pub(super) lost: u32,
}

#[derive(Debug, Default)]
pub(super) struct Cutter {
    begun: Vec<u8>,
    lost: usize,
}

impl Cutter {
    /// Takes a frame; gives the lines that end in it.
    pub(super) fn feed(&mut self, frame: &[u8]) -> Vec<Cut> {
        let mut lines = Vec::new();
        let mut rest = frame;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            self.keep(line);
            lines.extend(self.end());
            rest = after.get(1..).unwrap_or_default();
        }
        self.keep(rest);
        lines
    }

    /// The line that has no end yet: the stream is over.
    pub(super) fn end(&mut self) -> Option<Cut> {
        if self.begun.is_empty() && self.lost == 0 {
            return None;
        }
        let line = std::mem::take(&mut self.begun);
        let lost = u32::try_from(std::mem::take(&mut self.lost)).unwrap_or(u32::MAX);
        let (time, text) = stamped(&line);
        Some(Cut {
            time,
            text: text.to_vec(),
            lost,
        })
    }

    fn keep(&mut self, part: &[u8]) {
        let room = LONGEST.saturating_sub(self.begun.len()).min(part.len());
        let (kept, lost) = part.split_at(room);
        self.begun.extend_from_slice(kept);
        self.lost += lost.len();
    }
}

/// The time stamp and the text behind it. A line without one is all text.
fn stamped(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let space = line.iter().take(40).position(|byte| *byte == b' ');
    // The kubelet writes no space behind the stamp of an empty line.
    let (stamp, text) = match space {
        Some(at) => (line.get(..at), line.get(at + 1..)),
        None if line.len() < 40 => (Some(line), Some(&[][..])),
        None => (None, None),
    };
    let time = stamp
        .and_then(|stamp| std::str::from_utf8(stamp).ok())
        .and_then(|stamp| stamp.parse().ok());
    match (time, text) {
        (Some(time), Some(text)) => (Some(time), text),
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Cut]) -> Vec<String> {
        let text = |line: &Cut| String::from_utf8_lossy(&line.text).into_owned();
        lines.iter().map(text).collect()
    }

    #[test]
    fn lines_come_whole_however_the_frames_are_cut() {
        let log = "2026-11-24T10:00:00.000000001Z one\n2026-11-24T10:00:00.5Z zwei ü\n\nno stamp\n2026-11-24T10:00:01Z\n";
        let mut whole = Cutter::default();
        let expected = whole.feed(log.as_bytes());
        assert_eq!(texts(&expected), ["one", "zwei ü", "no stamp", ""]);
        assert_eq!(expected[0].time.unwrap().subsec_nanosecond(), 1);
        assert_eq!(expected[2].time, None);
        for size in 1..40 {
            let mut cutter = Cutter::default();
            let frames = log.as_bytes().chunks(size);
            let lines: Vec<Cut> = frames.flat_map(|frame| cutter.feed(frame)).collect();
            assert_eq!(lines, expected, "frames of {size} bytes");
        }
    }

    #[test]
    fn a_line_of_ten_megabytes_is_cut_and_says_so() {
        let mut cutter = Cutter::default();
        let part = vec![b'x'; 1 << 20];
        for _ in 0..10 {
            assert_eq!(cutter.feed(&part), []);
        }
        assert!(cutter.begun.capacity() <= 2 * LONGEST);
        let lines = cutter.feed(b"\nnext\n");
        assert_eq!(lines[0].text.len(), LONGEST);
        assert_eq!(lines[0].lost as usize, (10 << 20) - LONGEST);
        assert_eq!(texts(&lines[1..]), ["next"]);
    }

    #[test]
    fn what_has_no_end_is_told_at_the_end() {
        let mut cutter = Cutter::default();
        cutter.feed(b"half");
        assert_eq!(cutter.end().map(|cut| cut.text), Some(b"half".to_vec()));
        assert_eq!(cutter.end(), None);
    }
}
