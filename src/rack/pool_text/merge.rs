//! Two changed versions of one text: what each has done to it, put together where they did not touch the same lines.
//!
//! Not here: whether the result makes sense; the checks look at it like at any other text. Invariant: without overlap the
//! result holds every change of both; where they overlap both stand there, between signs that are comments of YAML.

use similar::DiffTag;

use crate::rack::line_diff::differences;

/// What comes of putting two versions together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    pub text: String,
    /// The lines where both stand, from 0: the first line of each.
    pub overlaps: Vec<usize>,
}

/// One stretch of the base that a version has replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    /// Lines of the base.
    from: usize,
    to: usize,
    lines: Vec<String>,
}

/// Puts `ours` and `theirs`, both made from `base`, together.
pub fn merge(base: &str, ours: &str, theirs: &str) -> Merged {
    let lines: Vec<&str> = base.split('\n').collect();
    let (mut our, mut their) = (
        edits(base, ours).into_iter().peekable(),
        edits(base, theirs).into_iter().peekable(),
    );
    let mut out: Vec<String> = Vec::new();
    let mut overlaps = Vec::new();
    let mut at = 0;
    loop {
        let start = match (our.peek(), their.peek()) {
            (None, None) => break,
            (Some(edit), None) | (None, Some(edit)) => edit.from,
            (Some(a), Some(b)) => a.from.min(b.from),
        };
        out.extend(copied(&lines, at, start));
        // All edits that touch each other are one place.
        let (mut end, mut ours_here, mut theirs_here) = (start, Vec::new(), Vec::new());
        loop {
            let touches = |edit: &Edit| edit.from < end || edit.from == start;
            if let Some(edit) = our.next_if(touches) {
                end = end.max(edit.to);
                ours_here.push(edit);
            } else if let Some(edit) = their.next_if(touches) {
                end = end.max(edit.to);
                theirs_here.push(edit);
            } else {
                break;
            }
        }
        let our_lines = replaced(&lines, start, end, &ours_here);
        let their_lines = replaced(&lines, start, end, &theirs_here);
        if theirs_here.is_empty() || our_lines == their_lines {
            out.extend(our_lines);
        } else if ours_here.is_empty() {
            out.extend(their_lines);
        } else {
            overlaps.push(out.len());
            out.push("# <<<<<<< yours".to_owned());
            out.extend(our_lines);
            out.push("# ======= on the server".to_owned());
            out.extend(their_lines);
            out.push("# >>>>>>>".to_owned());
        }
        at = end;
    }
    out.extend(copied(&lines, at, lines.len()));
    Merged {
        text: out.join("\n"),
        overlaps,
    }
}

fn copied(lines: &[&str], from: usize, to: usize) -> Vec<String> {
    let part = lines.get(from..to).unwrap_or_default();
    part.iter().map(|line| (*line).to_owned()).collect()
}

/// The lines `from..to` of the base after some edits inside.
fn replaced(lines: &[&str], from: usize, to: usize, edits: &[Edit]) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = from;
    for edit in edits {
        out.extend(copied(lines, at, edit.from));
        out.extend(edit.lines.iter().cloned());
        at = edit.to;
    }
    out.extend(copied(lines, at, to));
    out
}

fn edits(base: &str, changed: &str) -> Vec<Edit> {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (base.split('\n').collect(), changed.split('\n').collect());
    differences(&old, &new)
        .iter()
        .filter(|op| op.tag() != DiffTag::Equal)
        .map(|op| Edit {
            from: op.old_range().start,
            to: op.old_range().end,
            lines: copied(&new, op.new_range().start, op.new_range().end),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "a\nb\nc\nd\ne\n";

    fn check(ours: &str, theirs: &str, expected: &str, overlaps: usize) {
        let merged = merge(BASE, ours, theirs);
        assert_eq!(merged.text, expected, "{ours:?} and {theirs:?}");
        assert_eq!(merged.overlaps.len(), overlaps);
        let back = merge(BASE, theirs, ours);
        assert_eq!(back.overlaps.len(), overlaps, "the other way round");
    }

    #[test]
    fn changes_in_different_places_are_both_there() {
        check(BASE, BASE, BASE, 0);
        check("a\nB\nc\nd\ne\n", BASE, "a\nB\nc\nd\ne\n", 0);
        check(BASE, "a\nB\nc\nd\ne\n", "a\nB\nc\nd\ne\n", 0);
        check(
            "A\nb\nc\nd\ne\n",
            "a\nb\nc\nd\nE\nf\n",
            "A\nb\nc\nd\nE\nf\n",
            0,
        );
        check("a\nc\nd\ne\n", "a\nb\nc\nd\nx\ne\n", "a\nc\nd\nx\ne\n", 0);
        check("", "a\nb\nc\nd\ne\n", "", 0);
    }

    #[test]
    fn the_same_change_twice_is_one_change() {
        check("a\nX\nc\nd\ne\n", "a\nX\nc\nd\ne\n", "a\nX\nc\nd\ne\n", 0);
    }

    #[test]
    fn where_both_touched_the_same_lines_both_stand_there() {
        let expected = "a\n# <<<<<<< yours\nX\n# ======= on the server\nY\n# >>>>>>>\nc\nd\ne\n";
        check("a\nX\nc\nd\ne\n", "a\nY\nc\nd\ne\n", expected, 1);
        let merged = merge(BASE, "a\nX\nc\nd\ne\n", "a\nY\nc\nd\ne\n");
        assert_eq!(merged.overlaps, [1]);
    }

    #[test]
    fn no_line_of_either_is_lost() {
        let texts = [
            "",
            "a",
            "a\nb\nc\nd\ne\n",
            "x\ny\nz",
            "e\nd\nc\nb\na",
            "a\nb\nNEW\nc\nd\ne\n",
            "c\n",
        ];
        for ours in texts {
            for theirs in texts {
                let merged = merge(BASE, ours, theirs).text;
                let added = |text: &'static str| text.lines().filter(|line| !BASE.contains(line));
                for line in added(ours).chain(added(theirs)) {
                    assert!(
                        merged.lines().any(|it| it == line),
                        "{line:?} of {ours:?} and {theirs:?} is lost in {merged:?}"
                    );
                }
            }
        }
    }
}
