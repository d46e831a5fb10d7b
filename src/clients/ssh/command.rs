//! What to run on a board, and what came of it.
//!
//! Only the wrappers of this page and [`Command::program`] are seen in the process list of the board; scripts, file
//! contents and passwords travel over stdin.

use std::time::Duration;

/// How long a command may take unless it says otherwise.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much of each stream is kept unless it says otherwise.
const LIMIT: usize = 1024 * 1024;
/// Printed by the board between sudo's acceptance of the password and the command.
pub(super) const ROOT_MARK: &str = "bramble-is-root";

/// On whose behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    User,
    Root,
}

/// A command for a board.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    what: What,
    pub(super) who: Who,
    pub(super) deadline: Duration,
    pub(super) limit: usize,
}

#[derive(Clone, PartialEq, Eq)]
enum What {
    Script(String),
    Program { line: String, stdin: Vec<u8> },
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match &self.what {
            What::Script(_) => "a script",
            What::Program { line, .. } => line,
        };
        f.debug_tuple("Command")
            .field(&what)
            .field(&self.who)
            .finish()
    }
}

/// How a remote command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    Code(u32),
    /// Ended by a signal, by its name without `SIG`.
    Signal(String),
}

/// What a command printed, and how it ended. The text is the board's: hostile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Bytes of both streams that were over the limit.
    pub cut: u64,
}

impl Command {
    /// A script for `sh`, sent over stdin: of any length, and in no process list.
    pub fn script(text: impl Into<String>) -> Self {
        Self::new(What::Script(text.into()))
    }

    /// One command line for `sh`. It is seen in the process list of the board, so it holds no secret.
    pub fn program(line: impl Into<String>) -> Self {
        Self::new(What::Program {
            line: line.into(),
            stdin: Vec::new(),
        })
    }

    fn new(what: What) -> Self {
        Self {
            what,
            who: Who::User,
            deadline: DEADLINE,
            limit: LIMIT,
        }
    }

    #[must_use]
    pub fn as_root(self) -> Self {
        self.by(Who::Root)
    }

    #[must_use]
    pub fn by(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    /// What a program reads from its stdin. A script has no stdin of its own.
    #[must_use]
    pub fn stdin(mut self, bytes: Vec<u8>) -> Self {
        if let What::Program { stdin, .. } = &mut self.what {
            *stdin = bytes;
        }
        self
    }

    /// After this long the command is ended on the board (where it has `timeout`) and here.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Bytes kept of each stream; what is over is counted in [`Output::cut`].
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The bytes for its stdin.
    pub(super) fn input(&self) -> &[u8] {
        match &self.what {
            What::Script(text) => text.as_bytes(),
            What::Program { stdin, .. } => stdin,
        }
    }

    /// The shell line that runs it once, with a limit of time on the board itself: a channel that is closed does not
    /// end a command that has no terminal.
    pub(super) fn line(&self) -> String {
        let seconds = self.deadline.as_secs().max(1);
        let run = match &self.what {
            What::Script(_) => "sh -s".to_owned(),
            What::Program { line, .. } => format!("sh -c {}", quoted(line)),
        };
        format!(
            "LC_ALL=C; export LC_ALL; command -v timeout >/dev/null 2>&1 && exec timeout {seconds} {run}; exec {run}"
        )
    }

    /// The shell line that runs it until it ends or its stdin is closed, which is what the server does when the channel
    /// is closed or the connection is gone. `None` for a script, whose stdin is taken.
    pub(super) fn following_line(&self) -> Option<String> {
        let What::Program { line, .. } = &self.what else {
            return None;
        };
        Some(format!(
            "LC_ALL=C; export LC_ALL; exec 3<&0; {{ exec {line} ; }} </dev/null 3<&- & p=$!; \
             (cat <&3 >/dev/null 2>&1; kill $p 2>/dev/null) >/dev/null 2>&1 & w=$!; exec 3<&-; \
             wait $p; c=$?; kill $w 2>/dev/null; exit $c"
        ))
    }
}

impl Output {
    pub fn is_success(&self) -> bool {
        self.exit == Exit::Code(0)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it said about a failure: the last line of stderr, else how it ended.
    pub fn complaint(&self) -> String {
        let stderr = String::from_utf8_lossy(&self.stderr);
        match stderr.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => line.trim().to_owned(),
            None => self.exit.to_string(),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(name) => write!(f, "ended by SIG{name}"),
        }
    }
}

/// A word for any shell a board may have as login shell (sh, bash, zsh, fish, csh).
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_in_no_process_list() {
        let command = Command::script("echo marked-word").deadline(Duration::from_secs(7));
        assert!(
            !command.line().contains("marked-word"),
            "{}",
            command.line()
        );
        assert!(command.line().contains("timeout 7 sh -s"));
        assert_eq!(command.input(), b"echo marked-word");
        assert!(!format!("{command:?}").contains("marked-word"));
    }

    #[test]
    fn words_are_quoted_for_every_shell() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_complaint_is_the_last_thing_that_was_said() {
        let mut output = Output {
            exit: Exit::Code(3),
            stdout: Vec::new(),
            stderr: b"first\nsh: 1: nope: not found\n\n".to_vec(),
            cut: 0,
        };
        assert_eq!(output.complaint(), "sh: 1: nope: not found");
        output.stderr.clear();
        assert_eq!(output.complaint(), "exit code 3");
    }
}
