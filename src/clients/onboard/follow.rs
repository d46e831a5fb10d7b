//! From the start of the unit until the board has joined: its state and journal over SSH, its Node over the API.
//!
//! systemctl is never waited for: a unit of type notify that cannot join is "activating" for ever. We look every two
//! seconds, say what is missing, and end by our own clock, or as soon as the journal says what waiting does not help.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Board, News, Outcome};
use crate::clients::kubernetes::{Connection, joining};
use crate::clients::ssh::Command;
use crate::rack::onboard::cause::{Cause, cause};
use crate::rack::onboard::findings::Fix;
use crate::rack::onboard::joined::Seen;
use crate::rack::onboard::machine::Failure;
use crate::rack::onboard::redact::Redactor;
use crate::rack::onboard::warning;
use crate::rack::onboard::wish::Role;

const PACE: Duration = Duration::from_secs(2);
const ASKING: Duration = Duration::from_secs(20);
/// A cause that waiting does not help must be seen for so long: k3s repeats it every five seconds, and a unit that has
/// just been restarted may still be told of its last life.
const SURE: Duration = Duration::from_secs(8);
/// How long the API may be silent once the unit is active, before the run ends with what it knows.
const SILENT: Duration = Duration::from_secs(90);

/// Waits until the Node of this name is all a Node should be.
pub(super) async fn join(board: &Board<'_>, role: Role, node: &str) -> Outcome {
    let mut waiting = Waiting::new(board, role);
    let begun = Instant::now();
    loop {
        waiting.look_at_board().await?;
        waiting.look_at_cluster(node).await;
        if waiting.seen.is_joined() {
            return Ok((true, format!("node {node} is Ready and beats")));
        }
        if let Some(failure) = waiting.verdict(node, begun.elapsed()) {
            return Err(failure);
        }
        let waits = waiting.seen.waits_for().unwrap_or_default();
        board.note(format!("waiting for {waits}")).await;
        sleep(PACE).await;
    }
}

struct Waiting<'a> {
    board: &'a Board<'a>,
    unit: &'static str,
    seen: Seen,
    journal: Vec<String>,
    redactor: Redactor,
    /// The last cause, and since when it is this one.
    cause: Option<(Instant, Cause)>,
    connection: Option<Connection>,
    renewed: Option<String>,
    silent_since: Option<Instant>,
}

impl<'a> Waiting<'a> {
    fn new(board: &'a Board<'a>, role: Role) -> Self {
        Self {
            board,
            unit: role.unit(),
            seen: Seen::default(),
            journal: Vec::new(),
            redactor: Redactor::default(),
            cause: None,
            connection: None,
            renewed: None,
            silent_since: None,
        }
    }

    async fn look_at_board(&mut self) -> Result<(), Failure> {
        let unit = self.unit;
        let text = format!(
            "LC_ALL=C; export LC_ALL\n\
             systemctl show {unit}.service -p ActiveState -p SubState -p NRestarts\n\
             echo '-- journal'\njournalctl -u {unit} -n 200 -o cat --no-pager -q 2>/dev/null\necho '-- end'\n"
        );
        let command = Command::script(text).as_root().deadline(ASKING);
        let output = self.board.tools.ssh.run(self.board.to, &command).await;
        let output = output.map_err(|error| self.board.lost(&error))?;
        let text = output.text();
        let Some((state, journal)) = text.split_once("-- journal\n") else {
            return Ok(());
        };
        for line in state.lines() {
            match line.split_once('=') {
                Some(("ActiveState", value)) => value.clone_into(&mut self.seen.unit),
                Some(("SubState", value)) => value.clone_into(&mut self.seen.sub),
                Some(("NRestarts", value)) => self.seen.restarts = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let Some((journal, _)) = journal.rsplit_once("-- end") else {
            return Ok(());
        };
        let now: Vec<String> = journal.lines().map(str::to_owned).collect();
        let is_first = self.journal.is_empty();
        let fresh: Vec<String> = fresh(&self.journal, &now).to_vec();
        self.journal = now;
        for line in &fresh {
            let line = self.redactor.line(line);
            let _ = self.board.news.send(News::Line(line)).await;
        }
        // What stood there before we looked may be of an earlier life of the unit; a failed one says nothing more.
        if !is_first || self.seen.unit == "failed" {
            let redacted: Vec<String> = fresh
                .iter()
                .map(|line| Redactor::default().line(line))
                .collect();
            if let Some(found) = cause(self.board.host(), unit, &redacted) {
                let is_same = self
                    .cause
                    .as_ref()
                    .is_some_and(|(_, it)| it.problem.what == found.problem.what);
                let since = self
                    .cause
                    .as_ref()
                    .filter(|_| is_same)
                    .map_or_else(Instant::now, |(since, _)| *since);
                self.cause = Some((since, found));
            }
        }
        if self.seen.unit == "active" {
            self.cause = None;
        }
        Ok(())
    }

    async fn look_at_cluster(&mut self, node: &str) {
        // Before the unit is active its server may not have begun.
        if self.connection.is_none() && self.seen.unit != "active" {
            return;
        }
        match self.ask(node).await {
            Ok(found) => {
                self.seen.silent = None;
                self.silent_since = None;
                self.seen.has_node = found.has_node;
                self.seen.is_ready = found.is_ready;
                self.seen.is_uninitialised = found.is_uninitialised;
                (self.seen.pods, self.seen.pods_running) = (found.pods, found.pods_running);
                if self.renewed.is_some()
                    && found.renewed.is_some()
                    && self.renewed != found.renewed
                {
                    self.seen.is_beating = true;
                }
                self.renewed = found.renewed.or(self.renewed.take());
            }
            Err(why) => {
                self.seen.silent = Some(why);
                self.silent_since.get_or_insert_with(Instant::now);
            }
        }
    }

    async fn ask(&mut self, node: &str) -> Result<joining::Joining, String> {
        let connection = if let Some(connection) = &self.connection {
            connection.clone()
        } else {
            let found = self.board.tools.servers.connection(self.board).await;
            let found = found.map_err(|failure| failure.problem.sentence())?;
            self.connection.insert(found).clone()
        };
        joining::look(&connection, node)
            .await
            .map_err(|error| error.problem().sentence())
    }

    /// Whether there is no use in waiting on.
    fn verdict(&self, node: &str, after: Duration) -> Option<Failure> {
        if let Some((since, cause)) = &self.cause
            && cause.is_final
            && since.elapsed() >= SURE
        {
            return Some(Failure {
                problem: self.with_evidence(cause.problem.clone()),
                is_transient: false,
                fix: cause.is_old_node.then_some(Fix::Replace),
            });
        }
        let host = self.board.host();
        let is_silent = self
            .silent_since
            .is_some_and(|since| since.elapsed() >= SILENT);
        if is_silent && self.seen.unit == "active" {
            let what = format!(
                "{} runs on {host}; whether node {node} has joined is not known",
                self.unit
            );
            let why = self.seen.silent.clone().unwrap_or_default();
            let problem = warning(host, what)
                .why(why)
                .next("see that the API of the server answers, then go on with --resume");
            return Some(Failure {
                problem: self.with_evidence(problem),
                is_transient: false,
                fix: None,
            });
        }
        if after < self.board.tools.patience {
            return None;
        }
        let problem = match &self.cause {
            Some((_, cause)) => cause.problem.clone(),
            None => warning(
                host,
                format!("{host} has not joined within {} s", after.as_secs()),
            )
            .why(format!(
                "it waits for {}",
                self.seen.waits_for().unwrap_or_default()
            ))
            .next(format!(
                "see its journal (journalctl -u {}), then go on with --resume",
                self.unit
            )),
        };
        Some(Failure {
            problem: self.with_evidence(problem),
            is_transient: false,
            fix: None,
        })
    }

    fn with_evidence(
        &self,
        problem: crate::rack::problem::Problem,
    ) -> crate::rack::problem::Problem {
        self.seen
            .known()
            .into_iter()
            .fold(problem, crate::rack::problem::Problem::evidence)
    }
}

/// The lines of `now` that were not in `before`: both are windows on one growing text.
fn fresh<'a>(before: &[String], now: &'a [String]) -> &'a [String] {
    for start in 0..before.len() {
        let tail = &before[start..];
        if now.starts_with(tail) {
            return &now[tail.len()..];
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_new_are_told() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        for (before, now, expected) in [
            ("", "abc", "abc"),
            ("abc", "abc", ""),
            ("abc", "abcd", "d"),
            ("abc", "cde", "de"),
            ("abc", "xyz", "xyz"),
            ("aaa", "aaaa", "a"),
        ] {
            assert_eq!(
                fresh(&lines(before), &lines(now)),
                lines(expected),
                "{before} {now}"
            );
        }
    }
}
