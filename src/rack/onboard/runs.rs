//! The boards that are onboarded from the cockpit, in the order they were added, and the last lines each has printed.

use std::collections::VecDeque;

use super::journal::Journal;
use super::machine::{Board, Stage};
use super::plan::Plan;
use super::wish::{Role, Wish};
use crate::rack::problem::Problem;

/// Boards of one run that are drained at once: the others carry their pods meanwhile.
pub const BATCH: usize = 2;
/// Lines kept of each board; the transcript on the disk has all of them.
const KEPT: usize = 2_000;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runs {
    runs: Vec<Run>,
}

/// A board and what is heard of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub board: Board,
    pub lines: VecDeque<String>,
    /// Lines that were dropped for newer ones.
    pub dropped: u64,
    /// False for one that another bramble has left behind, until a person wants to go on with it.
    pub is_wanted: bool,
    /// Its plan is accepted and waits until fewer boards are drained.
    pub is_accepted: bool,
}

impl Run {
    fn of(board: Board, is_wanted: bool) -> Run {
        Run {
            board,
            lines: VecDeque::new(),
            dropped: 0,
            is_wanted,
            is_accepted: false,
        }
    }

    /// Its journal is all there is: somebody must say that it goes on.
    pub fn is_cut_off(&self) -> bool {
        !self.is_wanted
    }

    fn has_begun(&self) -> bool {
        self.board.began.is_some()
    }
}

impl Runs {
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    pub fn get(&self, host: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.board.host() == host)
    }

    pub fn get_mut(&mut self, host: &str) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.board.host() == host)
    }

    /// Adds a board, or begins it anew when it is over or was left behind. False when it is on its way.
    pub fn add(&mut self, wish: Wish) -> bool {
        let run = Run::of(Board::new(wish), true);
        match self.get_mut(run.board.host()) {
            Some(known) if !known.board.is_over() && known.is_wanted => false,
            Some(known) => {
                *known = run;
                true
            }
            None => {
                self.runs.push(run);
                true
            }
        }
    }

    /// Adds what was found on the disk of runs that were cut off. Answers how many there are.
    pub fn found(&mut self, journals: Vec<Journal>) -> usize {
        let before = self.runs.len();
        for journal in journals {
            let is_open = journal.plan.is_some() && !journal.is_joined;
            if is_open && self.get(&journal.wish.host).is_none() {
                self.runs.push(Run::of(Board::of(journal), false));
            }
        }
        self.runs.len() - before
    }

    /// Takes a board off the list, unless something is being done to it.
    pub fn forget(&mut self, host: &str) -> bool {
        let before = self.runs.len();
        self.runs
            .retain(|run| run.board.host() != host || run.board.stage == Stage::Running);
        self.runs.len() < before
    }

    /// The board that this one must wait for: the server that is made in this run, or, for one more server, the one
    /// that joins before it. etcd takes new members one at a time.
    pub fn waits_for(&self, host: &str) -> Option<&str> {
        let wish = &self.get(host)?.board.journal.wish;
        let server = wish.server.as_deref()?;
        if let Some(made) = self.get(server)
            && made.is_wanted
            && made.board.stage != Stage::Joined
        {
            return Some(server);
        }
        let is_before = |run: &&Run| {
            let other = &run.board.journal.wish;
            let joins = other.role == Role::Server && other.server == wish.server;
            joins && run.is_wanted && !run.board.is_over()
        };
        let mut before = self.iter().take_while(|run| run.board.host() != host);
        match wish.role {
            Role::Server => before.find(is_before).map(|run| run.board.host()),
            Role::FirstServer { .. } | Role::Agent => None,
        }
    }

    /// Boards that have not begun and wait for nothing.
    pub fn to_begin(&self) -> Vec<String> {
        let is_ready = |run: &&Run| {
            run.is_wanted && !run.has_begun() && self.waits_for(run.board.host()).is_none()
        };
        let ready = self.iter().filter(is_ready);
        ready.map(|run| run.board.host().to_owned()).collect()
    }

    /// Whether a plan that is accepted now must wait: it takes its board out of service, and as many as may do that do.
    pub fn must_wait(&self, host: &str) -> bool {
        let drains = |run: &Run| match &run.board.stage {
            Stage::Planned(plan) => plan.drains(),
            Stage::Running => (run.board.journal.plan.as_ref()).is_some_and(Plan::drains),
            _ => false,
        };
        let running = self.iter().filter(|run| run.board.stage == Stage::Running);
        self.get(host).is_some_and(drains) && running.filter(|run| drains(run)).count() >= BATCH
    }

    /// The next board whose accepted plan has waited and may begin.
    pub fn to_accept(&self) -> Option<String> {
        let mut accepted = self.iter().filter(|run| run.is_accepted);
        let next = accepted.find(|run| !self.must_wait(run.board.host()))?;
        Some(next.board.host().to_owned())
    }

    pub fn hear(&mut self, host: &str, lines: Vec<String>) {
        if let Some(run) = self.get_mut(host) {
            run.lines.extend(lines);
            while run.lines.len() > KEPT {
                run.lines.pop_front();
                run.dropped += 1;
            }
        }
    }

    /// Whether something is being done to a board right now.
    pub fn is_changing(&self) -> bool {
        self.iter().any(|run| run.board.stage == Stage::Running)
    }

    /// What stands against boards, for the list of problems.
    pub fn problems(&self) -> Vec<Problem> {
        self.iter().flat_map(|run| run.board.problems()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::onboard::machine::Event;
    use crate::rack::onboard::tests::wish_of;

    fn begin(runs: &mut Runs, host: &str) {
        let run = runs.get_mut(host).unwrap();
        run.board.handle(Event::Begin, std::time::Duration::ZERO);
    }

    fn set(runs: &mut Runs, host: &str, stage: Stage) {
        runs.get_mut(host).unwrap().board.stage = stage;
    }

    #[test]
    fn boards_wait_for_a_server_that_is_made_in_the_same_run() {
        let mut runs = Runs::default();
        let server = wish_of("k3s-server", Role::FirstServer { etcd: true });
        assert!(runs.add(server) && runs.add(wish_of("rpi-01", Role::Agent)));
        assert_eq!(runs.waits_for("rpi-01"), Some("k3s-server"));
        assert_eq!(runs.to_begin(), ["k3s-server"]);
        begin(&mut runs, "k3s-server");
        assert!(runs.to_begin().is_empty());
        set(&mut runs, "k3s-server", Stage::Joined);
        assert_eq!(runs.to_begin(), ["rpi-01"]);
    }

    #[test]
    fn further_servers_join_one_at_a_time_and_agents_all_at_once() {
        let mut runs = Runs::default();
        for (host, role) in [
            ("s2", Role::Server),
            ("s3", Role::Server),
            ("a1", Role::Agent),
            ("a2", Role::Agent),
        ] {
            runs.add(wish_of(host, role));
        }
        assert_eq!(runs.to_begin(), ["s2", "a1", "a2"]);
        begin(&mut runs, "s2");
        assert_eq!(runs.waits_for("s3"), Some("s2"));
        set(&mut runs, "s2", Stage::Blocked);
        assert_eq!(
            runs.to_begin(),
            ["s3", "a1", "a2"],
            "a blocked one holds nobody"
        );
    }

    #[test]
    fn a_board_that_runs_is_neither_begun_again_nor_forgotten() {
        let mut runs = Runs::default();
        runs.add(wish_of("rpi-01", Role::Agent));
        begin(&mut runs, "rpi-01");
        assert!(!runs.add(wish_of("rpi-01", Role::Agent)));
        set(&mut runs, "rpi-01", Stage::Running);
        assert!(!runs.forget("rpi-01") && runs.is_changing());
        set(&mut runs, "rpi-01", Stage::Joined);
        assert!(runs.add(wish_of("rpi-01", Role::Agent)), "begun anew");
        runs.hear("rpi-01", vec![String::new(); KEPT + 5]);
        let run = runs.get("rpi-01").unwrap();
        assert_eq!((run.lines.len(), run.dropped), (KEPT, 5));
        assert!(runs.forget("rpi-01") && runs.is_empty());
    }

    #[test]
    fn what_was_cut_off_waits_for_a_person() {
        let mut runs = Runs::default();
        let mut open = Journal::new(wish_of("rpi-01", Role::Agent));
        let untouched = Journal::new(wish_of("rpi-02", Role::Agent));
        open.plan = Some(crate::rack::onboard::plan::Plan {
            node: "rpi-01".to_owned(),
            steps: Vec::new(),
        });
        let mut joined = open.clone();
        joined.wish.host = "rpi-03".to_owned();
        joined.is_joined = true;
        assert_eq!(runs.found(vec![open.clone(), untouched, joined]), 1);
        assert!(runs.get("rpi-01").unwrap().is_cut_off());
        assert!(runs.to_begin().is_empty());
        assert_eq!(runs.found(vec![open]), 0, "it is known");
        assert!(runs.add(wish_of("rpi-01", Role::Agent)), "or begun anew");
    }
}
