//! Taking a board out of the rack and putting one back in: drain, switch off, make sure it is off, wait for a board to
//! come back under the name, let pods come again.
//!
//! Pure: [`HotSwap::look`] takes what is seen of the board now and says what is to be done. Invariant: a board is called
//! off only after it has been silent on both ways, heartbeat and SSH; a closed connection alone proves nothing.

use std::time::Duration;

use crate::rack::drain::End;
use crate::rack::node::{NodeName, Uid};
use crate::rack::time::{Now, short};

/// A board that is off has renewed no Lease for so long: two renewals missed.
const SILENT: Duration = Duration::from_secs(22);
/// So long is waited at the least: it holds one question over SSH after the board had its time to go down.
const CONFIRM: Duration = Duration::from_secs(30);
/// The lights of a board that is to be pulled blink until it is off. The board itself ends that after two minutes, so it
/// is told again in time.
const BLINK_AGAIN: Duration = Duration::from_secs(100);
/// A board that beats so long after it was told to switch off does not do so.
const STUBBORN: Duration = Duration::from_secs(120);

/// One board on its way out and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotSwap {
    pub node: NodeName,
    pub context: String,
    /// Of the Node that was there in the beginning.
    pub uid: Uid,
    pub boot_id: Box<str>,
    pub machine_id: Box<str>,
    pub step: Step,
    /// When this step began, by our clock.
    pub since: Duration,
    /// When its lights were made to blink last.
    pub blinked: Option<Duration>,
    /// How the command to switch off ended. It may end while another context is on the screen.
    pub switched_off: Option<Result<(), String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Draining,
    /// The command to switch off is on its way.
    SwitchingOff,
    /// It was told to; whether it is off is not certain yet.
    Confirming,
    SafeToPull,
    /// A board has come back under the name and is not ready yet.
    Returning {
        is_same: bool,
    },
    Done {
        is_same: bool,
    },
    Stopped(String),
}

/// What is seen of the board at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How its drain ended; `None` while it runs.
    pub drained: Option<Result<(), String>>,
    /// How the command to switch off ended.
    pub switched_off: Option<Result<(), String>>,
    /// Age of the last heartbeat; `None` without one.
    pub beat_age: Option<Duration>,
    /// It answered over SSH after it was told to switch off.
    pub answers_ssh: bool,
    /// The API server can be heard: without it, silence is no news.
    pub is_live: bool,
    /// The Node of that name now.
    pub node: Option<SeenNode>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenNode {
    pub uid: Uid,
    pub boot_id: Box<str>,
    pub machine_id: Box<str>,
    pub is_ready: bool,
    pub is_cordoned: bool,
}

/// What is to be done in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Its lights blink, so that the person finds it.
    Blink,
    StopBlinking,
    SwitchOff,
    Uncordon(Uid),
}

impl HotSwap {
    pub fn begin(node: NodeName, context: String, seen: SeenNode, now: Now) -> HotSwap {
        HotSwap {
            node,
            context,
            uid: seen.uid,
            boot_id: seen.boot_id,
            machine_id: seen.machine_id,
            step: Step::Draining,
            since: now.mono,
            blinked: None,
            switched_off: None,
        }
    }

    pub fn is_running(&self) -> bool {
        !matches!(self.step, Step::Done { .. } | Step::Stopped(_))
    }

    /// Goes on as far as what is seen allows.
    pub fn look(&mut self, seen: &Seen, now: Now) -> Vec<Deed> {
        let (step, mut deeds) = self.next(seen, now);
        if let Some(step) = step {
            self.step = step;
            self.since = now.mono;
        }
        deeds.extend(self.lights(now));
        deeds
    }

    /// The lights blink while it is drained, and no more when it stays. A board that was off does not blink: the kernel
    /// drives its lights anew from each start on.
    fn lights(&mut self, now: Now) -> Option<Deed> {
        match self.step {
            Step::Draining => {
                let is_due = self.blinked.is_none_or(|at| now.since(at) >= BLINK_AGAIN);
                is_due.then(|| {
                    self.blinked = Some(now.mono);
                    Deed::Blink
                })
            }
            Step::Stopped(_) => self.blinked.take().map(|_| Deed::StopBlinking),
            Step::SwitchingOff
            | Step::Confirming
            | Step::SafeToPull
            | Step::Returning { .. }
            | Step::Done { .. } => None,
        }
    }

    fn next(&self, seen: &Seen, now: Now) -> (Option<Step>, Vec<Deed>) {
        match &self.step {
            Step::Draining => match &seen.drained {
                None => (None, Vec::new()),
                Some(Ok(())) => (Some(Step::SwitchingOff), vec![Deed::SwitchOff]),
                Some(Err(why)) => (Some(Step::Stopped(why.clone())), Vec::new()),
            },
            Step::SwitchingOff => match &seen.switched_off {
                None => (None, Vec::new()),
                Some(Ok(())) => (Some(Step::Confirming), Vec::new()),
                Some(Err(why)) => (Some(Step::Stopped(why.clone())), Vec::new()),
            },
            Step::Confirming => {
                let waited = now.since(self.since);
                let is_silent = seen.beat_age.is_none_or(|age| age >= SILENT) && seen.is_live;
                if is_silent && !seen.answers_ssh && waited >= CONFIRM {
                    return (Some(Step::SafeToPull), Vec::new());
                }
                if self.has_rebooted(seen) {
                    let why = "it started again by itself: something switched it on";
                    return (Some(Step::Stopped(why.to_owned())), Vec::new());
                }
                (None, Vec::new())
            }
            Step::SafeToPull => {
                let is_back = seen.is_live && seen.beat_age.is_some_and(|age| age < SILENT);
                let node = seen.node.as_ref().filter(|_| is_back);
                let step = node.map(|node| Step::Returning {
                    is_same: self.is_same(node),
                });
                (step, Vec::new())
            }
            Step::Returning { is_same: before } => {
                // The heartbeat comes before the Node says who beats: until then it is the Node that went.
                let Some(node) = seen.node.as_ref().filter(|node| self.is_started(node)) else {
                    return (None, Vec::new());
                };
                let is_same = self.is_same(node);
                if node.is_ready {
                    let uncordon = node.is_cordoned.then(|| Deed::Uncordon(node.uid.clone()));
                    return (Some(Step::Done { is_same }), uncordon.into_iter().collect());
                }
                let is_news = is_same != *before;
                (is_news.then_some(Step::Returning { is_same }), Vec::new())
            }
            Step::Done { .. } | Step::Stopped(_) => (None, Vec::new()),
        }
    }

    /// The same Node and the same system on its card.
    fn is_same(&self, node: &SeenNode) -> bool {
        node.uid == self.uid && node.machine_id == self.machine_id
    }

    /// Another Node, or the same after another start.
    fn is_started(&self, node: &SeenNode) -> bool {
        node.uid != self.uid || node.boot_id != self.boot_id
    }

    fn has_rebooted(&self, seen: &Seen) -> bool {
        let node = seen.node.as_ref();
        node.is_some_and(|node| node.uid == self.uid && node.boot_id != self.boot_id)
    }

    /// In a word or two, for a tray.
    pub fn word(&self) -> &'static str {
        match self.step {
            Step::Draining => "draining",
            Step::SwitchingOff => "switching off",
            Step::Confirming => "going off",
            Step::SafeToPull => "safe to pull",
            Step::Returning { .. } => "coming back",
            Step::Done { .. } => "swapped",
            Step::Stopped(_) => "swap stopped",
        }
    }

    /// What is happening and what the person does, a line each.
    pub fn lines(&self, now: Now) -> Vec<String> {
        let waited = now.since(self.since);
        match &self.step {
            Step::Draining => vec![
                "its pods are evicted; then it is switched off".to_owned(),
                "its lights blink until it is off, so that you find it".to_owned(),
            ],
            Step::SwitchingOff => vec!["it is being told to switch off".to_owned()],
            Step::Confirming if waited >= STUBBORN => vec![
                format!(
                    "it was told to switch off {} ago and is still heard",
                    short(waited)
                ),
                "do not pull it: look at the board".to_owned(),
            ],
            Step::Confirming => vec![format!(
                "told to switch off {} ago; waiting until it is silent",
                short(waited)
            )],
            Step::SafeToPull => vec![
                "neither its heartbeat nor its SSH is heard any more: safe to pull".to_owned(),
                "look at its ACT light first: ten short flashes, a pause, again: halted".to_owned(),
                "when a board comes back under this name, pods may come again by themselves"
                    .to_owned(),
            ],
            Step::Returning { is_same: true } if waited >= STUBBORN => vec![
                format!(
                    "it is heard again for {}, and is not Ready after a new start",
                    short(waited)
                ),
                "do not pull it: perhaps it was never off; look at the board".to_owned(),
            ],
            Step::Returning { is_same: true } => {
                vec!["the board is back; waiting until it is Ready".to_owned()]
            }
            Step::Returning { is_same: false } => {
                vec!["another board has taken the name; waiting until it is Ready".to_owned()]
            }
            Step::Done { is_same: true } => vec!["the board is back and takes pods".to_owned()],
            Step::Done { is_same: false } => {
                vec!["a new board has the name and takes pods".to_owned()]
            }
            Step::Stopped(why) => vec![
                format!("stopped: {why}"),
                "the node stays cordoned: uncordon undoes that".to_owned(),
            ],
        }
    }
}

/// How a drain ended, as far as a swap goes on after it.
pub fn drained(end: &End) -> Result<(), String> {
    match end {
        End::Drained => Ok(()),
        End::Cancelled => Err("its drain was stopped".to_owned()),
        End::Failed(problem) => Err(problem.what.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::from_secs(seconds),
            ..Now::ZERO
        }
    }

    fn node(uid: &str, boot: &str, machine: &str) -> SeenNode {
        SeenNode {
            uid: Uid(uid.into()),
            boot_id: boot.into(),
            machine_id: machine.into(),
            is_ready: true,
            is_cordoned: true,
        }
    }

    fn begun() -> HotSwap {
        let name = NodeName::new("rpi-03");
        HotSwap::begin(name, "office".into(), node("u1", "b1", "m1"), at(0))
    }

    /// What is seen while the board is well.
    fn well() -> Seen {
        Seen {
            beat_age: Some(Duration::from_secs(3)),
            answers_ssh: true,
            is_live: true,
            node: Some(node("u1", "b1", "m1")),
            ..Seen::default()
        }
    }

    fn silent() -> Seen {
        Seen {
            beat_age: Some(Duration::from_secs(40)),
            answers_ssh: false,
            ..well()
        }
    }

    fn told_to_switch_off() -> HotSwap {
        let mut swap = begun();
        let drained = Seen {
            drained: Some(Ok(())),
            ..well()
        };
        assert_eq!(swap.look(&well(), at(0)), [Deed::Blink]);
        assert_eq!(swap.look(&well(), at(1)), [], "it blinks already");
        assert_eq!(swap.look(&drained, at(10)), [Deed::SwitchOff]);
        assert_eq!(swap.look(&drained, at(11)), [], "told once");
        let off = Seen {
            switched_off: Some(Ok(())),
            ..drained
        };
        assert_eq!(swap.look(&off, at(12)), []);
        assert_eq!(swap.step, Step::Confirming);
        swap
    }

    #[test]
    fn a_board_is_safe_to_pull_only_after_silence_on_both_ways() {
        let mut swap = told_to_switch_off();
        for (seen, seconds) in [
            (well(), 13),
            // Silent, but not for long enough.
            (silent(), 20),
            (
                Seen {
                    answers_ssh: true,
                    ..silent()
                },
                60,
            ),
            (
                Seen {
                    beat_age: Some(Duration::from_secs(3)),
                    ..silent()
                },
                60,
            ),
            // Nothing is heard of anybody: that is no news of this board.
            (
                Seen {
                    is_live: false,
                    ..silent()
                },
                60,
            ),
        ] {
            swap.look(&seen, at(seconds));
            assert_eq!(swap.step, Step::Confirming, "{seen:?}");
        }
        assert!(swap.lines(at(200))[1].contains("do not pull it"));
        swap.look(&silent(), at(61));
        assert_eq!(
            (swap.word(), &swap.step),
            ("safe to pull", &Step::SafeToPull)
        );
    }

    #[test]
    fn the_board_or_another_one_comes_back_and_takes_pods_again() {
        for (back, is_same, uncordoned) in [
            (node("u1", "b2", "m1"), true, Some("u1")),
            (node("u1", "b2", "m2"), false, Some("u1")),
            (
                SeenNode {
                    is_cordoned: false,
                    ..node("u2", "b2", "m2")
                },
                false,
                None,
            ),
        ] {
            let mut swap = told_to_switch_off();
            swap.look(&silent(), at(60));
            swap.look(&silent(), at(600));
            assert_eq!(swap.step, Step::SafeToPull);
            let mut seen = Seen {
                node: Some(SeenNode {
                    is_ready: false,
                    ..back.clone()
                }),
                ..well()
            };
            assert_eq!(swap.look(&seen, at(700)), []);
            assert_eq!(swap.step, Step::Returning { is_same });
            assert_eq!(swap.look(&seen, at(701)), [], "not Ready yet");
            seen.node = Some(back);
            let deeds = swap.look(&seen, at(702));
            let uncordon = uncordoned.map(|uid| Deed::Uncordon(Uid(uid.into())));
            let expected: Vec<Deed> = uncordon.into_iter().collect();
            assert_eq!((deeds, &swap.step), (expected, &Step::Done { is_same }));
            assert!(!swap.is_running());
            assert_eq!(swap.look(&seen, at(800)), []);
        }
    }

    #[test]
    fn a_heartbeat_alone_is_no_board_that_came_back() {
        let mut swap = told_to_switch_off();
        swap.look(&silent(), at(60));
        // The Lease is renewed; the Node is still the one that went, Ready and cordoned.
        for seconds in [70, 71, 100] {
            assert_eq!(swap.look(&well(), at(seconds)), []);
            assert_eq!(swap.step, Step::Returning { is_same: true });
        }
        assert!(swap.lines(at(300))[1].contains("do not pull it"));
        let other = node("u2", "b2", "m2");
        let seen = Seen {
            node: Some(SeenNode {
                is_ready: false,
                ..other.clone()
            }),
            ..well()
        };
        swap.look(&seen, at(301));
        assert_eq!(swap.step, Step::Returning { is_same: false });
        let seen = Seen {
            node: Some(other),
            ..well()
        };
        let uncordon = Deed::Uncordon(Uid("u2".into()));
        assert_eq!(swap.look(&seen, at(302)), [uncordon]);
    }

    #[test]
    fn what_fails_on_the_way_stops_it_and_says_so() {
        let mut swap = begun();
        assert_eq!(swap.look(&well(), at(5)), [Deed::Blink]);
        assert_eq!(swap.look(&well(), at(104)), [], "the drain goes on");
        assert_eq!(swap.look(&well(), at(105)), [Deed::Blink], "a long one");
        let failed = Seen {
            drained: Some(Err("its drain was stopped".into())),
            ..well()
        };
        assert_eq!(swap.look(&failed, at(109)), [Deed::StopBlinking]);
        assert_eq!(swap.look(&failed, at(110)), []);
        assert!(swap.lines(at(9))[0].contains("its drain was stopped"));

        let mut swap = begun();
        swap.look(
            &Seen {
                drained: Some(Ok(())),
                ..well()
            },
            at(9),
        );
        swap.look(
            &Seen {
                switched_off: Some(Err("sudo refused".into())),
                ..well()
            },
            at(10),
        );
        assert_eq!(swap.step, Step::Stopped("sudo refused".into()));

        let mut swap = told_to_switch_off();
        swap.look(
            &Seen {
                node: Some(node("u1", "b2", "m1")),
                ..well()
            },
            at(30),
        );
        assert!(matches!(&swap.step, Step::Stopped(why) if why.contains("by itself")));
    }
}
