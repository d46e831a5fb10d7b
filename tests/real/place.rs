//! Where a question is asked: starting a simulator or a control plane for it, and its kubeconfigs.
//!
//! It changes nothing in the rack; that is the bed's part.

use bramble::sim::{Scenario, Sim};

use crate::bed::Bed;
use crate::control_plane::{self, ControlPlane};

/// A rack in which nothing happens by itself: the tests are its life. There is no metrics-server, as on the real bed.
const SCENARIO: &str = r#"
context = "quiet-rack"
beat = 3600
grace = 7200
metrics = false
node = [{ name = "board-{}", count = 6, ip = "192.0.2.17" }]
"#;

/// Who asks, as far as a kubeconfig says it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    Admin,
    /// May read nodes and pods, nothing else.
    Viewer,
    /// Known, and may nothing.
    Nobody,
    /// The administrator by a token.
    Token,
    /// Was the administrator: the certificate has ended; on the simulator the token is not known.
    Bygone,
    /// The administrator, who trusts another authority; not on the simulator, which speaks no TLS.
    Misled,
}

/// Whose control plane a question is asked of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plane {
    Shared,
    Own,
}

pub(crate) enum Place {
    Sim(Box<Sim>),
    Shared(&'static ControlPlane),
    Own(ControlPlane),
}

/// Asks a question of a simulator.
pub(crate) fn on_sim<F: Future<Output = ()>>(question: impl FnOnce(Bed) -> F) {
    run(async {
        let scenario = Scenario::from_toml(SCENARIO).unwrap();
        let sim = Sim::start(scenario, 1).await.unwrap();
        let names: Vec<String> = (1..=6).map(|number| format!("board-{number:02}")).collect();
        for name in &names {
            sim.node(name).beat();
        }
        let kubeconfig = sim.kubeconfig();
        question(Bed::new(Place::Sim(Box::new(sim)), &kubeconfig, names).await).await;
    });
}

/// Asks a question of a real control plane, if there is one.
pub(crate) fn on_real<F: Future<Output = ()>>(plane: Plane, question: impl FnOnce(Bed) -> F) {
    let Some(binary) = control_plane::binary() else {
        return;
    };
    let place = match plane {
        Plane::Shared => Place::Shared(ControlPlane::shared(binary)),
        Plane::Own => Place::Own(ControlPlane::start(binary)),
    };
    let kubeconfig = place.kubeconfig(Who::Admin);
    run(async { question(Bed::new(place, &kubeconfig, Vec::new()).await).await });
}

/// Workers of its own, so that the client lives on while the test waits for a process.
fn run(test: impl Future<Output = ()>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

impl Place {
    /// On the simulator there is one user, whose rights change instead.
    pub(crate) fn kubeconfig(&self, who: Who) -> String {
        let plane = match self {
            Place::Sim(sim) => return of_sim(sim, who),
            Place::Shared(plane) => *plane,
            Place::Own(plane) => plane,
        };
        plane.kubeconfig(match who {
            Who::Admin => "k3s.yaml",
            Who::Viewer => "kubeconfig-viewer.yaml",
            Who::Nobody => "kubeconfig-nobody.yaml",
            Who::Token => "kubeconfig-token.yaml",
            Who::Bygone => "kubeconfig-expired.yaml",
            Who::Misled => "kubeconfig-badca.yaml",
        })
    }
}

fn of_sim(sim: &Sim, who: Who) -> String {
    let forbidden: &[&str] = match who {
        Who::Viewer => &["leases", "events", "nodes.metrics.k8s.io", "patch nodes"],
        Who::Nobody => &["*"],
        Who::Bygone => return sim.kubeconfig().replace(sim.token(), "demo-of-yesterday"),
        Who::Misled => panic!("the simulator speaks no TLS"),
        Who::Admin | Who::Token => &[],
    };
    for what in forbidden {
        sim.api().forbid(what);
    }
    sim.kubeconfig()
}
