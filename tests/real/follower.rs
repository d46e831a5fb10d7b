//! The client under test, its facts kept in a rack as the cockpit does.

use std::path::PathBuf;
use std::time::Duration;

use bramble::app::event_loop::Clock;
use bramble::clients::kubernetes::{Target, Wants, follow};
use bramble::rack::Rack;
use bramble::rack::facts::Fact;
use bramble::rack::link::LinkState;
use bramble::rack::node::NodeName;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Follower {
    pub(crate) rack: Rack,
    facts: mpsc::Receiver<Fact>,
    clock: Clock,
    folder: tempfile::TempDir,
    _wants: watch::Sender<Wants>,
    _task: JoinSet<()>,
}

impl Follower {
    pub(crate) fn start(kubeconfig: &str) -> Follower {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config"), kubeconfig).unwrap();
        let (sender, facts) = mpsc::channel(1_024);
        let (wants, wanted) = watch::channel(Wants::default());
        let clock = Clock::start();
        let target = target(folder.path().join("config"));
        let mut task = JoinSet::new();
        task.spawn(follow(target, wanted, sender));
        Follower {
            rack: Rack::new(clock.now()),
            facts,
            clock,
            folder,
            _wants: wants,
            _task: task,
        }
    }

    pub(crate) fn target(&self) -> Target {
        target(self.folder.path().join("config"))
    }

    /// Puts another kubeconfig in place of the one it reads.
    pub(crate) fn change_kubeconfig(&self, text: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.path().join("config")).unwrap();
    }

    /// Takes in facts until `is_so` holds; how long that took.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Rack) -> bool) -> Duration {
        let begun = Instant::now();
        while !is_so(&self.rack) {
            let fact = timeout_at(begun + DEADLINE, self.facts.recv())
                .await
                .unwrap_or_else(|_| {
                    panic!(
                        "{what}: not within {DEADLINE:?}; the link is {:?}",
                        self.rack.link
                    )
                })
                .expect("the client never ends");
            self.rack.tick(self.clock.now());
            self.rack.apply(fact);
        }
        begun.elapsed()
    }

    pub(crate) async fn until_live(&mut self) -> Duration {
        self.until("live", |rack| rack.link.is_live()).await
    }

    pub(crate) async fn until_stale(&mut self) -> Duration {
        self.until("stale", |rack| {
            matches!(rack.link.state, LinkState::Stale { .. })
        })
        .await
    }

    pub(crate) async fn until_node(&mut self, name: &str) -> Duration {
        self.until(name, |rack| rack.node(&NodeName::new(name)).is_some())
            .await
    }
}

fn target(kubeconfig: PathBuf) -> Target {
    Target {
        kubeconfig: Some(kubeconfig),
        ..Target::default()
    }
}
