//! The thirteen states of pipelines and jobs.

use std::fmt;

/// As GitLab writes them; `canceled` has one l. A state we do not know is no error: servers get new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Created,
    WaitingForResource,
    Preparing,
    WaitingForCallback,
    Pending,
    Running,
    Success,
    Failed,
    Canceling,
    Canceled,
    Skipped,
    Manual,
    Scheduled,
    Other(String),
}

/// What a state means to somebody who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Goes on by itself.
    Alive,
    /// Waits for a person or a clock.
    Waits,
    /// Over, unless somebody plays or retries it.
    Done,
    /// A state we do not know.
    Unknown,
}

const WORDS: [(&str, Status, Group); 13] = [
    ("created", Status::Created, Group::Alive),
    (
        "waiting_for_resource",
        Status::WaitingForResource,
        Group::Alive,
    ),
    ("preparing", Status::Preparing, Group::Alive),
    (
        "waiting_for_callback",
        Status::WaitingForCallback,
        Group::Alive,
    ),
    ("pending", Status::Pending, Group::Alive),
    ("running", Status::Running, Group::Alive),
    ("success", Status::Success, Group::Done),
    ("failed", Status::Failed, Group::Done),
    ("canceling", Status::Canceling, Group::Alive),
    ("canceled", Status::Canceled, Group::Done),
    ("skipped", Status::Skipped, Group::Done),
    ("manual", Status::Manual, Group::Waits),
    ("scheduled", Status::Scheduled, Group::Waits),
];

impl Status {
    pub fn from_word(word: &str) -> Status {
        let known = WORDS.iter().find(|(known, ..)| *known == word);
        known.map_or_else(
            || Status::Other(word.to_owned()),
            |(_, status, _)| status.clone(),
        )
    }

    /// GitLab's word.
    pub fn word(&self) -> &str {
        match self {
            Status::Other(word) => word,
            status => WORDS
                .iter()
                .find(|(_, known, _)| known == status)
                .map_or("", |(word, ..)| word),
        }
    }

    pub fn group(&self) -> Group {
        let known = WORDS.iter().find(|(_, known, _)| known == self);
        known.map_or(Group::Unknown, |(.., group)| *group)
    }

    /// Goes on by itself, as far as we know.
    pub fn is_alive(&self) -> bool {
        matches!(self.group(), Group::Alive | Group::Unknown)
    }

    pub fn is_done(&self) -> bool {
        self.group() == Group::Done
    }
}

/// The word with blanks: `waiting for resource`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().replace('_', " "))
    }
}
