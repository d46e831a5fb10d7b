//! What it costs to ask fifty boards over SSH, against simulated boards that take the time of a Raspberry Pi for their
//! answers but none of its processor.
//!
//! `cargo bench --bench boards`. Two figures count: over connections that stand, which is every question but the first,
//! fifty boards at once take at most twice as long as one; and the first connections, each with its handshake, its host
//! key and its login, are told apart. The servers run on the same processors, so that their share of the handshakes is
//! in the figures, too.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should say where"
)]

use std::time::{Duration, Instant};

use bramble::clients::board::probe;
use bramble::clients::ssh::{Settings, Ssh};
use bramble::rack::node::NodeName;
use bramble::rack::ssh::Destination;
use bramble::sim::{Scenario, Sim, SshFault};
use futures::future::join_all;
use tokio::sync::mpsc;

const BOARDS: usize = 50;
/// What the probe takes on a Pi 4 from its first to its last byte.
const PI: Duration = Duration::from_millis(100);
const ROUNDS: usize = 20;

const RACK: &str = r#"
about = "fifty boards"
context = "rack"
node = [
  { name = "k3s-server", role = "server", board = "pi5", ip = "10.64.0.10" },
  { name = "rpi-{}", count = 49, board = "pi4-8g", ip = "10.64.1.1" },
]
"#;

struct Rack {
    sim: Sim,
    folder: tempfile::TempDir,
    boards: Vec<(NodeName, Destination)>,
}

impl Rack {
    async fn start() -> Rack {
        let sim = Sim::start(Scenario::from_toml(RACK).unwrap(), 1)
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let known_hosts = folder.path().join("known_hosts");
        std::fs::write(&known_hosts, sim.known_hosts()).unwrap();
        std::fs::write(folder.path().join("config"), sim.ssh_config(&known_hosts)).unwrap();
        let place = |name: &str| (NodeName::new(name), Destination::parse(name).unwrap());
        let boards: Vec<_> = sim.ssh_boards().map(place).collect();
        assert_eq!(boards.len(), BOARDS);
        for (node, _) in &boards {
            sim.node(node.as_str()).break_ssh(Some(SshFault::Slow(PI)));
        }
        Rack {
            sim,
            folder,
            boards,
        }
    }

    /// A client without a connection. The configuration is read by ourselves, or by `ssh -G`, which is a process for
    /// each board.
    fn client(&self, asks_ssh: bool) -> Ssh {
        let mut settings = Settings::of_user();
        settings.config = Some(self.folder.path().join("config"));
        if !asks_ssh {
            settings.program = None;
        }
        Ssh::new(settings, mpsc::channel(1).0)
    }

    async fn ask(&self, ssh: &Ssh, count: usize) -> Duration {
        let begun = Instant::now();
        let boards = self.boards.iter().take(count);
        let answers = join_all(boards.map(|(node, to)| probe(ssh, node, to, false))).await;
        for answer in answers {
            assert!(answer.unwrap().temperature.is_some());
        }
        begun.elapsed()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn say(what: &str, one: Duration, all: Duration) -> f64 {
    let ratio = all.as_secs_f64() / one.as_secs_f64();
    let (one, all) = (one.as_secs_f64() * 1e3, all.as_secs_f64() * 1e3);
    println!("{what:<34} one {one:7.1} ms   {BOARDS} at once {all:7.1} ms   {ratio:.2} times");
    ratio
}

async fn measure() {
    let rack = Rack::start().await;
    println!("boards that take {} ms to answer", PI.as_millis());
    let ssh = rack.client(true);
    rack.ask(&ssh, BOARDS).await;
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(rack.ask(&ssh, 1).await);
        all.push(rack.ask(&ssh, BOARDS).await);
    }
    let ratio = say("over standing connections", median(one), median(all));
    for (what, asks_ssh) in [
        ("first connections, ssh -G", true),
        ("first connections, own reading", false),
    ] {
        let (mut one, mut all) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS / 4 {
            one.push(rack.ask(&rack.client(asks_ssh), 1).await);
            all.push(rack.ask(&rack.client(asks_ssh), BOARDS).await);
        }
        say(what, median(one), median(all));
    }
    assert!(
        ratio <= 2.0,
        "fifty boards cost more than twice the time of one"
    );
    rack.sim.shutdown().await;
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}
