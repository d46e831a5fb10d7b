//! The program's client at work: `kubernetes::follow` in the background, its facts in a rack, the test in front of it.
//!
//! Invariant: nothing waits without a deadline, and every wait that fails says what was seen instead.

use std::fmt::Write as _;
use std::time::Duration;

use bramble::app::event_loop::Clock;
use bramble::clients::kubernetes::{self, Target, Wants};
use bramble::rack::Rack;
use bramble::rack::facts::{Change, Fact};
use bramble::rack::link::{LinkState, Source, SourceState};
use bramble::rack::node::{Node, NodeName};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// For what normally takes milliseconds: only a very busy machine needs it.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// One follower of one kubeconfig. Dropping it ends it.
pub(crate) struct Follower {
    pub(crate) rack: Rack,
    /// Everything that came, and when by our clock.
    pub(crate) log: Vec<(Duration, Fact)>,
    facts: mpsc::UnboundedReceiver<(Duration, Fact)>,
    clock: Clock,
    wants: watch::Sender<Wants>,
    tasks: JoinSet<()>,
}

impl Follower {
    pub(crate) fn start(target: Target) -> Self {
        let clock = Clock::start();
        let (wants, wanted) = watch::channel(Wants { metrics: true });
        let (out, mut came) = mpsc::channel(64);
        let (stamped, facts) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(kubernetes::follow(target, wanted, out));
        // Stamped as they come, so that a test that is busy elsewhere measures nothing of that.
        tasks.spawn(async move {
            while let Some(fact) = came.recv().await {
                let _ = stamped.send((clock.now().mono, fact));
            }
        });
        Self {
            rack: Rack::new(clock.now()),
            log: Vec::new(),
            facts,
            clock,
            wants,
            tasks,
        }
    }

    /// As `start`, until the nodes and all other kinds are read as far as they may be.
    pub(crate) async fn live(target: Target) -> Self {
        let mut follower = Self::start(target);
        follower.until("the line is live", SOON, is_live).await;
        follower
    }

    /// Stops the one thing that is asked for again and again, so that only watches are left.
    pub(crate) fn stop_asking_for_metrics(&self) {
        self.wants.send_replace(Wants { metrics: false });
    }

    /// Our clock now, as the log's.
    pub(crate) fn now(&self) -> Duration {
        self.clock.now().mono
    }

    /// Waits until the rack is so, and says when the fact came that made it so.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        is_so: impl Fn(&Rack) -> bool,
    ) -> Duration {
        let deadline = Instant::now() + limit;
        let mut when = self.now();
        while !is_so(&self.rack) {
            when = self.next(what, deadline).await;
        }
        when
    }

    /// Waits until each of these kinds has been listed so often, or oftener.
    pub(crate) async fn until_listed(&mut self, kinds: &[Source], times: usize) {
        let deadline = Instant::now() + SOON;
        while kinds.iter().any(|kind| self.lists(*kind) < times) {
            self.next("all kinds are listed", deadline).await;
        }
    }

    /// Takes in facts for so long; the rack must be so all the time.
    pub(crate) async fn stays(
        &mut self,
        what: &str,
        long: Duration,
        is_so: impl Fn(&Rack) -> bool,
    ) {
        let end = Instant::now() + long;
        loop {
            assert!(is_so(&self.rack), "no longer: {what}\n{}", self.story());
            match timeout_at(end, self.facts.recv()).await {
                Ok(fact) => self.take_in(fact.expect("the follower has ended")),
                Err(_) => return,
            };
        }
    }

    /// How often a kind was listed whole.
    pub(crate) fn lists(&self, source: Source) -> usize {
        let is_list = |fact: &Fact| match fact {
            Fact::Nodes(Change::Listed(_)) => source == Source::Nodes,
            Fact::Leases(Change::Listed(_)) => source == Source::Leases,
            Fact::Pods(Change::Listed(_)) => source == Source::Pods,
            Fact::Events(Change::Listed(_)) => source == Source::Events,
            Fact::IpAddressPools(Change::Listed(_)) => source == Source::IpAddressPools,
            _ => false,
        };
        self.log.iter().filter(|(_, fact)| is_list(fact)).count()
    }

    pub(crate) fn node(&self, name: &str) -> &Node {
        let node = self.rack.node(&NodeName::new(name));
        node.unwrap_or_else(|| panic!("there is no {name}\n{}", self.story()))
    }

    async fn next(&mut self, what: &str, deadline: Instant) -> Duration {
        let Ok(fact) = timeout_at(deadline, self.facts.recv()).await else {
            panic!("waited in vain: {what}\n{}", self.story());
        };
        self.take_in(fact.expect("the follower has ended"))
    }

    fn take_in(&mut self, (when, fact): (Duration, Fact)) -> Duration {
        self.rack.tick(self.clock.now());
        self.rack.apply(fact.clone());
        self.log.push((when, fact));
        when
    }

    /// The state of the line and the last facts, for a test that failed.
    fn story(&self) -> String {
        let mut story = format!("link: {:#?}\nlast facts:\n", self.rack.link);
        for (when, fact) in self.log.iter().rev().take(30).rev() {
            let fact: String = format!("{fact:?}").chars().take(240).collect();
            let _ = writeln!(story, "{:9.3} {fact}", when.as_secs_f64());
        }
        let _ = write!(
            story,
            "now {:.3}, {} tasks",
            self.now().as_secs_f64(),
            self.tasks.len()
        );
        story
    }
}

/// The line is up and every kind was answered, one way or another.
pub(crate) fn is_live(rack: &Rack) -> bool {
    let is_settled = |source| *rack.link.source(source) != SourceState::Waiting;
    rack.link.is_live() && Source::ALL.into_iter().all(is_settled)
}

pub(crate) fn is_stale(rack: &Rack) -> bool {
    matches!(rack.link.state, LinkState::Stale { .. })
}

pub(crate) fn is_denied(rack: &Rack) -> bool {
    matches!(rack.link.state, LinkState::Denied { .. })
}

/// A test of one node; false while there is none.
pub(crate) fn node(name: &str, is_so: impl Fn(&Node) -> bool) -> impl Fn(&Rack) -> bool {
    let name = NodeName::new(name);
    move |rack| rack.node(&name).is_some_and(&is_so)
}
