//! Looks at the clusters of several contexts: what comes of a good one, of every bad one, and what is asked of whom.

use std::path::Path;
use std::time::Duration;

use rcgen::CertificateParams;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::server::{Server, json, status, text};
use super::tls::{authority, for_loopback, tls_server};
use super::{DEADLINE, TOKEN, target};
use crate::rack::fleet::{Answer, Fault, FleetFact, Ready, State};

const TABLE: &str = r#"{"kind":"Table","columnDefinitions":[{"name":"Name"},{"name":"Status"}],
    "rows":[{"cells":["a","Ready"]},{"cells":["b","NotReady"]}]}"#;

/// Somebody who looks at the contexts `(name, cluster, user)` of a kubeconfig.
struct Looker {
    facts: mpsc::Receiver<FleetFact>,
    folder: tempfile::TempDir,
    _task: JoinSet<()>,
}

fn config(contexts: &[(&str, String, &str)]) -> String {
    let each = |of: &dyn Fn(&(&str, String, &str)) -> String| -> String {
        contexts.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    format!(
        "apiVersion: v1\nkind: Config\ncontexts: [{}]\nclusters: [{}]\nusers: [{}]\n",
        each(&|(name, ..)| format!("{{name: {name}, context: {{cluster: {name}, user: {name}}}}}")),
        each(&|(name, cluster, _)| format!("{{name: {name}, cluster: {{{cluster}}}}}")),
        each(&|(name, _, user)| format!("{{name: {name}, user: {{{user}}}}}")),
    )
}

fn plain(server: &Server) -> String {
    format!("server: \"http://{}\"", server.address)
}

fn token() -> &'static str {
    "token: s3cr3t-t0ken"
}

impl Looker {
    fn start(prepare: impl FnOnce(&Path), text: &str) -> Looker {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let path = folder.path().join("config");
        std::fs::write(&path, text).unwrap();
        let (out, facts) = mpsc::channel(64);
        let mut task = JoinSet::new();
        task.spawn(crate::clients::kubernetes::follow_fleet(target(path), out));
        Looker {
            facts,
            folder,
            _task: task,
        }
    }

    /// What comes of looking at a context. No fact may show a secret.
    async fn state(&mut self, wanted: &str) -> State {
        let looking = async {
            loop {
                let fact = self.facts.recv().await.expect("more facts");
                assert!(!format!("{fact:?}").contains(TOKEN), "{fact:?}");
                match fact {
                    FleetFact::Asked { contexts, state }
                        if contexts.iter().any(|it| it == wanted) =>
                    {
                        return state;
                    }
                    _ => {}
                }
            }
        };
        tokio::time::timeout(DEADLINE, looking)
            .await
            .expect("a look in time")
    }

    async fn up(&mut self, wanted: &str) -> Answer {
        match self.state(wanted).await {
            State::Up(answer) => answer,
            other => panic!("{wanted} is not up: {other:?}"),
        }
    }

    async fn down(&mut self, wanted: &str) -> Fault {
        match self.state(wanted).await {
            State::Down(fault) => fault,
            other => panic!("{wanted} is not down: {other:?}"),
        }
    }
}

fn look(server: &Server, user: &str) -> Looker {
    Looker::start(|_| {}, &config(&[("a", plain(server), user)]))
}

#[tokio::test]
async fn a_good_server_tells_its_version_and_how_many_nodes_are_ready() {
    let server = Server::start().await;
    server.always("list nodes", json(TABLE));
    let answer = look(&server, token()).up("a").await;
    assert_eq!(answer.version.as_deref(), Some("v1.36.2"));
    assert_eq!((answer.ready, answer.nodes), (Ready::Yes, Some((1, 2))));
    assert!(answer.latency.is_some() && !answer.is_anonymous);
    let requests = server.requests("").len();
    assert_eq!(requests, 3, "a look is three small requests");
    assert!(server.requests("list nodes")[0].contains("includeObject=None"));
}

#[tokio::test]
async fn nodes_that_may_not_be_counted_are_not_guessed() {
    let server = Server::start().await;
    let forbidden = r#"{"kind":"Status","message":"nodes is forbidden","code":403}"#;
    server.always("list nodes", status(403, forbidden));
    assert_eq!(look(&server, token()).up("a").await.nodes, None);
}

#[tokio::test]
async fn a_server_that_is_not_ready_says_which_checks_fail() {
    let server = Server::start().await;
    let body = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";
    server.always("get /readyz", text(500, "text/plain", body));
    let answer = look(&server, token()).up("a").await;
    assert_eq!(answer.ready, Ready::No(vec!["etcd".to_owned()]));
    let server = Server::start().await;
    server.always("get /readyz", text(404, "text/plain", "404 page not found"));
    let answer = look(&server, token()).up("a").await;
    assert_eq!(answer.ready, Ready::Unknown, "too old to say");
}

#[tokio::test]
async fn a_login_that_is_not_accepted_is_told_in_words() {
    let server = Server::start().await;
    let body = r#"{"kind":"Status","message":"Unauthorized","code":401}"#;
    server.always("get /version", status(401, body));
    match look(&server, token()).state("a").await {
        State::Denied(fault) => {
            assert_eq!(fault.brief, "login not accepted");
            assert!(fault.problem.what.contains("user \"a\""), "{fault:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dead_context_delays_no_other() {
    let (good, mut dead, hanging) = (
        Server::start().await,
        Server::start().await,
        Server::start().await,
    );
    hanging.hang(true);
    dead.die();
    let contexts = [
        ("hangs", plain(&hanging), token()),
        ("dead", plain(&dead), token()),
        ("good", plain(&good), token()),
    ];
    let mut looker = Looker::start(|_| {}, &config(&contexts));
    let begun = std::time::Instant::now();
    looker.up("good").await;
    assert!(begun.elapsed() < Duration::from_secs(3), "it waited");
    let fault = looker.down("hangs").await;
    assert_eq!(fault.brief, "no answer for 4 s");
    let mut looker = Looker::start(|_| {}, &config(&contexts[1..2]));
    assert_eq!(looker.down("dead").await.brief, "refuses connections");
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_is_given_up() {
    // The kernel accepts the connection; nobody ever reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cluster = format!("server: \"https://127.0.0.1:{port}\", insecure-skip-tls-verify: true");
    let mut looker = Looker::start(|_| {}, &config(&[("a", cluster, token())]));
    assert_eq!(looker.down("a").await.brief, "no answer for 4 s");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_fits_into_a_cell() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let other_name = CertificateParams::new(vec!["10.0.0.9".to_owned()]).unwrap();
    let (stranger, _one) = tls_server(for_loopback(), &theirs).await;
    let (misnamed, _two) = tls_server(other_name, &ours).await;
    let plain = Server::start().await;
    for (port, brief) in [
        (stranger, "unknown authority"),
        (misnamed, "certificate only for 10.0.0.9"),
        (plain.address.port(), "does not speak TLS"),
    ] {
        let cluster =
            format!("server: \"https://127.0.0.1:{port}\", certificate-authority: ca.pem");
        let write = |folder: &Path| std::fs::write(folder.join("ca.pem"), ours.pem()).unwrap();
        let mut looker = Looker::start(write, &config(&[("a", cluster, token())]));
        assert_eq!(looker.down("a").await.brief, brief);
    }
}

#[tokio::test]
async fn something_that_is_no_kubernetes_is_told() {
    let server = Server::start().await;
    server.always(
        "get /version",
        text(200, "text/html", "<html>log in</html>"),
    );
    let fault = look(&server, token()).down("a").await;
    assert_eq!(fault.brief, "no Kubernetes there");
}

#[tokio::test]
async fn a_credential_plugin_is_never_run_for_a_look() {
    let server = Server::start().await;
    let user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, \
        args: [\"-c\", \"touch was-run\"], interactiveMode: IfAvailable}, token: s3cr3t-t0ken";
    let mut looker = look(&server, user);
    let answer = looker.up("a").await;
    assert!(answer.is_anonymous, "{answer:?}");
    assert_eq!(answer.nodes, None);
    assert_eq!(server.requests("list nodes").len(), 0);
    assert!(!looker.folder.path().join("was-run").exists());
    assert!(!std::path::Path::new("was-run").exists());
    // k3s tells strangers nothing but that it is there.
    let body = r#"{"kind":"Status","message":"Unauthorized","code":401}"#;
    server.always("get /version", status(401, body));
    let answer = look(&server, user).up("a").await;
    assert_eq!((answer.version, answer.is_anonymous), (None, true));
}

#[tokio::test]
async fn a_kubeconfig_that_changes_is_read_again() {
    let server = Server::start().await;
    let mut looker = look(&server, token());
    looker.up("a").await;
    let more = [
        ("a", plain(&server), token()),
        ("b", plain(&server), token()),
    ];
    std::fs::write(looker.folder.path().join("config"), config(&more)).unwrap();
    looker.up("b").await;
}
