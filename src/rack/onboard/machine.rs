//! One board on its way: connect and check, plan, run, joined. A pure machine: events in, orders out.
//!
//! Invariants: nothing that changes the board is ordered before a plan was accepted; every order that changes it comes
//! after the order that keeps the journal; a step is ordered one at a time.

use std::time::Duration;

use super::facts::Facts;
use super::findings::{Cluster, Finding, Fix, Look, blocks, findings};
use super::journal::{Done, Journal};
use super::plan::{Plan, plan};
use super::step::Step;
use super::wish::Wish;
use crate::rack::problem::{Problem, Severity};

/// A lost connection is tried again this often, with growing pauses: about ten minutes in all.
const TRIES: u32 = 24;
/// A board that was never reached is given up sooner: its name may be wrong.
const FIRST_TRIES: u32 = 3;
const LONGEST_PAUSE: u64 = 30;

/// Where a board is.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Logging in, and asking it what it is.
    Checking,
    /// Something speaks against it; see `findings`.
    Blocked,
    /// The plan waits to be accepted.
    Planned(Plan),
    Running,
    Joined,
    Failed(Failure),
    /// The person said no.
    Declined,
}

/// Why something did not work.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub problem: Problem,
    /// Trying again may help.
    pub is_transient: bool,
    pub fix: Option<Fix>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Begin, or take up what the journal says.
    Begin,
    Surveyed(Box<Survey>),
    Accepted,
    Declined,
    /// What goes on right now, in words.
    Note(String),
    /// The step that was ordered is done.
    Done {
        changed: bool,
        note: String,
    },
    Failed(Failure),
    /// A person asks to try again, with what this allows.
    Retry(Option<Fix>),
    /// A person gives its node another name and asks to try again.
    Renamed(String),
}

/// What a look at the board and the cluster has brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    pub facts: Facts,
    pub cluster: Option<Cluster>,
    /// Seconds since 1970, by our clock.
    pub now: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Log in, run the checks, look at the cluster.
    Survey {
        after: Duration,
    },
    /// Put the journal on disk; before anything that follows.
    Keep(Box<Journal>),
    Do {
        step: Step,
        after: Duration,
    },
}

/// A board of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    pub journal: Journal,
    pub stage: Stage,
    pub facts: Option<Facts>,
    pub findings: Vec<Finding>,
    /// What goes on right now.
    pub note: String,
    /// By our own clock: when the run of this board began, and when its step did.
    pub began: Option<Duration>,
    pub step_began: Option<Duration>,
    pub ended: Option<Duration>,
    tries: u32,
}

impl Board {
    pub fn new(wish: Wish) -> Board {
        Board::of(Journal::new(wish))
    }

    /// Goes on where a journal ends.
    pub fn of(journal: Journal) -> Board {
        Board {
            journal,
            stage: Stage::Checking,
            facts: None,
            findings: Vec::new(),
            note: String::new(),
            began: None,
            step_began: None,
            ended: None,
            tries: 0,
        }
    }

    pub fn host(&self) -> &str {
        &self.journal.wish.host
    }

    /// The step that runs, or that failed.
    pub fn step(&self) -> Option<&Step> {
        match self.stage {
            Stage::Running | Stage::Failed(_) => self.journal.next(),
            _ => None,
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(
            self.stage,
            Stage::Blocked | Stage::Joined | Stage::Failed(_) | Stage::Declined
        )
    }

    /// How long it took, or takes.
    pub fn time(&self, now: Duration) -> Option<Duration> {
        Some(self.ended.unwrap_or(now).saturating_sub(self.began?))
    }

    /// Takes an event at a time of our own clock. An event that does not fit the stage is late and changes nothing.
    pub fn handle(&mut self, event: Event, now: Duration) -> Vec<Order> {
        let orders = self.take(event, now);
        if self.is_over() {
            self.ended.get_or_insert(now);
        } else {
            self.ended = None;
        }
        orders
    }

    fn take(&mut self, event: Event, now: Duration) -> Vec<Order> {
        match (event, &self.stage) {
            (Event::Begin, Stage::Checking) => {
                self.began.get_or_insert(now);
                "logging in".clone_into(&mut self.note);
                vec![Order::Survey {
                    after: Duration::ZERO,
                }]
            }
            (Event::Surveyed(survey), Stage::Checking) => self.surveyed(*survey, now),
            (Event::Accepted, Stage::Planned(plan)) => {
                self.journal.plan = Some(plan.clone());
                self.journal.done.clear();
                self.journal.stopped = None;
                self.run(now)
            }
            (Event::Declined, Stage::Planned(_)) => {
                self.stage = Stage::Declined;
                Vec::new()
            }
            (Event::Note(note), Stage::Checking | Stage::Running) => {
                self.note = note;
                Vec::new()
            }
            (Event::Done { changed, note }, Stage::Running) => self.done(changed, note, now),
            (Event::Failed(failure), Stage::Checking | Stage::Running) => self.failed(failure),
            (Event::Retry(fix), Stage::Blocked | Stage::Failed(_) | Stage::Declined) => {
                self.retry(fix, now)
            }
            (Event::Renamed(name), Stage::Blocked | Stage::Failed(_) | Stage::Planned(_)) => {
                self.journal.wish.name = Some(name);
                self.retry(Some(Fix::Rename), now)
            }
            _ => Vec::new(),
        }
    }

    fn surveyed(&mut self, survey: Survey, now: Duration) -> Vec<Order> {
        self.tries = 0;
        let look = Look {
            wish: &self.journal.wish,
            facts: &survey.facts,
            cluster: survey.cluster.as_ref(),
            now: survey.now,
        };
        let found = findings(&look);
        let proposed = plan(&look, &found);
        let identity = survey.facts.identity();
        let is_same = self.journal.identity.is_none() || self.journal.identity == identity;
        self.facts = Some(survey.facts);
        if self.journal.plan.is_some() && is_same && !self.journal.is_joined {
            // Taken up again: what was accepted holds, and was checked when it was accepted.
            self.findings = found;
            return self.run(now);
        }
        self.journal.plan = None;
        self.journal.done.clear();
        self.journal.is_joined = false;
        self.journal.identity = identity;
        let is_blocked = found
            .iter()
            .any(|finding| blocks(finding, &self.journal.wish));
        self.findings = found;
        self.note = String::new();
        self.stage = if is_blocked {
            Stage::Blocked
        } else {
            Stage::Planned(proposed)
        };
        Vec::new()
    }

    /// The next step, or the end.
    fn run(&mut self, now: Duration) -> Vec<Order> {
        self.note = String::new();
        self.step_began = Some(now);
        let Some(step) = self.journal.next().cloned() else {
            self.stage = Stage::Joined;
            self.journal.is_joined = true;
            self.journal.stopped = None;
            return vec![self.keep()];
        };
        self.stage = Stage::Running;
        let after = Duration::ZERO;
        vec![self.keep(), Order::Do { step, after }]
    }

    fn done(&mut self, changed: bool, note: String, now: Duration) -> Vec<Order> {
        let Some(step) = self.journal.next() else {
            return Vec::new();
        };
        let took = now.saturating_sub(self.step_began.unwrap_or(now));
        let record = Done {
            step: step.name().to_owned(),
            changed,
            seconds: took.as_secs(),
            note,
        };
        self.journal.done.push(record);
        self.tries = 0;
        self.run(now)
    }

    fn failed(&mut self, failure: Failure) -> Vec<Order> {
        let tries = match self.journal.plan {
            Some(_) => TRIES,
            None => FIRST_TRIES,
        };
        if failure.is_transient && self.tries < tries {
            self.tries += 1;
            self.note = format!("{}; tried again", failure.problem.what);
            let after = Duration::from_secs((1 << self.tries.min(6)).min(LONGEST_PAUSE));
            return match (&self.stage, self.journal.next().cloned()) {
                (Stage::Running, Some(step)) => vec![Order::Do { step, after }],
                _ => vec![Order::Survey { after }],
            };
        }
        self.journal.stopped = Some(failure.problem.sentence());
        self.note.clone_from(&failure.problem.what);
        let keeps = self.journal.plan.is_some();
        self.stage = Stage::Failed(failure);
        if keeps { vec![self.keep()] } else { Vec::new() }
    }

    fn retry(&mut self, fix: Option<Fix>, now: Duration) -> Vec<Order> {
        let wish = &mut self.journal.wish;
        match fix {
            Some(Fix::Clean) => wish.may_clean = true,
            Some(Fix::Replace) => wish.may_replace = true,
            Some(Fix::Ignore) => wish.may_ignore_warnings = true,
            Some(Fix::Rename) | None => {}
        }
        if fix.is_some() {
            // Another plan, which must be accepted anew.
            self.journal.plan = None;
            self.journal.done.clear();
        }
        self.journal.stopped = None;
        self.tries = 0;
        self.stage = Stage::Checking;
        self.take(Event::Begin, now)
    }

    fn keep(&self) -> Order {
        Order::Keep(Box::new(self.journal.clone()))
    }

    /// What stands against it, worst first; for the Problems pane.
    pub fn problems(&self) -> Vec<Problem> {
        match &self.stage {
            Stage::Failed(failure) => vec![failure.problem.clone()],
            Stage::Blocked => (self.findings.iter())
                .filter(|finding| blocks(finding, &self.journal.wish))
                .map(|finding| finding.problem.clone())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The fix that a key can do right now.
    pub fn fix(&self) -> Option<Fix> {
        match &self.stage {
            Stage::Failed(failure) => failure.fix,
            Stage::Blocked => self
                .findings
                .iter()
                .filter(|it| blocks(it, &self.journal.wish))
                .find_map(|it| it.fix),
            _ => None,
        }
    }

    /// Warnings and notes that do not stop it.
    pub fn remarks(&self) -> impl Iterator<Item = &Problem> {
        (self.findings.iter().map(|it| &it.problem))
            .filter(|problem| problem.severity != Severity::Critical)
    }
}
