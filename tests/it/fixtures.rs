//! A rack to look at: four boards as in the design, one late, one lost, at a fixed time.

use std::collections::BTreeSet;
use std::time::Duration;

use bramble::action::PaneId;
use bramble::app::{Model, Settings, update};
use bramble::effect::RequestId;
use bramble::keymap::Keymap;
use bramble::msg::{Generation, Msg};
use bramble::rack::event::NodeEvent;
use bramble::rack::facts::{Change, ClusterInfo, Fact, Usage};
use bramble::rack::fleet::{Answer, Contexts, Fault, FleetFact, Ready, State};
use bramble::rack::kubeconfig::{self, FileText, Files, Merge, OnConflict, Request, plan};
use bramble::rack::kubeconfig::{ContextEntry, Credential};
use bramble::rack::kubeconfig_change::{Preview, Server};
use bramble::rack::link::{LinkState, Source, SourceState};
use bramble::rack::node::{
    Address, Condition, Lease, Node, NodeInfo, NodeName, ResourceVersion, Resources, Taint, Truth,
    Uid,
};
use bramble::rack::pod::Pod;
use bramble::rack::problem::{Problem, Severity, Subject};
use bramble::rack::time::Now;
use bramble::theme::roles::Theme;
use jiff::{Timestamp, ToSpan};
use ratatui::layout::Size;

/// `seconds` after the beginning, by both clocks.
pub(crate) fn at(seconds: u64) -> Now {
    let begin: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    Now {
        mono: Duration::from_secs(1_000 + seconds),
        wall: begin + Duration::from_secs(seconds),
    }
}

pub(crate) fn model(size: Size, theme: &str) -> Model {
    let theme = Theme::load(theme, None).0;
    Model::new(
        at(0),
        size,
        theme,
        Keymap::load("default", None).0,
        Settings::default(),
    )
}

pub(crate) fn tell(model: &mut Model, fact: Fact) {
    update(
        model,
        Msg::Fact {
            generation: Generation::default(),
            fact,
        },
    );
}

/// A model that has been watching the office rack for two minutes.
pub(crate) fn office(size: Size, theme: &str) -> Model {
    let mut model = model(size, theme);
    tell(&mut model, Fact::Cluster(cluster()));
    tell(&mut model, Fact::Link(LinkState::Live));
    for source in Source::ALL {
        tell(&mut model, Fact::Source(source, SourceState::Live));
    }
    // A rack without MetalLB, and known to be.
    tell(&mut model, Fact::MetalLbKinds(BTreeSet::new()));
    tell(&mut model, Fact::Nodes(Change::Listed(nodes())));
    tell(&mut model, Fact::Pods(Change::Listed(pods())));
    tell(&mut model, Fact::Events(Change::Listed(vec![event()])));
    tell(&mut model, Fact::Usage(usage()));
    for second in (0..=120).step_by(10) {
        update(&mut model, Msg::Clock(at(second)));
        let boards = [
            ("k3s-server", 0, 118),
            ("rpi-01", 0, 112),
            ("rpi-02", 0, 100),
            ("rpi-03", 0, 40),
        ];
        for (name, from, until) in boards {
            if (from..=until).contains(&second) {
                tell(
                    &mut model,
                    Fact::Leases(Change::Applied(lease(name, at(second).wall))),
                );
            }
        }
    }
    tell(&mut model, Fact::Contact);
    update(&mut model, Msg::Clock(at(121)));
    model
}

/// The office rack and four other contexts, each in another state; the Kubeconfig pane is shown.
pub(crate) fn contexts(size: Size, theme: &str) -> Model {
    let mut model = office(size, theme);
    update(&mut model, Msg::Focus(PaneId::Kubeconfig));
    update(&mut model, Msg::Fleet(FleetFact::Contexts(kubeconfig())));
    for (name, state) in looks() {
        let contexts = vec![name.to_owned()];
        update(&mut model, Msg::Fleet(FleetFact::Asked { contexts, state }));
    }
    update(&mut model, Msg::Clock(at(124)));
    model
}

fn kubeconfig() -> Contexts {
    let context = |name: &str, server: &str, credential| ContextEntry {
        name: name.to_owned(),
        cluster: name.to_owned(),
        server: server.to_owned(),
        user: format!("{name}-admin"),
        namespace: None,
        credential,
        file: "~/.kube/config".into(),
        is_current: name == "home",
        problem: None,
    };
    let until = |days: i64| Credential::Certificate {
        ends: Some(at(0).wall + (days * 24).hours()),
    };
    let nowhere = Problem::new(
        Severity::Critical,
        Subject::Kubeconfig,
        "context \"attic\" names user \"bob\", which kubeconfig ~/.kube/config does not hold",
    )
    .next("add the user, or choose another context with --context");
    Contexts {
        entries: vec![
            context("office-rack", "https://10.10.10.10:6443", until(333)),
            context("home", "https://home.example.org:6443", until(5)),
            ContextEntry {
                namespace: Some("web".to_owned()),
                ..context("lab", "https://192.168.40.2:6443", Credential::Token)
            },
            context(
                "cloud",
                "https://203.0.113.7",
                Credential::Plugin("gke-gcloud-auth-plugin".to_owned()),
            ),
            ContextEntry {
                file: "~/.kube/customer".into(),
                ..context("customer", "https://198.51.100.23:6443", until(-3))
            },
            ContextEntry {
                problem: Some(nowhere),
                ..context("attic", "https://192.168.40.9:6443", Credential::Nothing)
            },
        ],
        current: Some("home".to_owned()),
        files: vec!["~/.kube/config".into(), "~/.kube/customer".into()],
        home: None,
        problem: None,
    }
}

fn looks() -> Vec<(&'static str, State)> {
    let fault = |brief: &str, what: &str, why: &str, next: &str| Fault {
        brief: brief.to_owned(),
        problem: Problem::new(Severity::Warning, Subject::Link, what)
            .why(why)
            .next(next),
    };
    let answer = Answer {
        version: Some("v1.33.4+k3s1".to_owned()),
        ready: Ready::Yes,
        nodes: Some((4, 4)),
        latency: Some(Duration::from_millis(3)),
        is_anonymous: false,
    };
    vec![
        ("office-rack", State::Up(answer.clone())),
        (
            "home",
            State::Up(Answer {
                version: Some("v1.32.9+k3s1".to_owned()),
                nodes: Some((1, 2)),
                latency: Some(Duration::from_millis(48)),
                ..answer.clone()
            }),
        ),
        (
            "lab",
            State::Down(fault(
                "unknown authority",
                "cannot trust https://192.168.40.2:6443",
                "its certificate is signed by another authority than the kubeconfig names",
                "is it another cluster, or was k3s installed anew? take a fresh kubeconfig from the server",
            )),
        ),
        (
            "cloud",
            State::Up(Answer {
                version: None,
                ready: Ready::Unknown,
                nodes: None,
                latency: None,
                is_anonymous: true,
            }),
        ),
        (
            "customer",
            State::Denied(fault(
                "login not accepted",
                "https://198.51.100.23:6443 does not accept user \"customer-admin\" of context \"customer\"",
                "Unauthorized",
                "take a fresh kubeconfig: k3s renews /etc/rancher/k3s/k3s.yaml when it is restarted within 120 days of the end",
            )),
        ),
    ]
}

/// What merging the k3s.yaml of another rack under this name would do; its certificate is not for the address.
pub(crate) fn merge_previewed(name: &str) -> Msg {
    let ours = "# my racks\napiVersion: v1\nkind: Config\ncurrent-context: home\ncontexts:\n\
        - name: home   # in the cellar\n  context: {cluster: home, user: home}\nclusters:\n\
        - name: home\n  cluster: {server: \"https://home.example.org:6443\"}\nusers:\n\
        - name: home\n  user: {token: s3cr3t}\n";
    let theirs = "apiVersion: v1\nkind: Config\ncurrent-context: default\nclusters:\n\
        - name: default\n  cluster: {server: \"https://127.0.0.1:6443\"}\ncontexts:\n\
        - name: default\n  context: {cluster: default, user: default}\nusers:\n\
        - name: default\n  user: {token: s3cr3t-too}\n";
    let source = kubeconfig::Source::parse("k3s.yaml", theirs.to_owned(), None, None).unwrap();
    let request = Request::Merge(Merge {
        source,
        only: None,
        name: Some(name.to_owned()),
        server: Some("10.0.0.9".to_owned()),
        tls_server_name: None,
        on_conflict: OnConflict::Ask,
        set_current: false,
    });
    let text = FileText::Text(ours.to_owned());
    let files = Files::new(vec![("/home/me/.kube/config".into(), text)]);
    let url = "https://10.0.0.9:6443".to_owned();
    let problem = Problem::new(
        Severity::Critical,
        Subject::Kubeconfig,
        format!("the certificate of {url} is not for \"10.0.0.9\""),
    )
    .why("it is for kubernetes, rack-9, 10.43.0.1")
    .next(
        "on the server add to /etc/rancher/k3s/config.yaml: tls-san: [\"10.0.0.9\"], and restart k3s; \
         or check against a name it has: --tls-server-name kubernetes",
    );
    let preview = Preview {
        plan: plan(&files, &request).unwrap(),
        request,
        servers: vec![Server {
            url,
            problem: Some(problem),
            names: vec!["kubernetes".to_owned(), "rack-9".to_owned()],
        }],
    };
    Msg::ChangePreviewed {
        request: RequestId(1),
        result: Ok(Box::new(preview)),
    }
}

/// The same, ten seconds after the API server has gone.
pub(crate) fn office_in_an_outage(size: Size, theme: &str) -> Model {
    let mut model = office(size, theme);
    let problem = Problem::new(
        Severity::Critical,
        Subject::Link,
        "cannot reach https://10.10.10.10:6443",
    )
    .why("connection refused")
    .next("retrying; look at k3s on the server");
    tell(&mut model, Fact::Link(LinkState::Stale { problem }));
    update(&mut model, Msg::Clock(at(131)));
    model
}

fn cluster() -> ClusterInfo {
    ClusterInfo {
        context: "office-rack".into(),
        server: "https://10.10.10.10:6443".into(),
        user: "office-rack".into(),
        namespace: None,
        version: Some("v1.33.4+k3s1".into()),
        certificate_ends: Some(at(0).wall + 8_000.hours()),
        contexts: vec!["office-rack".into(), "home".into()],
    }
}

fn nodes() -> Vec<Node> {
    ["k3s-server", "rpi-01", "rpi-02", "rpi-03"]
        .into_iter()
        .enumerate()
        .map(|(index, name)| node(index, name))
        .collect()
}

pub(crate) fn node(index: usize, name: &str) -> Node {
    let is_down = name == "rpi-03";
    let role = if index == 0 {
        "node-role.kubernetes.io/control-plane"
    } else {
        "node.kubernetes.io/instance-type"
    };
    let condition = |kind: &str, status, reason: &str, message: &str| Condition {
        kind: kind.into(),
        status,
        reason: reason.into(),
        message: message.into(),
        since: Some(at(0).wall - 300.hours()),
    };
    let ready = if is_down {
        condition(
            "Ready",
            Truth::Unknown,
            "NodeStatusUnknown",
            "Kubelet stopped posting node status.",
        )
    } else {
        condition(
            "Ready",
            Truth::True,
            "KubeletReady",
            "kubelet is posting ready status",
        )
    };
    let resources = Resources {
        cpu_milli: Some(4_000),
        memory_bytes: Some(8_244_000_000),
        disk_bytes: Some(61_000_000_000),
        pods: Some(110),
    };
    Node {
        name: NodeName::new(name),
        uid: Uid(format!("uid-{name}").into()),
        resource_version: ResourceVersion("1".into()),
        created: Some(at(0).wall - 2_184.hours()),
        labels: [
            (role.into(), "true".into()),
            ("kubernetes.io/hostname".into(), name.into()),
        ]
        .into(),
        taints: if is_down {
            let key = "node.kubernetes.io/unreachable".into();
            vec![Taint {
                key,
                value: "".into(),
                effect: "NoExecute".into(),
            }]
        } else {
            Vec::new()
        },
        unschedulable: is_down,
        addresses: vec![Address {
            kind: "InternalIP".into(),
            address: format!("10.10.10.1{index}").into(),
        }],
        conditions: vec![
            condition(
                "MemoryPressure",
                Truth::False,
                "KubeletHasSufficientMemory",
                "enough",
            ),
            condition(
                "DiskPressure",
                Truth::False,
                "KubeletHasNoDiskPressure",
                "enough",
            ),
            ready,
        ],
        capacity: resources,
        allocatable: resources,
        info: NodeInfo {
            architecture: "arm64".into(),
            os_image: "Debian GNU/Linux 12 (bookworm)".into(),
            kernel_version: "6.12.25+rpt-rpi-2712".into(),
            kubelet_version: "v1.33.4+k3s1".into(),
            container_runtime: "containerd://2.0.5-k3s1".into(),
            machine_id: format!("machine-{index}").into(),
            boot_id: format!("boot-{index}").into(),
        },
        pod_cidrs: vec![format!("10.42.{index}.0/24").into()],
        k3s_args: Vec::new(),
    }
}

fn lease(name: &str, renewed: Timestamp) -> Lease {
    Lease {
        node: NodeName::new(name),
        renewed: Some(renewed),
        duration: Some(Duration::from_secs(40)),
    }
}

fn pods() -> Vec<Pod> {
    let pod = |index: usize| {
        let node = ["k3s-server", "rpi-01", "rpi-02"]
            .into_iter()
            .nth(index % 3)
            .unwrap();
        let is_failing = index == 4;
        Pod {
            uid: Uid(format!("pod-{index}").into()),
            namespace: "web".into(),
            name: format!("my-web-app-6d4cf56db6-{index:05}").into(),
            node: Some(NodeName::new(node)),
            status: if is_failing {
                "CrashLoopBackOff".into()
            } else {
                "Running".into()
            },
            ready: u16::from(!is_failing),
            containers: 1,
            restarts: if is_failing { 17 } else { 0 },
            created: Some(at(0).wall - 40.hours()),
            owner: Some("ReplicaSet".into()),
            workload: None,
            why: "".into(),
            claims: Box::default(),
        }
    };
    (0..12).map(pod).collect()
}

fn event() -> NodeEvent {
    NodeEvent {
        uid: Uid("event-1".into()),
        node: NodeName::new("rpi-01"),
        is_warning: true,
        reason: "Rebooted".into(),
        message: "Node rpi-01 has been rebooted, boot id: 6a1f".into(),
        count: 2,
        last: Some(at(0).wall - 600.seconds()),
    }
}

fn usage() -> Vec<Usage> {
    [
        ("k3s-server", 1_240, 5_100_000_000),
        ("rpi-01", 480, 3_300_000_000),
        ("rpi-02", 3_520, 5_850_000_000),
    ]
    .map(|(name, cpu_milli, memory_bytes)| Usage {
        node: NodeName::new(name),
        cpu_milli,
        memory_bytes,
    })
    .into()
}
