//! What is kept on disk of a board's run, so that another bramble can go on: the wish, the plan as it was accepted, and
//! how far it got. One small JSON file for each board, always replaced as a whole.
//!
//! Invariant: no secret is in it.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::step::Step;
use super::wish::Wish;

/// Of the form of the file.
const FORM: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    form: u32,
    pub wish: Wish,
    /// Which board, with which card, the plan was made for.
    #[serde(default)]
    pub identity: Option<String>,
    /// `None` until a plan was accepted.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// The steps that are done; the next is the first that is not here.
    #[serde(default)]
    pub done: Vec<Done>,
    /// Why it stands still, in one sentence.
    #[serde(default)]
    pub stopped: Option<String>,
    #[serde(default)]
    pub is_joined: bool,
}

/// A step that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub step: String,
    /// False: it was so already.
    pub changed: bool,
    pub seconds: u64,
    #[serde(default)]
    pub note: String,
}

impl Done {
    /// `install  3s  unit k3s-agent`.
    pub fn words(&self) -> String {
        let how = if self.changed {
            &self.note
        } else {
            "was so already"
        };
        let line = format!("{:20} {:>4}s  {how}", self.step, self.seconds);
        line.trim_end().to_owned()
    }
}

impl Journal {
    pub fn new(wish: Wish) -> Journal {
        Journal {
            form: FORM,
            wish,
            identity: None,
            plan: None,
            done: Vec::new(),
            stopped: None,
            is_joined: false,
        }
    }

    /// Reads a file of [`Journal::text`]. A file of another form is an error, never guessed at.
    pub fn read(text: &str) -> Result<Journal, String> {
        let journal: Journal = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if journal.form != FORM {
            return Err(format!(
                "it is of form {}, this bramble reads form {FORM}",
                journal.form
            ));
        }
        let steps = journal.plan.as_ref().map_or(0, |plan| plan.steps.len());
        if journal.done.len() > steps {
            return Err(format!(
                "{} steps are done of a plan with {steps}",
                journal.done.len()
            ));
        }
        Ok(journal)
    }

    pub fn text(&self) -> String {
        // Plain data with string keys always serialises.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The next step of the accepted plan.
    pub fn next(&self) -> Option<&Step> {
        self.plan.as_ref()?.steps.get(self.done.len())
    }
}
