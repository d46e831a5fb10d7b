//! What `bramble onboard` prints: plans, progress, the summary; as words and as JSON.
//!
//! Invariant: everything that comes from a board is cleaned of control characters; secrets were taken out before.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::run::{Live, seconds};
use crate::cli::report::problems::json_of;
use crate::cli::{Failure, Output, print};
use crate::rack::onboard::machine::{Board, Stage};
use crate::rack::onboard::plan::Plan;
use crate::rack::problem::Problem;
use crate::ui::text::clean;

/// Text from outside, harmless.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    clean(text)
}

/// One line of progress.
pub(super) fn line(text: &str) {
    // If standard error is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{}", plain(text));
}

pub(super) fn warn(problems: &[Problem]) {
    for problem in problems {
        line(&format!(
            "bramble: {}: {}",
            problem.severity.word(),
            problem.sentence()
        ));
    }
}

pub(super) fn stamped(text: &str) -> String {
    format!(
        "{} {}",
        Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        plain(text)
    )
}

/// The plan of a board, with what was found.
pub(super) fn plan(board: &Board) {
    let Stage::Planned(plan) = &board.stage else {
        return;
    };
    let wish = &board.journal.wish;
    line(&format!(
        "{}: node {}, {}, k3s {}",
        board.host(),
        plan.node,
        wish.role.words(),
        wish.version
    ));
    for finding in &board.findings {
        line(&format!(
            "  {}: {}",
            finding.problem.severity.word(),
            finding.problem.sentence()
        ));
    }
    for words in plan.words() {
        line(&format!("  {words}"));
    }
}

/// What has changed with the last event, for the terminal and the transcript; `before` steps were done before it.
pub(super) fn progress(before: usize, board: &Board, now: Duration) -> Vec<String> {
    let host = board.host();
    let mut lines = Vec::new();
    for done in board.journal.done.iter().skip(before) {
        let how = if done.changed {
            "done"
        } else {
            "was so already"
        };
        let note = if done.note.is_empty() || !done.changed {
            String::new()
        } else {
            format!(": {}", done.note)
        };
        lines.push(format!(
            "{host}: {} {how} ({} s){note}",
            done.step, done.seconds
        ));
    }
    match &board.stage {
        Stage::Running => {
            if let Some(step) = board.step() {
                let again = if board.note.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", board.note)
                };
                lines.push(format!("{host}: {} …{again}", step.name()));
            }
        }
        Stage::Checking if !board.note.is_empty() => lines.push(format!("{host}: {}", board.note)),
        Stage::Joined if board.journal.wish.leaves => {
            lines.push(format!(
                "{host}: blank again after {} s",
                seconds(board, now)
            ));
        }
        Stage::Joined => lines.push(format!("{host}: joined after {} s", seconds(board, now))),
        Stage::Blocked | Stage::Failed(_) => {
            for problem in board.problems() {
                lines.push(format!("{host}: {}", problem.sentence()));
                lines.extend(
                    problem
                        .evidence
                        .iter()
                        .map(|evidence| format!("  {evidence}")),
                );
            }
        }
        Stage::Checking | Stage::Planned(_) | Stage::Declined => {}
    }
    lines
}

/// How a board ended, in a word.
fn result(board: &Board) -> &'static str {
    match &board.stage {
        Stage::Joined if board.journal.wish.leaves => "blank",
        Stage::Joined => "joined",
        Stage::Blocked => "blocked",
        Stage::Planned(_) => "planned",
        Stage::Failed(_) => "failed",
        Stage::Declined => "declined",
        Stage::Checking | Stage::Running => "stopped",
    }
}

pub(super) fn summary(boards: &[Live], now: Duration, output: Output) -> Result<(), Failure> {
    let text = match output {
        Output::Json => {
            let all: Vec<Value> = boards.iter().map(|live| as_json(live, now)).collect();
            format!("{:#}\n", Value::from(all))
        }
        Output::Table => as_table(boards, now),
    };
    print(|out| {
        out.extend_from_slice(text.as_bytes());
        Ok(())
    })?;
    Ok(())
}

fn as_table(boards: &[Live], now: Duration) -> String {
    let widest = boards
        .iter()
        .map(|live| live.board.host().chars().count())
        .max()
        .unwrap_or(0)
        .max(5);
    let mut text = format!("{:widest$}  RESULT   TIME   NOTE\n", "BOARD");
    for Live { board, .. } in boards {
        let note = if let Some(problem) = board.problems().first() {
            problem.sentence()
        } else {
            let steps = board.journal.done.iter().filter(|done| done.seconds > 0);
            let times: Vec<String> = steps
                .map(|done| format!("{} {} s", done.step, done.seconds))
                .collect();
            times.join(", ")
        };
        let time = format!("{} s", seconds(board, now));
        let row = format!(
            "{:widest$}  {:8} {time:6} {note}",
            plain(board.host()),
            result(board)
        );
        let _ = writeln!(text, "{}", plain(row.trim_end()));
    }
    text
}

fn as_json(live: &Live, now: Duration) -> Value {
    let board = &live.board;
    let journal = &board.journal;
    let plan = match &board.stage {
        Stage::Planned(plan) => Some(plan),
        _ => journal.plan.as_ref(),
    };
    let steps: Vec<Value> = (journal.done.iter())
        .map(|done| json!({ "step": done.step, "changed": done.changed, "seconds": done.seconds, "note": plain(&done.note) }))
        .collect();
    let findings: Vec<Value> = board
        .findings
        .iter()
        .map(|finding| json_of(&finding.problem))
        .collect();
    let problems: Vec<Value> = board.problems().iter().map(json_of).collect();
    json!({
        "host": board.host(),
        "node": plan.map(|plan| plan.node.as_str()),
        "role": journal.wish.role.words(),
        "version": journal.wish.version.to_string(),
        "result": result(board),
        "seconds": seconds(board, now),
        "plan": plan.map(Plan::words),
        "steps": steps,
        "findings": findings,
        "problems": problems,
        "transcript": live.files.transcript().display().to_string(),
    })
}
