//! Figures of onboarding: one simulated board, then sixteen side by side, each with some twenty seconds of work and all
//! with one download.
//!
//! `cargo bench --bench onboard`. Asserted: sixteen take less than 1.3 times as long as one; the binary is fetched once; less
//! than 150 MB of memory for all of it, the simulated boards included.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a figure that cannot be taken should say where; figures are printed"
)]

use std::time::{Duration, Instant};

use bramble::app::effects::{Effects, Supplies};
use bramble::app::event_loop::Clock;
use bramble::app::{Model, Settings, update};
use bramble::clients::kubeconfig_files::Places;
use bramble::clients::kubernetes::Target;
use bramble::clients::onboard::depot::Sources;
use bramble::clients::ssh;
use bramble::effect::Effect;
use bramble::keymap::Keymap;
use bramble::msg::Msg;
use bramble::rack::onboard::machine::{Event, Stage};
use bramble::rack::onboard::wish::{Asked, Role};
use bramble::sim::{Releases, Scenario, Sim};
use bramble::theme::roles::Theme;
use ratatui::layout::Size;
use tokio::sync::mpsc;

const BOARDS: u32 = 16;
const MOST: f64 = 1.3;
const MEMORY: u64 = 150 << 20;

/// A server, and blank boards whose steps take so long that each has twenty seconds of work.
fn scenario(boards: u32) -> String {
    let name = if boards > 1 { "board-{}" } else { "board-01" };
    format!(
        "context = \"figures\"\nstep = 3.2\nnode = [{{ name = \"k3s-server\", role = \"server\" }}]\n\
         blank = [{{ name = \"{name}\", count = {boards}, ip = \"10.0.0.1\" }}]\n"
    )
}

struct Cockpit {
    model: Model,
    effects: Effects,
    inbox: mpsc::Receiver<Msg>,
    clock: Clock,
}

impl Cockpit {
    fn open(sim: &Sim, releases: &Releases, folder: &std::path::Path) -> Cockpit {
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let known_hosts = write("known_hosts", sim.known_hosts());
        let mut settings = ssh::Settings::of_user();
        settings.config = Some(write("ssh_config", sim.ssh_config(&known_hosts)));
        let places = Places {
            target: Target {
                kubeconfig: Some(write("config", sim.kubeconfig())),
                ..Target::default()
            },
            notes: folder.join("state/undo"),
        };
        let below = |path: &str| format!("{}/{path}", releases.url());
        let supplies = Supplies {
            sources: Sources {
                channels: below("channels"),
                releases: below("releases"),
                installer: below("install.sh"),
            },
            ..Supplies::default()
        };
        let (effects, inbox) = Effects::new(places);
        let clock = Clock::start();
        let theme = Theme::load("terminal", None).0;
        let keymap = Keymap::load("default", None).0;
        let size = Size::new(80, 24);
        Cockpit {
            model: Model::new(clock.now(), size, theme, keymap, Settings::default()),
            effects: effects.with_ssh(settings).with_supplies(supplies),
            inbox,
            clock,
        }
    }

    fn take(&mut self, msg: Msg) {
        for msg in [Msg::Clock(self.clock.now()), msg] {
            for effect in update(&mut self.model, msg) {
                self.effects.run(effect);
            }
        }
    }

    /// From the wish until the last board has joined.
    async fn onboard(&mut self, hosts: Vec<String>, version: &str) {
        let count = hosts.len();
        let asked = Asked {
            hosts,
            server: "k3s-server".to_owned(),
            url: Some("https://10.0.1.1:6443".to_owned()),
            known_address: None,
            role: Role::Agent,
            etcd: false,
            name: None,
            version: Some(version.to_owned()),
            labels: Vec::new(),
            taints: Vec::new(),
            leaves: false,
        };
        self.effects.run(Effect::PrepareOnboarding(Box::new(asked)));
        loop {
            let msg = self.inbox.recv().await.unwrap();
            self.take(msg);
            let runs = self.model.rack.onboarding.iter();
            let planned: Vec<String> = runs
                .filter(|run| matches!(run.board.stage, Stage::Planned(_)))
                .map(|run| run.board.host().to_owned())
                .collect();
            for host in planned {
                let event = Box::new(Event::Accepted);
                self.take(Msg::Onboard { host, event });
            }
            let runs = self.model.rack.onboarding.iter();
            let joined = runs.filter(|run| run.board.stage == Stage::Joined).count();
            if joined == count {
                return;
            }
            let problems = self.model.rack.onboarding.problems();
            assert!(problems.is_empty(), "{problems:?}");
        }
    }
}

/// How long it takes, and how often the binary was fetched.
async fn measure(boards: u32) -> (Duration, usize) {
    let scenario = Scenario::from_toml(&scenario(boards)).unwrap();
    let sim = Sim::start(scenario, 1).await.unwrap();
    let releases = Releases::start(sim.version()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut cockpit = Cockpit::open(&sim, &releases, folder.path());
    let hosts = (1..=boards).map(|at| format!("board-{at:02}")).collect();
    let begun = Instant::now();
    cockpit.onboard(hosts, sim.version()).await;
    (begun.elapsed(), releases.downloads())
}

/// The most memory this process has ever held.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (one, _) = runtime.block_on(measure(1));
    let (all, downloads) = runtime.block_on(measure(BOARDS));
    let ratio = all.as_secs_f64() / one.as_secs_f64();
    let memory = peak();
    println!("onboard: one board {one:.1?}, {BOARDS} boards {all:.1?}, {ratio:.2} times as long");
    println!("onboard: {downloads} download, {} MB at most", memory >> 20);
    assert!(ratio < MOST, "boards wait for each other");
    assert_eq!(downloads, 1, "each board has fetched the binary");
    assert!(memory < MEMORY, "{memory} bytes");
}
