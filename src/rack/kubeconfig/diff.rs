//! What would change in a file, line by line, with secrets masked.

use std::fmt;
use std::path::PathBuf;

use similar::{ChangeTag, group_diff_ops};

use super::file::File;
use super::{FileEdit, Plan, mask};
use crate::rack::line_diff;

/// Unchanged lines shown around a change.
const AROUND: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    pub file: PathBuf,
    pub is_new: bool,
    pub lines: Vec<DiffLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    pub sign: Sign,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Same,
    Added,
    Removed,
    /// Unchanged lines that are not shown; the text says how many.
    Gap,
}

impl Plan {
    /// The changes of all files, secrets masked.
    pub fn diff(&self) -> Vec<FileDiff> {
        self.edits.iter().map(of).collect()
    }
}

fn of(edit: &FileEdit) -> FileDiff {
    let parse = |text: &str| File::parse(&edit.file, text.to_owned());
    let before = edit.before.as_deref().unwrap_or_default();
    let lines = match (parse(before), parse(&edit.after)) {
        (Ok(before), Ok(after)) => {
            let (before, after) = mask::both(&before, &after);
            lines(&before, &after)
        }
        // Only what reads well is ever planned.
        _ => Vec::new(),
    };
    FileDiff {
        file: edit.file.clone(),
        is_new: edit.before.is_none(),
        lines,
    }
}

fn lines(before: &str, after: &str) -> Vec<DiffLine> {
    let (old, new) = (line_diff::lines(before), line_diff::lines(after));
    let mut lines = Vec::new();
    let mut shown_to = 0;
    for group in group_diff_ops(line_diff::differences(&old, &new), AROUND) {
        let first = group.first().map_or(shown_to, |op| op.old_range().start);
        lines.extend(gap(first.saturating_sub(shown_to)));
        for op in &group {
            for change in op.iter_changes(&old, &new) {
                let sign = match change.tag() {
                    ChangeTag::Equal => Sign::Same,
                    ChangeTag::Delete => Sign::Removed,
                    ChangeTag::Insert => Sign::Added,
                };
                let text = change.value().trim_end_matches(['\r', '\n']).to_owned();
                lines.push(DiffLine { sign, text });
            }
            shown_to = op.old_range().end;
        }
    }
    let all = before.lines().count();
    if !lines.is_empty() {
        lines.extend(gap(all.saturating_sub(shown_to)));
    }
    lines
}

fn gap(lines: usize) -> Option<DiffLine> {
    let text = match lines {
        0 => return None,
        1 => "1 line unchanged".to_owned(),
        lines => format!("{lines} lines unchanged"),
    };
    Some(DiffLine {
        sign: Sign::Gap,
        text,
    })
}

impl Sign {
    pub fn symbol(self) -> char {
        match self {
            Sign::Same => ' ',
            Sign::Added => '+',
            Sign::Removed => '-',
            Sign::Gap => '@',
        }
    }
}

/// As people know it from other tools.
impl fmt::Display for FileDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        if self.is_new {
            writeln!(f, "--- /dev/null\n+++ {file}")?;
        } else {
            writeln!(f, "--- {file}\n+++ {file}")?;
        }
        for line in &self.lines {
            match line.sign {
                Sign::Gap => writeln!(f, "@@ {} @@", line.text)?,
                sign => writeln!(f, "{}{}", sign.symbol(), line.text)?,
            }
        }
        Ok(())
    }
}
