//! Where two texts differ, line by line.
//!
//! Why not the library's own `TextDiff`: it chooses its algorithm at run time, so that all five are linked, half a
//! megabyte of them for nothing. Here it is Myers' alone, over numbers in place of the lines.

use similar::DiffOp;
use similar::algorithms::{Capture, Compact, IdentifyDistinct, Replace, myers};

/// The lines of a text, each with its end.
pub fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What has to be done to `old` to make it `new`, from the first line to the last, what is equal too.
pub fn differences(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let numbers = IdentifyDistinct::<u32>::new(old, 0..old.len(), new, 0..new.len());
    let mut found = Compact::new(Replace::new(Capture::new()), old, new);
    let Ok(()) = myers::diff(
        &mut found,
        numbers.old_lookup(),
        numbers.old_range(),
        numbers.new_lookup(),
        numbers.new_range(),
    );
    found.into_inner().into_inner().into_ops()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(old: &str, new: &str) -> String {
        let (old, new) = (lines(old), lines(new));
        let ops = differences(&old, &new);
        let changed = |op: &DiffOp| new[op.new_range()].concat();
        ops.iter().map(changed).collect()
    }

    #[test]
    fn the_differences_make_one_text_of_the_other() {
        let texts = [
            "",
            "a\n",
            "a\nb\nc",
            "b\nc\nd\n",
            "c\nb\na\n",
            "a\na\nb\nb\n",
        ];
        for old in texts {
            for new in texts {
                assert_eq!(applied(old, new), new, "from {old:?}");
            }
        }
    }

    #[test]
    fn what_is_equal_is_told_apart_from_what_is_not() {
        let (old, new) = (lines("a\nb\nc\nd\n"), lines("a\nx\nc\nd\ne\n"));
        let ops = differences(&old, &new);
        let equal = ops.iter().filter(|op| matches!(op, DiffOp::Equal { .. }));
        assert_eq!(equal.map(|op| op.old_range().len()).sum::<usize>(), 3);
        assert_eq!(ops.len(), 4, "{ops:?}");
    }
}
