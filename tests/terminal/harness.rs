//! A person at a terminal: starts the program below a shell, presses keys, and looks at the screen until it shows what
//! is waited for. Nothing sleeps for a fixed time.
//!
//! The shell matters: when the first process of a terminal ends, the kernel itself puts the terminal's modes right, so a
//! program that runs alone could leave anything behind unseen.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use vt100::Screen;

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// How often things are looked at that cannot be waited for, such as the state of a process.
const GLANCE: Duration = Duration::from_millis(20);

/// Runs the program, says how it ended, and waits for a key so that the terminal can be looked at.
const SHELL: &str = r#"
printf 'before\r\n'
sh -c 'echo $$ >"$PID_FILE"; exec "$@" 2>"$ERRORS"' sh "$@"
printf 'ended with <%s>\r\n' "$?"
read -r line
"#;

/// What is started, and where.
pub(crate) struct Start {
    command: Vec<String>,
    shell: &'static str,
    size: (u16, u16),
    env: Vec<(String, String)>,
    home: Arc<TempDir>,
}

/// A running program, its terminal and its keyboard.
pub(crate) struct Session {
    home: Arc<TempDir>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    shell: Box<dyn Child + Send + Sync>,
    eye: Arc<Eye>,
    reader: Option<JoinHandle<()>>,
    modes: String,
}

/// What came out of the program, and somebody to wake when more does.
struct Eye {
    seen: Mutex<Seen>,
    news: Condvar,
}

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    /// Set to have the reader let go of the terminal at the next output.
    is_closing: bool,
}

impl Start {
    /// `bramble` with these arguments, on 80x24, in a home of its own.
    pub(crate) fn bramble<const N: usize>(arguments: [&str; N]) -> Start {
        let mut command = vec![env!("CARGO_BIN_EXE_bramble").to_owned()];
        command.extend(arguments.map(str::to_owned));
        Start {
            command,
            shell: SHELL,
            size: (80, 24),
            env: Vec::new(),
            home: Arc::new(tempfile::tempdir().unwrap()),
        }
    }

    /// Another program in the place of `bramble`.
    pub(crate) fn program<const N: usize>(words: [&str; N]) -> Start {
        let mut start = Start::bramble([]);
        start.command = words.map(str::to_owned).to_vec();
        start
    }

    /// The demo that every test knows: four boards.
    pub(crate) fn demo() -> Start {
        Start::bramble(["demo", "--scenario", "office", "--seed", "1"])
    }

    pub(crate) fn option(mut self, option: &str) -> Start {
        self.command.push(option.to_owned());
        self
    }

    /// Runs the program through another one, as `setsid`.
    pub(crate) fn through(mut self, program: &str) -> Start {
        self.command.insert(0, program.to_owned());
        self
    }

    /// Another script than the ordinary one.
    pub(crate) fn shell(mut self, script: &'static str) -> Start {
        self.shell = script;
        self
    }

    pub(crate) fn size(mut self, columns: u16, rows: u16) -> Start {
        self.size = (columns, rows);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Start {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In the home of a session before: with its files, its state and its history.
    pub(crate) fn at_home_of(mut self, before: &Session) -> Start {
        self.home = Arc::clone(&before.home);
        self
    }

    /// Puts a file into the home, where the program starts.
    pub(crate) fn file(self, name: &str, text: &str) -> Start {
        std::fs::write(self.home.path().join(name), text).unwrap();
        self
    }

    /// Standard error goes to a file that [`Session::errors`] reads, not to the terminal.
    pub(crate) fn errors_apart(self) -> Start {
        let file = self.home.path().join("errors").display().to_string();
        self.env("ERRORS", &file)
    }

    pub(crate) fn go(self) -> Session {
        let home = self.home;
        let pair = native_pty_system().openpty(pty_size(self.size)).unwrap();
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", self.shell, "sh"]);
        command.args(&self.command);
        command.env_clear();
        command.cwd(home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("ERRORS", "/dev/tty");
        command.env("PID_FILE", home.path().join("pid"));
        command.env("HOME", home.path());
        for (name, folder) in [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("TMPDIR", "tmp"),
        ] {
            let folder = home.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            command.env(name, folder);
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        let modes = modes(pair.master.as_ref());
        let shell = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let (columns, rows) = self.size;
        let eye = Arc::new(Eye {
            seen: Mutex::new(Seen {
                parser: vt100::Parser::new(cells(rows), cells(columns), 0),
                bytes: Vec::new(),
                is_closing: false,
            }),
            news: Condvar::new(),
        });
        let reader = watch(pair.master.try_clone_reader().unwrap(), Arc::clone(&eye));
        Session {
            keyboard: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            home,
            shell,
            eye,
            reader: Some(reader),
            modes,
        }
    }

    /// Starts, and waits until the demo's nodes are there with all they have.
    pub(crate) fn rack(self) -> Session {
        let session = self.go();
        session.until_that("the four nodes", |screen| {
            let text = screen.contents();
            text.contains("4/4 ") && text.matches('%').count() >= 8
        });
        session
    }
}

impl Session {
    /// Waits until the screen shows `text`.
    pub(crate) fn until(&self, text: &str) -> Screen {
        self.until_that(text, |screen| screen.contents().contains(text))
    }

    /// Waits until the screen shows `text` no more.
    pub(crate) fn until_gone(&self, text: &str) -> Screen {
        let what = format!("{text} to go");
        self.until_that(&what, |screen| !screen.contents().contains(text))
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn until_that(&self, what: &str, is_so: impl Fn(&Screen) -> bool) -> Screen {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.eye.look();
        while !is_so(seen.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let shown = seen.parser.screen().contents();
            assert!(!left.is_zero(), "waited in vain for {what}:\n{shown}");
            seen = self.eye.news.wait_timeout(seen, left).unwrap().0;
        }
        seen.parser.screen().clone()
    }

    /// The screen as it is now.
    pub(crate) fn screen(&self) -> Screen {
        self.eye.look().parser.screen().clone()
    }

    pub(crate) fn text(&self) -> String {
        self.screen().contents()
    }

    /// Everything that came out so far, as it came.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.eye.look().bytes.clone()
    }

    /// Counts what comes out during `span`.
    pub(crate) fn count(&self, span: Duration) -> usize {
        let deadline = Instant::now() + span;
        let mut seen = self.eye.look();
        let before = seen.bytes.len();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return seen.bytes.len() - before;
            }
            seen = self.eye.news.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Somebody else writes on the terminal.
    pub(crate) fn scribble(&self, text: &str) {
        self.eye.look().parser.process(text.as_bytes());
    }

    /// Presses keys by their names in keymaps, with blanks between: `8 j ctrl-l`. A lone `esc` byte with another one
    /// behind it is a key with Alt, in every terminal: hence `esc` stands last, and its effect is waited for.
    pub(crate) fn press(&mut self, keys: &str) {
        let keys: Vec<&str> = keys.split(' ').collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(*key != "esc" || at + 1 == keys.len(), "esc stands last");
            self.send(&bytes_of(key));
        }
    }

    /// Types a text.
    pub(crate) fn enter(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    fn send(&mut self, bytes: &[u8]) {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(bytes).unwrap();
        keyboard.flush().unwrap();
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.eye
            .look()
            .parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        let master = self.master.as_ref().unwrap();
        master.resize(pty_size((columns, rows))).unwrap();
    }

    /// The program itself, not the shell.
    pub(crate) fn pid(&self) -> Pid {
        let number = std::fs::read_to_string(self.home.path().join("pid")).unwrap();
        Pid::from_raw(number.trim().parse().unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until the program's process has ended.
    pub(crate) fn until_ended(&self, pid: Pid) {
        self.until_state("to end", pid, |state| matches!(state, None | Some('Z')));
    }

    /// Waits until something is so that the screen does not show, such as a file.
    pub(crate) fn until_so(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !is_so() {
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}:\n{}",
                self.text()
            );
            let seen = self.eye.look();
            drop(self.eye.news.wait_timeout(seen, GLANCE).unwrap());
        }
    }

    /// Waits for a state of the process, a letter as `ps` prints it; `None` when it is no more.
    pub(crate) fn until_state(&self, what: &str, pid: Pid, is_so: impl Fn(Option<char>) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let state = state(pid);
            if is_so(state) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "waited in vain for process {pid:?} {what}: it is {state:?}\n{}",
                self.text()
            );
            let seen = self.eye.look();
            drop(self.eye.news.wait_timeout(seen, GLANCE).unwrap());
        }
    }

    /// Waits until the program has ended and the shell says so, looks whether everything is as it was before, and gives
    /// the exit code and what stands on the terminal between the shell's own words.
    pub(crate) fn ended(&self) -> (i32, String) {
        let screen = self.until_that("the end", |screen| end_of(&screen.contents()).is_some());
        self.is_as_found(&screen);
        let left: Vec<_> = std::fs::read_dir(self.home.path().join("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(left.is_empty(), "left in the temporary folder: {left:?}");
        end_of(&screen.contents()).unwrap()
    }

    /// Checks that the terminal is a shell's again.
    pub(crate) fn is_as_found(&self, screen: &Screen) {
        let text = screen.contents();
        assert!(
            !screen.alternate_screen(),
            "alternate screen left on\n{text}"
        );
        assert!(!screen.hide_cursor(), "cursor left hidden\n{text}");
        assert!(!screen.bracketed_paste(), "bracketed paste left on\n{text}");
        assert_eq!(modes(self.master.as_deref().unwrap()), self.modes);
    }

    /// Closes the terminal, as a window is closed or a connection breaks. Gives the program's process.
    pub(crate) fn hang_up(&mut self) -> Pid {
        let pid = self.pid();
        self.eye.look().is_closing = true;
        // Dropping a writer presses enter and ctrl-d: one more pane opened, nothing else.
        self.keyboard = None;
        // The reader has a handle, too, and lets go when more comes out: SIGCONT has the screen painted anew.
        kill_process(pid, Signal::CONT).unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.master = None;
        pid
    }

    /// What went to standard error after [`Start::errors_apart`].
    pub(crate) fn errors(&self) -> String {
        std::fs::read_to_string(self.home.path().join("errors")).unwrap()
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        self.home.path()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.home.path().join("pid").exists() && state(self.pid()).is_some() {
            let _ = kill_process(self.pid(), Signal::KILL);
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

impl Eye {
    fn look(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

/// Feeds the emulated terminal until the real one is gone.
fn watch(mut from: Box<dyn Read + Send>, eye: Arc<Eye>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut seen = eye.look();
            seen.parser.process(&buffer[..count]);
            seen.bytes.extend_from_slice(&buffer[..count]);
            eye.news.notify_all();
            if seen.is_closing {
                return;
            }
        }
    })
}

/// The exit code, and what stands between the shell's words.
fn end_of(screen: &str) -> Option<(i32, String)> {
    let (between, after) = screen.split_once("ended with <")?;
    let (code, _) = after.split_once('>')?;
    let between = between.strip_prefix("before\n")?;
    Some((code.parse().unwrap(), between.to_owned()))
}

/// The terminal's modes as one text: echo, lines, signals, speeds.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

fn state(pid: Pid) -> Option<char> {
    let pid = pid.as_raw_nonzero().to_string();
    let told = Command::new("ps")
        .args(["-o", "state=", "-p", &pid])
        .output()
        .expect("ps is installed (procps)");
    String::from_utf8(told.stdout)
        .unwrap()
        .trim()
        .chars()
        .next()
}

fn bytes_of(key: &str) -> Vec<u8> {
    let bytes: &[u8] = match key {
        "esc" => b"\x1b",
        "enter" => b"\r",
        "tab" => b"\t",
        "backtab" => b"\x1b[Z",
        "space" => b" ",
        "backspace" => b"\x7f",
        "up" => b"\x1b[A",
        "down" => b"\x1b[B",
        _ => match key.strip_prefix("ctrl-") {
            Some(letter) => return vec![letter.as_bytes()[0] & 0x1f],
            None => key.as_bytes(),
        },
    };
    bytes.to_vec()
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}
