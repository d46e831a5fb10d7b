//! The release binary in a pseudo-terminal of 160x48, and what a terminal would show of it. Everything is timed when
//! its bytes arrive, before the emulator looks at them.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_bramble");

pub(crate) const WIDTH: u16 = 160;
pub(crate) const HEIGHT: u16 = 48;

pub(crate) struct Cockpit {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    /// Closing it hangs up.
    _master: Box<dyn MasterPty + Send>,
    chunks: Receiver<(Instant, Vec<u8>)>,
    terminal: vt100::Parser,
    /// Just before the program was started.
    pub(crate) started: Instant,
    /// Bytes it sent to the terminal.
    pub(crate) bytes: u64,
}

impl Cockpit {
    /// `home` keeps the user's own configuration out.
    pub(crate) fn start(kubeconfig: &Path, home: &Path) -> Result<Cockpit> {
        let pair = native_pty_system().openpty(PtySize {
            rows: HEIGHT,
            cols: WIDTH,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let mut command = CommandBuilder::new(BINARY);
        command.arg("--kubeconfig");
        command.arg(kubeconfig);
        command.env_clear();
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(level) = std::env::var_os("BRAMBLE_LOG") {
            command.env("BRAMBLE_LOG", level);
        }
        command.cwd(home);
        let mut reader = pair.master.try_clone_reader()?;
        let keyboard = pair.master.take_writer()?;
        let (tell, chunks) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                if tell.send((Instant::now(), bytes)).is_err() {
                    return;
                }
            }
        });
        let started = Instant::now();
        let child = pair.slave.spawn_command(command)?;
        Ok(Cockpit {
            child,
            keyboard,
            _master: pair.master,
            chunks,
            terminal: vt100::Parser::new(HEIGHT.try_into()?, WIDTH.try_into()?, 0),
            started,
            bytes: 0,
        })
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.process_id().context("bramble does not run")
    }

    /// Shows what comes until the screen is as wanted, and tells when the byte arrived that made it so. `None` when
    /// `limit` from now passes, or the program ends. A screen that is so already counts from now.
    pub(crate) fn until(
        &mut self,
        limit: Duration,
        is_there: impl Fn(&Shown<'_>) -> bool,
    ) -> Option<Instant> {
        let begun = Instant::now();
        let deadline = begun + limit;
        if is_there(&Shown(self.terminal.screen())) {
            return Some(begun);
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, bytes) = match self.chunks.recv_timeout(left) {
                Ok(chunk) => chunk,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            };
            self.bytes += bytes.len() as u64;
            self.terminal.process(&bytes);
            if is_there(&Shown(self.terminal.screen())) {
                return Some(at);
            }
        }
    }

    /// Shows what comes for so long.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.until(time, |_| false);
    }

    /// Presses keys, and tells when.
    pub(crate) fn press(&mut self, keys: &str) -> Result<Instant> {
        let now = Instant::now();
        self.keyboard.write_all(keys.as_bytes())?;
        self.keyboard.flush()?;
        Ok(now)
    }

    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown(self.terminal.screen())
    }
}

impl Drop for Cockpit {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `cat` in a pseudo-terminal of its own: the least that a program can do with a key.
pub(crate) struct Echo {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    _master: Box<dyn MasterPty + Send>,
    reader: Box<dyn Read + Send>,
}

impl Echo {
    pub(crate) fn start() -> Result<Echo> {
        let pair = native_pty_system().openpty(PtySize::default())?;
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", "stty raw -echo && printf ready && exec cat"]);
        let mut reader = pair.master.try_clone_reader()?;
        let keyboard = pair.master.take_writer()?;
        let child = pair.slave.spawn_command(command)?;
        let mut ready = [0; 5];
        reader.read_exact(&mut ready)?;
        Ok(Echo {
            child,
            keyboard,
            _master: pair.master,
            reader,
        })
    }

    /// From a key to its echo.
    pub(crate) fn key(&mut self) -> Result<Duration> {
        let pressed = Instant::now();
        self.keyboard.write_all(b"x")?;
        self.reader.read_exact(&mut [0])?;
        Ok(pressed.elapsed())
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The screen at one moment.
pub(crate) struct Shown<'a>(&'a vt100::Screen);

impl Shown<'_> {
    pub(crate) fn rows(&self) -> Vec<String> {
        self.0.rows(0, WIDTH).collect()
    }

    pub(crate) fn row(&self, index: usize) -> String {
        self.0.rows(0, WIDTH).nth(index).unwrap_or_default()
    }

    /// Head and foot are drawn.
    pub(crate) fn is_complete(&self) -> bool {
        let rows = self.rows();
        let foot = rows.last().is_some_and(|row| !row.trim().is_empty());
        foot && rows.first().is_some_and(|row| row.contains("bramble"))
    }

    /// Rows of the table that show a board.
    pub(crate) fn boards(&self) -> usize {
        self.rows()
            .iter()
            .filter(|row| row.contains(" board-"))
            .count()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.row(0).contains(" live ")
    }

    /// The outage is said in the head, and why beside the tabs.
    pub(crate) fn has_banner(&self) -> bool {
        self.row(0).contains(" stale ") && self.row(1).contains("✗ ")
    }

    /// The row of the cursor bar.
    pub(crate) fn cursor(&self) -> Option<u16> {
        (0..HEIGHT).find(|row| {
            self.0
                .cell(*row, 1)
                .is_some_and(|cell| cell.contents() == "▌")
        })
    }
}
