//! The boards that are onboarded from the cockpit, in the order they were added, and the last lines each has printed.

use std::collections::VecDeque;

use super::machine::{Board, Stage};
use super::wish::Wish;

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

    /// Adds a board, or begins it anew when it is over. False when it runs right now.
    pub fn add(&mut self, wish: Wish) -> bool {
        let run = Run {
            board: Board::new(wish),
            lines: VecDeque::new(),
            dropped: 0,
        };
        match self.get_mut(run.board.host()) {
            Some(known) if !known.board.is_over() => false,
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

    /// Takes a board off the list, unless something is being done to it.
    pub fn forget(&mut self, host: &str) -> bool {
        let before = self.runs.len();
        self.runs
            .retain(|run| run.board.host() != host || run.board.stage == Stage::Running);
        self.runs.len() < before
    }

    /// The server that a board must wait for, because it is made in this run and is not there yet.
    pub fn waits_for(&self, host: &str) -> Option<&str> {
        let server = self.get(host)?.board.journal.wish.server.as_deref()?;
        let made = self.get(server)?;
        (made.board.stage != Stage::Joined).then_some(server)
    }

    /// Boards that have not begun because they waited for this server.
    pub fn waiting_for(&self, server: &str) -> Vec<String> {
        let waits = |run: &&Run| {
            run.board.began.is_none() && run.board.journal.wish.server.as_deref() == Some(server)
        };
        let waiting = self.runs.iter().filter(waits);
        waiting.map(|run| run.board.host().to_owned()).collect()
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::onboard::machine::Event;
    use crate::rack::onboard::tests::wish_of;
    use crate::rack::onboard::wish::Role;

    fn begin(runs: &mut Runs) {
        let run = runs.get_mut("rpi-01").unwrap();
        run.board.handle(Event::Begin, std::time::Duration::ZERO);
    }

    #[test]
    fn boards_wait_for_a_server_that_is_made_in_the_same_run() {
        let mut runs = Runs::default();
        let server = wish_of("k3s-server", Role::FirstServer { etcd: false });
        assert!(runs.add(server) && runs.add(wish_of("rpi-01", Role::Agent)));
        assert_eq!(runs.waits_for("rpi-01"), Some("k3s-server"));
        assert_eq!(runs.waiting_for("k3s-server"), ["rpi-01"]);
        runs.get_mut("k3s-server").unwrap().board.stage = Stage::Joined;
        assert_eq!(runs.waits_for("rpi-01"), None);
    }

    #[test]
    fn a_board_that_runs_is_neither_begun_again_nor_forgotten() {
        let mut runs = Runs::default();
        runs.add(wish_of("rpi-01", Role::Agent));
        begin(&mut runs);
        assert!(!runs.add(wish_of("rpi-01", Role::Agent)));
        runs.get_mut("rpi-01").unwrap().board.stage = Stage::Running;
        assert!(!runs.forget("rpi-01"));
        runs.get_mut("rpi-01").unwrap().board.stage = Stage::Joined;
        assert!(runs.add(wish_of("rpi-01", Role::Agent)), "begun anew");
        runs.hear("rpi-01", vec![String::new(); KEPT + 5]);
        let run = runs.get("rpi-01").unwrap();
        assert_eq!((run.lines.len(), run.dropped), (KEPT, 5));
        assert!(runs.forget("rpi-01") && runs.is_empty());
    }
}
