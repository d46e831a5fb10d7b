//! Lines of a watch out of the frames of its body. A line that lies in one frame is handed on without a copy.

use bytes::Bytes;

/// Far above any real object: etcd takes 1.5 MB, and a line of 10 MB must still be read.
pub(super) const LONGEST: usize = 32 << 20;

#[derive(Debug, Default)]
pub(super) struct Lines {
    frame: Bytes,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// Takes the next frame. All lines of the frame before must have been taken out.
    pub(super) fn feed(&mut self, frame: Bytes) {
        self.frame = frame;
    }

    /// The next whole line, without its end; empty lines are left out.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        loop {
            let Some(end) = self.frame.iter().position(|&byte| byte == b'\n') else {
                let rest = std::mem::take(&mut self.frame);
                self.begun.extend_from_slice(&rest);
                return if self.begun.len() > LONGEST {
                    Err(TooLong)
                } else {
                    Ok(None)
                };
            };
            let mut line = self.frame.split_to(end + 1);
            line.truncate(end);
            if !self.begun.is_empty() {
                self.begun.extend_from_slice(&line);
                line = Bytes::from(std::mem::take(&mut self.begun));
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frames: &[&'static str]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for frame in frames {
            lines.feed(Bytes::from_static(frame.as_bytes()));
            while let Some(line) = lines.next().unwrap() {
                all.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        all
    }

    #[test]
    fn lines_come_whole_however_the_frames_are_cut() {
        assert_eq!(read(&["one\ntwo\n"]), ["one", "two"]);
        assert_eq!(read(&["o", "ne\ntw", "o", "\n"]), ["one", "two"]);
        assert_eq!(read(&["\n\n", "one\r\n", "\n"]), ["one\r"]);
        assert_eq!(read(&["one\nhalf a li"]), ["one"]);
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::default();
        lines.feed(Bytes::from(vec![b'x'; LONGEST]));
        assert_eq!(lines.next(), Ok(None));
        lines.feed(Bytes::from_static(b"x"));
        assert_eq!(lines.next(), Err(TooLong));
    }
}
