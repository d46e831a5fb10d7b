//! One step as a script: its settings in front of it, sent over stdin, its last word read.

use std::time::Duration;

use super::{Board, News};
use crate::clients::ssh::{Command, quoted};
use crate::rack::onboard::machine::Failure;
use crate::rack::onboard::redact::Redactor;
use crate::rack::onboard::warning;
use crate::rack::secret::Secret;

const STEPS: &str = include_str!("steps.sh");
/// The first line of a configuration we wrote.
pub(super) const MARK: &str =
    "# Written by bramble onboard. Flags of k3s; see docs.k3s.io/installation/configuration";

/// What a script is told. The values are in its text, which is in no process list.
#[derive(Default)]
pub(super) struct Settings {
    lines: Vec<String>,
    /// What must not be shown when the script prints it.
    pub(super) secrets: Vec<Secret>,
}

impl Settings {
    pub(super) fn new() -> Settings {
        Settings::default()
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Settings {
        self.lines.push(format!("{name}={}", quoted(value)));
        self
    }

    /// The whole script.
    pub(super) fn script(&self, text: &str) -> String {
        format!("R=''\n{}\n{text}", self.lines.join("\n"))
    }
}

/// Runs a step. `Err` inside: the board says why it cannot be done.
pub(super) async fn run(
    board: &Board<'_>,
    step: &str,
    settings: &Settings,
    deadline: Duration,
) -> Result<Result<(bool, String), String>, Failure> {
    let text = settings.script(&format!("STEP={step}\n{STEPS}"));
    let command = Command::script(text).as_root().deadline(deadline);
    let output = board.tools.ssh.run(board.to, &command).await;
    let output = output.map_err(|error| board.lost(&error))?;
    let mut last = None;
    for (bytes, has_last_word) in [(&output.stderr, false), (&output.stdout, true)] {
        let mut redactor = Redactor::new(settings.secrets.clone());
        for line in String::from_utf8_lossy(bytes).lines() {
            match line.strip_prefix('=').filter(|_| has_last_word) {
                Some(word) => last = Some(redactor.line(word)),
                None => _ = board.news.send(News::Line(redactor.line(line))).await,
            }
        }
    }
    match last.as_deref() {
        Some("done") => Ok(Ok((true, String::new()))),
        Some("already") => Ok(Ok((false, "was so already".to_owned()))),
        Some(word) => Ok(Err(word.strip_prefix("failed ").unwrap_or(word).to_owned())),
        None => Err(Failure {
            problem: warning(
                board.host(),
                format!("{step} on {} was cut off", board.host()),
            )
            .why(output.complaint()),
            is_transient: true,
            fix: None,
        }),
    }
}
