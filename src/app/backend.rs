//! The terminal as ratatui sees it, thrifty with bytes: a frame goes out in one write, and the cursor is hidden once,
//! not once a frame. Over a thin SSH line an idle rack costs what its changed digits cost.

mod encode;

use std::io::{self, Write};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// Frames below this many bytes cannot tear: they go out without the 16 bytes of a synchronized update.
const SYNCHRONIZE_FROM: usize = 256;

/// A [`CrosstermBackend`] whose frames are gathered and whose cursor state is remembered. Cursor commands are queued,
/// where crossterm's own flush after each of them would tear the frame.
pub struct ThriftyBackend<W: Write> {
    inner: CrosstermBackend<Frame<W>>,
    /// `None` before the first frame.
    cursor_shown: Option<bool>,
    cursor_at: Option<Position>,
}

/// Collects a frame and writes it whole on `flush`.
struct Frame<W: Write> {
    bytes: Vec<u8>,
    out: W,
}

impl<W: Write> Frame<W> {
    fn send(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        if self.bytes.len() >= SYNCHRONIZE_FROM {
            let mut whole = Vec::with_capacity(self.bytes.len() + 16);
            queue!(whole, BeginSynchronizedUpdate)?;
            whole.append(&mut self.bytes);
            queue!(whole, EndSynchronizedUpdate)?;
            self.bytes = whole;
        }
        let result = self.out.write_all(&self.bytes);
        self.bytes.clear();
        result?;
        self.out.flush()
    }
}

impl<W: Write> Write for Frame<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// The end of a frame.
    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl<W: Write> ThriftyBackend<W> {
    pub fn new(out: W) -> Self {
        let inner = CrosstermBackend::new(Frame {
            bytes: Vec::new(),
            out,
        });
        Self {
            inner,
            cursor_shown: None,
            cursor_at: None,
        }
    }

    /// Sends bytes that are no part of a frame, such as a clipboard sequence.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        Write::flush(&mut self.inner)
    }
}

impl<W: Write> Backend for ThriftyBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        // Drawing moves the cursor; where it was meant to stand must be said again.
        self.cursor_at = None;
        let width = self.inner.size().map_or(u16::MAX, |size| size.width);
        encode::encode(content, width, &mut self.inner)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(false) {
            self.cursor_shown = Some(false);
            queue!(self.inner, Hide)?;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.cursor_shown != Some(true) {
            self.cursor_shown = Some(true);
            queue!(self.inner, Show)?;
        }
        Ok(())
    }

    /// Never asks the terminal: a terminal that does not answer would stop us for seconds.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor_at.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor_at != Some(position) {
            self.cursor_at = Some(position);
            queue!(self.inner, MoveTo(position.x, position.y))?;
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        queue!(self.inner, Clear(crossterm::terminal::ClearType::All))
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ratatui::layout::Rect;
    use ratatui::widgets::Paragraph;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::*;

    /// What a terminal has received.
    #[derive(Clone, Default)]
    struct Wire(Arc<Mutex<Vec<u8>>>);

    impl Wire {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
        }
    }

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn terminal() -> (Terminal<ThriftyBackend<Wire>>, Wire) {
        let wire = Wire::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, 40, 10));
        let backend = ThriftyBackend::new(wire.clone());
        (
            Terminal::with_options(backend, TerminalOptions { viewport }).unwrap(),
            wire,
        )
    }

    fn draw(terminal: &mut Terminal<ThriftyBackend<Wire>>, text: &str) {
        terminal
            .draw(|frame| frame.render_widget(Paragraph::new(text), frame.area()))
            .unwrap();
    }

    #[test]
    fn an_unchanged_frame_costs_nothing_and_a_digit_next_to_nothing() {
        let (mut terminal, wire) = terminal();
        draw(&mut terminal, "age 1s");
        wire.take();
        draw(&mut terminal, "age 1s");
        assert_eq!(wire.take(), "");
        draw(&mut terminal, "age 2s");
        let digit = wire.take();
        assert!(digit.len() < 32 && digit.contains('2'), "{digit:?}");
    }

    #[test]
    fn a_large_frame_is_one_synchronized_update() {
        let (mut terminal, wire) = terminal();
        draw(
            &mut terminal,
            &["wide wide wide wide wide wide wide wide"; 9].join("\n"),
        );
        let bytes = wire.take();
        assert!(
            bytes.starts_with("\x1b[?2026h") && bytes.ends_with("\x1b[?2026l"),
            "{bytes:?}"
        );
    }

    #[test]
    fn the_cursor_is_hidden_once() {
        let (mut terminal, wire) = terminal();
        for _ in 0..3 {
            terminal.backend_mut().hide_cursor().unwrap();
            Backend::flush(terminal.backend_mut()).unwrap();
        }
        assert_eq!(wire.take(), "\x1b[?25l");
    }
}
