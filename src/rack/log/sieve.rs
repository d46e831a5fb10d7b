//! Which of the kept lines are shown: those of sources that are on, that hold every term, with lines around them.
//!
//! Looking through all that is kept takes longer than a frame may, so it is done in pieces, the newest lines first:
//! [`Sieve::work`] says whether something is left. Invariant: what is shown is in order and without doubles, and lines
//! that have gone from the ring are not in it.

use std::collections::{BTreeSet, VecDeque};

use crate::rack::log::SourceId;
use crate::rack::log::logbook::Logbook;
use crate::rack::log::pattern::{Pattern, plain};
use crate::rack::log::readable::{Level, level};
use crate::rack::log::ring::{Line, Ring};

/// What a shown line must hold, or must not.
#[derive(Debug, Clone)]
pub struct Term {
    pub pattern: Pattern,
    pub is_excluded: bool,
}

impl Term {
    /// `error`, `!health`, `/regex/`, `!/regex/`. The error is one line.
    pub fn parse(text: &str) -> Result<Term, String> {
        let (text, is_excluded) = match text.strip_prefix('!') {
            Some(rest) if !rest.is_empty() => (rest, true),
            _ => (text, false),
        };
        Ok(Term {
            pattern: Pattern::new(text)?,
            is_excluded,
        })
    }

    /// As it was typed.
    pub fn words(&self) -> String {
        let sign = if self.is_excluded { "!" } else { "" };
        format!("{sign}{}", self.pattern.source())
    }
}

/// What is let through, and what that is so far.
#[derive(Debug, Clone, Default)]
pub struct Sieve {
    /// All must hold.
    terms: Vec<Term>,
    /// Lines shown before and after one that matches.
    context: u64,
    /// Sources that are switched off.
    hidden: BTreeSet<SourceId>,
    /// Only warnings and errors.
    only_faults: bool,
    /// Heads of sections that are folded.
    folded: BTreeSet<u64>,
    /// Numbers of the lines that are shown, when not all are.
    shown: VecDeque<u64>,
    /// The lines that were looked at: from here ..
    low: u64,
    /// .. to before here.
    high: u64,
    /// Up to before this line stands context of a match above it.
    until: u64,
    /// From this line on stands context of a match below it.
    from: Option<u64>,
}

impl Sieve {
    /// True when every line is shown.
    pub fn is_open(&self) -> bool {
        !self.is_choosy() && self.hidden.is_empty() && self.folded.is_empty()
    }

    /// True when lines are chosen by what they say.
    pub fn is_choosy(&self) -> bool {
        !self.terms.is_empty() || self.only_faults
    }

    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    pub fn context(&self) -> u64 {
        self.context
    }

    pub fn only_faults(&self) -> bool {
        self.only_faults
    }

    pub fn is_hidden(&self, source: SourceId) -> bool {
        self.hidden.contains(&source)
    }

    pub fn is_folded(&self, head: u64) -> bool {
        self.folded.contains(&head)
    }

    pub fn add(&mut self, term: Term, ring: &Ring) {
        self.terms.push(term);
        self.restart(ring);
    }

    /// Takes the last term away; false when there is none.
    pub fn pop(&mut self, ring: &Ring) -> bool {
        let had_one = self.terms.pop().is_some();
        if had_one {
            self.restart(ring);
        }
        had_one
    }

    pub fn clear_terms(&mut self, ring: &Ring) {
        self.terms.clear();
        self.restart(ring);
    }

    pub fn set_context(&mut self, context: u64, ring: &Ring) {
        self.context = context;
        self.restart(ring);
    }

    pub fn set_only_faults(&mut self, only_faults: bool, ring: &Ring) {
        self.only_faults = only_faults;
        self.restart(ring);
    }

    pub fn toggle_source(&mut self, source: SourceId, ring: &Ring) {
        if !self.hidden.remove(&source) {
            self.hidden.insert(source);
        }
        self.restart(ring);
    }

    pub fn hide(&mut self, sources: impl Iterator<Item = SourceId>, ring: &Ring) {
        self.hidden = sources.collect();
        self.restart(ring);
    }

    pub fn toggle_fold(&mut self, head: u64, ring: &Ring) {
        if !self.folded.remove(&head) {
            self.folded.insert(head);
        }
        self.restart(ring);
    }

    /// Looks at every line anew.
    fn restart(&mut self, ring: &Ring) {
        self.shown.clear();
        self.low = ring.end();
        self.high = ring.end();
        self.until = 0;
        self.from = None;
    }

    /// Looks at lines that were not looked at yet, at about `budget` bytes of them. True when more are left.
    pub fn work(&mut self, book: &Logbook, budget: usize) -> bool {
        let ring = &book.ring;
        if self.is_open() {
            return false;
        }
        if ring.dropped() > self.high {
            self.restart(ring);
        }
        self.forget(ring);
        let mut left = budget;
        for line in ring.from(self.high) {
            left = left.saturating_sub(cost(&line));
            self.high = line.number + 1;
            self.look_forward(&line, book);
            if left == 0 {
                return true;
            }
        }
        for line in ring.before(self.low) {
            left = left.saturating_sub(cost(&line));
            self.low = line.number;
            self.look_back(&line, book);
            if left == 0 {
                break;
            }
        }
        self.low > ring.dropped() || self.high < ring.end()
    }

    /// What has gone from the ring.
    fn forget(&mut self, ring: &Ring) {
        while self
            .shown
            .front()
            .is_some_and(|number| *number < ring.dropped())
        {
            self.shown.pop_front();
        }
        self.low = self.low.max(ring.dropped());
    }

    fn look_forward(&mut self, line: &Line<'_>, book: &Logbook) {
        if !self.may_show(line, book) {
            return;
        }
        if self.matches(line) {
            let first = line.number.saturating_sub(self.context);
            if first < self.low {
                self.from = Some(self.from.map_or(first, |from| from.min(first)));
            }
            let from = first
                .max(self.low)
                .max(self.shown.back().map_or(0, |last| last + 1));
            let before = (from..line.number).filter(|number| self.is_context(*number, book));
            let before: Vec<u64> = before.collect();
            self.shown.extend(before);
            self.shown.push_back(line.number);
            self.until = line.number + 1 + self.context;
        } else if line.number < self.until {
            self.shown.push_back(line.number);
        }
    }

    fn look_back(&mut self, line: &Line<'_>, book: &Logbook) {
        if !self.may_show(line, book) {
            return;
        }
        if self.matches(line) {
            let last = line.number + self.context;
            self.until = self.until.max(last + 1);
            let to = last.min(self.high.saturating_sub(1));
            let to = self
                .shown
                .front()
                .map_or(to, |first| to.min(first.saturating_sub(1)));
            for number in (line.number + 1..=to).rev() {
                if self.is_context(number, book) {
                    self.shown.push_front(number);
                }
            }
            self.shown.push_front(line.number);
            self.from = Some(line.number.saturating_sub(self.context));
        } else if self.from.is_some_and(|from| line.number >= from) {
            self.shown.push_front(line.number);
        }
    }

    fn is_context(&self, number: u64, book: &Logbook) -> bool {
        book.ring
            .get(number)
            .is_some_and(|line| self.may_show(&line, book))
    }

    /// True when nothing but its text can keep it from being shown.
    fn may_show(&self, line: &Line<'_>, book: &Logbook) -> bool {
        !self.hidden.contains(&line.source) && !self.is_in_fold(line.number, book)
    }

    fn is_in_fold(&self, number: u64, book: &Logbook) -> bool {
        let is_in = |head: &u64| {
            let fold = book.section(*head);
            fold.is_some_and(|fold| number >= fold.first && fold.end.is_none_or(|end| number < end))
        };
        !self.folded.is_empty() && self.folded.range(..number).any(is_in)
    }

    /// True when its text is one that is looked for: what stands around it is only context.
    pub fn matches(&self, line: &Line<'_>) -> bool {
        if !self.is_choosy() {
            return true;
        }
        let text = plain(line.text);
        (self.terms.iter()).all(|term| term.pattern.finds(&text) != term.is_excluded)
            && (!self.only_faults || level(&String::from_utf8_lossy(&text)) >= Some(Level::Warning))
    }

    /// Lines that are shown, as far as they were looked at.
    pub fn count(&self, ring: &Ring) -> u64 {
        if self.is_open() {
            return ring.len() as u64;
        }
        (self.shown.len() - self.gone(ring)) as u64
    }

    /// How many at the front of `shown` have gone since the last look.
    fn gone(&self, ring: &Ring) -> usize {
        self.shown
            .partition_point(|number| *number < ring.dropped())
    }

    /// The first shown line from `number` on.
    pub fn at_or_after(&self, number: u64, ring: &Ring) -> Option<u64> {
        let number = number.max(ring.dropped());
        if self.is_open() {
            return (number < ring.end()).then_some(number);
        }
        let at = self.shown.partition_point(|shown| *shown < number);
        self.shown.get(at).copied()
    }

    /// The last shown line up to `number`.
    pub fn at_or_before(&self, number: u64, ring: &Ring) -> Option<u64> {
        let last = ring.end().checked_sub(1)?.min(number);
        if self.is_open() {
            return (last >= ring.dropped() && !ring.is_empty()).then_some(last);
        }
        let at = self
            .shown
            .partition_point(|shown| *shown <= last)
            .checked_sub(1)?;
        let found = self.shown.get(at).copied()?;
        (found >= ring.dropped()).then_some(found)
    }

    pub fn first(&self, ring: &Ring) -> Option<u64> {
        self.at_or_after(0, ring)
    }

    pub fn last(&self, ring: &Ring) -> Option<u64> {
        self.at_or_before(u64::MAX, ring)
    }

    /// The shown line `by` lines below (or above, when negative), stopping at the ends.
    pub fn moved(&self, from: u64, by: i64, ring: &Ring) -> Option<u64> {
        if self.is_open() {
            let to = from.saturating_add_signed(by).max(ring.dropped());
            return self.at_or_before(to, ring);
        }
        let gone = self.gone(ring);
        let here = self.shown.partition_point(|shown| *shown < from);
        let by = isize::try_from(by).unwrap_or(0);
        let to = here.saturating_add_signed(by);
        let to = to.clamp(gone, self.shown.len().saturating_sub(1).max(gone));
        self.shown.get(to).copied()
    }
}

/// A line costs a little even when it is empty.
fn cost(line: &Line<'_>) -> usize {
    line.text.len() + 64
}

#[cfg(test)]
mod tests;
