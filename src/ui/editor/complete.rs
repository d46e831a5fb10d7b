//! What the word under the cursor could become.
//!
//! Not here: which words there are. Invariant: an offer that opened by itself takes only `tab` and leaves with the next
//! key that moves away; only one that was asked for holds `esc`.

use super::Editor;

/// Offers shown at once.
pub(super) const SHOWN: usize = 8;

/// A word the pane knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is written.
    pub text: String,
    /// What it is, in a few words.
    pub note: String,
}

/// The candidates that fit, and which one is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) candidates: Vec<Candidate>,
    pub(super) index: usize,
    /// Opened by a key, or chosen from.
    is_explicit: bool,
}

impl Offer {
    /// Somebody asked what there is.
    pub(super) fn asked() -> Offer {
        Offer {
            is_explicit: true,
            ..Offer::default()
        }
    }

    pub(super) fn is_explicit(&self) -> bool {
        self.is_explicit
    }

    pub(super) fn step(&mut self, is_forward: bool) {
        let count = self.candidates.len().max(1);
        let by = if is_forward { 1 } else { count - 1 };
        self.index = (self.index + by) % count;
        self.is_explicit = true;
    }

    pub(super) fn chosen(&self) -> Option<&str> {
        let candidate = self.candidates.get(self.index)?;
        Some(&candidate.text)
    }
}

impl Editor {
    /// The word left of the cursor, for which candidates are wanted.
    pub fn word(&self) -> &str {
        let before = self.before_cursor();
        let ends = |c: char| c.is_whitespace() || "[]{},\"'#".contains(c);
        before.rsplit(ends).next().unwrap_or_default()
    }

    /// The cursor's line up to the cursor.
    pub fn before_cursor(&self) -> &str {
        let (line, column) = self.cursor();
        let line = self.line(line);
        let end = line
            .char_indices()
            .nth(column)
            .map_or(line.len(), |(at, _)| at);
        line.get(..end).unwrap_or(line)
    }

    /// True when words are wanted here: after an edit that left a word under the cursor, or when asked for.
    pub fn wants_candidates(&self) -> bool {
        match &self.offer {
            Some(offer) => offer.is_explicit && offer.candidates.is_empty(),
            None => !self.word().is_empty(),
        }
    }

    /// Offers what begins with the word under the cursor. Nothing is offered for a word that is whole.
    pub fn offer(&mut self, candidates: Vec<Candidate>) {
        let word = self.word().to_lowercase();
        let fits = |candidate: &Candidate| {
            let text = candidate.text.to_lowercase();
            text.starts_with(&word) && text != word
        };
        let candidates: Vec<Candidate> = candidates.into_iter().filter(fits).collect();
        let is_explicit = self.offer.take().is_some_and(|offer| offer.is_explicit);
        if !candidates.is_empty() {
            self.offer = Some(Offer {
                candidates,
                index: 0,
                is_explicit,
            });
        }
    }

    /// True while something is offered: `tab` takes it.
    pub fn is_offering(&self) -> bool {
        self.offer.is_some()
    }
}
