//! What is asked of boards and done to them: the same questions to a simulated board and to a real sshd on a root made
//! to look like a Raspberry Pi, so that the two cannot drift apart.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bramble::clients::board::{act, journal, probe};
use bramble::clients::ssh::{Settings, Ssh, feed};
use bramble::rack::board::outage::Outage;
use bramble::rack::board::{BoardLed, Deed, Journal, Reading};
use bramble::rack::node::NodeName;
use bramble::rack::secret::Secret;
use bramble::rack::ssh::resolved::Here;
use bramble::rack::ssh::{Answer, Destination};
use bramble::sim::{Scenario, Sim, SshLogin};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::bed::{Bed, run, willing};
use super::pi::Pi;
use super::sshd::{PASSWORD, Sshd, is_there};

const DEADLINE: Duration = Duration::from_secs(60);

/// A board, and a client that is let in.
struct Board {
    ssh: Ssh,
    to: Destination,
    node: NodeName,
    server: Option<Sshd>,
    /// What must live as long as it does.
    _kept: Kept,
}

/// Nothing here is looked at.
#[derive(Default)]
struct Kept {
    _sim: Option<Sim>,
    _bed: Option<Bed>,
    _folder: Option<TempDir>,
}

impl Board {
    fn new(name: &str, ssh: Ssh, server: Option<Sshd>, kept: Kept) -> Board {
        Board {
            ssh,
            to: Destination::parse(name).unwrap(),
            node: NodeName::new(name),
            server,
            _kept: kept,
        }
    }

    /// A simulated agent whose login and sudo want a password.
    async fn simulated() -> Board {
        let sim = Sim::start(Scenario::shipped("office").unwrap(), 1)
            .await
            .unwrap();
        let login = SshLogin::Password(PASSWORD.to_owned());
        sim.node("rpi-03").set_ssh_login(login);
        let folder = tempfile::tempdir().unwrap();
        let (known_hosts, config) = (folder.path().join("known"), folder.path().join("config"));
        std::fs::write(&known_hosts, sim.known_hosts()).unwrap();
        std::fs::write(&config, sim.ssh_config(&known_hosts)).unwrap();
        let (asks, mut asked) = mpsc::channel::<bramble::clients::ssh::Ask>(8);
        tokio::spawn(async move {
            while let Some(ask) = asked.recv().await {
                let _ = ask.answer.send(Answer::Secret(Secret::new(PASSWORD)));
            }
        });
        let settings = Settings {
            config: Some(config),
            program: Some(PathBuf::from("/usr/bin/ssh")),
            here: Here {
                home: folder.path().to_owned(),
                user: "root".to_owned(),
                host: "desk.lan".to_owned(),
            },
            keeps_host_keys: true,
        };
        let ssh = Ssh::new(settings, asks);
        let kept = Kept {
            _sim: Some(sim),
            _folder: Some(folder),
            ..Kept::default()
        };
        Board::new("rpi-03", ssh, None, kept)
    }

    /// A real sshd whose login and sudo want a password; `None` where there is none.
    fn real() -> Option<Board> {
        if !is_there() {
            return None;
        }
        let server = Sshd::on_a_pi(&["PubkeyAuthentication no"], &["ed25519"]);
        let bed = Bed::for_boards(&[&server], "", willing);
        let ssh = bed.ssh.clone();
        let kept = Kept {
            _bed: Some(bed),
            ..Kept::default()
        };
        Some(Board::new("board", ssh, Some(server), kept))
    }

    fn pi(&self) -> Option<&Pi> {
        self.server.as_ref()?.pi.as_ref()
    }

    async fn reading(&self, is_deep: bool) -> Reading {
        probe(&self.ssh, &self.node, &self.to, is_deep)
            .await
            .unwrap()
    }

    async fn act(&self, deed: Deed) -> String {
        act(&self.ssh, &self.node, &self.to, &deed).await.unwrap()
    }

    /// Asks again and again until the board answers so.
    async fn until(&self, is_so: impl Fn(&Reading) -> bool) -> Reading {
        let end = Instant::now() + DEADLINE;
        loop {
            self.ssh.retry(&self.to);
            let answer = probe(&self.ssh, &self.node, &self.to, false).await;
            if let Ok(reading) = &answer
                && is_so(reading)
            {
                return answer.unwrap();
            }
            assert!(Instant::now() < end, "{answer:?}");
            tokio::task::yield_now().await;
        }
    }

    /// The first lines of a journal, until one has `wanted` in it.
    async fn until_written(&self, what: Journal, wanted: &str) {
        let (feed, mut lines) = feed(1_000);
        let reading = async {
            let mut seen = Vec::new();
            while let Some(batch) = lines.next().await {
                seen.extend(batch.lines.into_iter().map(|line| line.text));
                if seen.iter().any(|line| line.contains(wanted)) {
                    return;
                }
            }
            panic!("{wanted:?} is not in {seen:?}");
        };
        let following = Box::pin(journal(&self.ssh, &self.node, &self.to, &what, feed));
        // Its end is no end of what is to be read.
        let following = async {
            let _ = following.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = reading => {}
            () = following => {}
        }
    }
}

/// Asks a simulated board, and a real one where there is.
fn of_both<F: Future<Output = ()>>(question: impl Fn(Board) -> F) {
    run(async {
        question(Board::simulated().await).await;
        if let Some(board) = Board::real() {
            question(board).await;
        }
    });
}

fn light<'a>(reading: &'a Reading, name: &str) -> &'a BoardLed {
    reading.leds.iter().find(|led| &*led.name == name).unwrap()
}

#[test]
fn a_board_says_how_it_is() {
    of_both(async |board| {
        let reading = board.reading(false).await;
        assert!(
            reading
                .model
                .as_deref()
                .unwrap()
                .starts_with("Raspberry Pi")
        );
        assert!(reading.serial.is_some() && reading.kernel.is_some());
        assert!((20.0..90.0).contains(&reading.temperature.unwrap()));
        assert!(reading.throttle.is_some());
        assert_eq!(reading.boot_id.as_ref().unwrap().len(), 36);
        assert!(reading.uptime.is_some() && reading.load.is_some());
        assert!(reading.memory_total > reading.memory_available);
        assert_eq!(&*reading.disks[0].place, "/");
        assert_eq!(reading.is_root_read_only, Some(false));
        assert_eq!(reading.memory_cgroup, Some(true));
        let (name, unit) = reading.unit().unwrap();
        assert_eq!((name, &*unit.active), ("k3s-agent", "active"));
        assert_eq!(light(&reading, "ACT").trigger.as_deref(), Some("mmc0"));
        assert!(light(&reading, "PWR").can_blink());
        let ours = jiff::Timestamp::now().as_second();
        assert!((reading.clock.unwrap().as_second() - ours).abs() < 5);
        assert!(!reading.is_deep && reading.journal.is_empty());
        let deep = board.reading(true).await;
        assert!(deep.is_deep && !deep.journal.is_empty());
        assert_eq!(Outage::of(&deep).is_serving, None, "an agent serves no API");
    });
}

#[test]
fn its_lights_blink_and_are_put_back() {
    of_both(async |board| {
        let said = board.act(Deed::Blink).await;
        assert!(said.contains("ACT and PWR of board"), "{said}");
        let reading = board.reading(false).await;
        for name in ["ACT", "PWR"] {
            let led = light(&reading, name);
            assert_eq!(
                (led.trigger.as_deref(), led.delays),
                (Some("timer"), Some((100, 100)))
            );
        }
        if let Some(pi) = board.pi() {
            let scheduled = pi.read("state/scheduled");
            assert!(scheduled.contains("--on-active=120"), "{scheduled}");
        }
        board.act(Deed::StopBlinking).await;
        let reading = board.reading(false).await;
        assert_eq!(light(&reading, "ACT").trigger.as_deref(), Some("mmc0"));
        assert_eq!(
            light(&reading, "PWR").trigger.as_deref(),
            Some("default-on")
        );
        board.act(Deed::Heartbeat).await;
        let reading = board.reading(false).await;
        assert_eq!(light(&reading, "ACT").trigger.as_deref(), Some("heartbeat"));
        board.act(Deed::UsualLight).await;
        let reading = board.reading(false).await;
        assert_eq!(light(&reading, "ACT").trigger.as_deref(), Some("mmc0"));
    });
}

#[test]
fn its_journals_are_read_live() {
    of_both(async |board| {
        let unit = Journal::Unit("k3s-agent".to_owned());
        board
            .until_written(unit.clone(), "Successfully registered node")
            .await;
        board.until_written(Journal::Kernel, "Linux version").await;
        if let Some(pi) = board.pi() {
            board
                .until_written(Journal::PreviousBoot, "last words of the previous boot")
                .await;
            // Followed: what is written later comes, too.
            let (feed, mut lines) = feed(1_000);
            let reading = async {
                let mut seen = String::new();
                while let Some(batch) = lines.next().await {
                    seen.extend(batch.lines.into_iter().map(|line| line.text + "\n"));
                    if seen.contains("registered node") && !seen.contains("appended") {
                        seen.push_str("appended");
                        pi.append("state/journal", "level=info msg=\"written later\"\n");
                    }
                    if seen.contains("written later") {
                        return;
                    }
                }
            };
            let following = Box::pin(journal(&board.ssh, &board.node, &board.to, &unit, feed));
            tokio::select! {
                () = reading => {}
                ended = following => panic!("{ended:?}"),
            }
        }
    });
}

#[test]
fn k3s_restarts_and_the_board_reboots_with_another_boot_id() {
    of_both(async |board| {
        let unit = "k3s-agent".to_owned();
        let said = board.act(Deed::Restart(unit)).await;
        assert!(said.contains("restarts"), "{said}");
        let before = board.reading(false).await.boot_id;
        board.act(Deed::Reboot).await;
        board.until(|now| now.boot_id != before).await;
        if let Some(pi) = board.pi() {
            let asked = pi.read("state/asked");
            assert_eq!(asked, "restart --no-block k3s-agent\nreboot\n");
        }
    });
}

#[test]
fn a_board_that_is_switched_off_answers_no_more() {
    of_both(async |board| {
        board.reading(false).await;
        board.act(Deed::PowerOff).await;
        // It goes a moment after it was told to.
        let end = Instant::now() + DEADLINE;
        let problem = loop {
            match probe(&board.ssh, &board.node, &board.to, false).await {
                Err(problem) => break problem,
                Ok(reading) => assert!(Instant::now() < end, "{reading:?}"),
            }
        };
        assert!(!problem.next.is_empty(), "{problem:?}");
        if let Some(pi) = board.pi() {
            assert_eq!(pi.read("state/asked"), "poweroff\n");
        }
    });
}
