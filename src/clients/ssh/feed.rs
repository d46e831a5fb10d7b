//! Lines on their way from a board to whoever shows them: a ring that never makes the sender wait.
//!
//! A channel that is not read freezes the whole connection, so the reading side of a connection must never wait for a
//! slow screen: the oldest lines are dropped, and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A line longer than this is cut; the rest of it counts as dropped bytes nobody misses.
const LONGEST_LINE: usize = 64 * 1024;

/// Which stream of the remote command a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// One line without its end. The text is the board's: hostile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub stream: Stream,
    pub text: String,
}

/// What came since the last time somebody asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub lines: Vec<Line>,
    /// Lines that were lost before these.
    pub dropped: u64,
}

/// The end that is given to [`super::Ssh::follow`].
#[derive(Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    partial: [Vec<u8>; 2],
}

/// The end that is read. Dropping it ends the remote command.
#[derive(Debug)]
pub struct Lines {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// Something to read, or no more writer.
    readable: Notify,
    /// No more reader.
    unwanted: Notify,
}

#[derive(Debug)]
struct Ring {
    lines: VecDeque<Line>,
    capacity: usize,
    dropped: u64,
    has_writer: bool,
    has_reader: bool,
}

/// A ring of `capacity` lines.
pub fn feed(capacity: usize) -> (Feed, Lines) {
    let shared = Arc::new(Shared {
        ring: Mutex::new(Ring {
            lines: VecDeque::new(),
            capacity: capacity.max(1),
            dropped: 0,
            has_writer: true,
            has_reader: true,
        }),
        readable: Notify::new(),
        unwanted: Notify::new(),
    });
    let feed = Feed {
        shared: Arc::clone(&shared),
        partial: [Vec::new(), Vec::new()],
    };
    (feed, Lines { shared })
}

impl Shared {
    /// A panic while it was held cannot leave a ring half changed.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    /// Takes bytes as they come; whole lines go on their way.
    pub(super) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let partial = &mut self.partial[stream as usize];
            let room = LONGEST_LINE.saturating_sub(partial.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            partial.extend_from_slice(&text[..text.len().min(room)]);
            if part.ends_with(b"\n") {
                self.end_line(stream);
            }
        }
    }

    /// Waits until nobody reads any more.
    pub(super) async fn unwanted(&self) {
        let waiting = self.shared.unwanted.notified();
        if self.shared.ring().has_reader {
            waiting.await;
        }
    }

    fn end_line(&mut self, stream: Stream) {
        let mut bytes = std::mem::take(&mut self.partial[stream as usize]);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut ring = self.shared.ring();
        if ring.lines.len() >= ring.capacity {
            ring.lines.pop_front();
            ring.dropped += 1;
        }
        ring.lines.push_back(Line { stream, text });
        drop(ring);
        self.shared.readable.notify_one();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        for stream in [Stream::Out, Stream::Err] {
            if !self.partial[stream as usize].is_empty() {
                self.end_line(stream);
            }
        }
        self.shared.ring().has_writer = false;
        self.shared.readable.notify_one();
    }
}

impl Lines {
    /// Waits for lines; `None` when the command has ended and everything was read.
    pub async fn next(&mut self) -> Option<Batch> {
        loop {
            let waiting = self.shared.readable.notified();
            {
                let mut ring = self.shared.ring();
                if !ring.lines.is_empty() || ring.dropped > 0 {
                    return Some(Batch {
                        lines: ring.lines.drain(..).collect(),
                        dropped: std::mem::take(&mut ring.dropped),
                    });
                }
                if !ring.has_writer {
                    return None;
                }
            }
            waiting.await;
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.ring().has_reader = false;
        self.shared.unwanted.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(batch: &Batch) -> Vec<&str> {
        batch.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[tokio::test]
    async fn lines_arrive_whole_however_the_bytes_are_cut() {
        let (mut feed, mut lines) = feed(10);
        feed.push(Stream::Out, b"one\r\ntw");
        feed.push(Stream::Err, b"oops\n");
        feed.push(Stream::Out, b"o\nthree");
        drop(feed);
        let batch = lines.next().await.unwrap();
        assert_eq!(texts(&batch), ["one", "oops", "two", "three"]);
        assert_eq!(batch.lines[1].stream, Stream::Err);
        assert_eq!(lines.next().await, None);
    }

    #[tokio::test]
    async fn a_slow_reader_loses_the_oldest_lines_and_is_told_how_many() {
        let (mut feed, mut lines) = feed(2);
        feed.push(Stream::Out, b"1\n2\n3\n4\n5\n");
        let batch = lines.next().await.unwrap();
        assert_eq!((texts(&batch), batch.dropped), (vec!["4", "5"], 3));
    }

    #[tokio::test]
    async fn an_endless_line_is_cut() {
        let (mut feed, mut lines) = feed(2);
        for _ in 0..100 {
            feed.push(Stream::Out, &[b'x'; 4_096]);
        }
        feed.push(Stream::Out, b"\nnext\n");
        let batch = lines.next().await.unwrap();
        assert_eq!(batch.lines[0].text.len(), LONGEST_LINE);
        assert_eq!(batch.lines[1].text, "next");
    }

    #[tokio::test]
    async fn the_sender_learns_that_nobody_reads_any_more() {
        let (feed, lines) = feed(2);
        drop(lines);
        feed.unwanted().await;
    }
}
