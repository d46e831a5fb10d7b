//! Handshakes that fail, each for its own reason, and a kubeconfig that changes under the running program.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::server::Server;
use super::{Follower, TOKEN, kubeconfig, plain};
use crate::rack::facts::Fact;
use crate::rack::link::LinkState;
use crate::rack::problem::{Problem, Severity};

pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server that makes a TLS handshake with this certificate and then closes.
pub(super) async fn tls_server(
    params: CertificateParams,
    authority: &Authority,
) -> (u16, JoinSet<()>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clients = WebPkiClientVerifier::no_client_auth();
    tls_server_for(clients, params, authority).await
}

async fn tls_server_for(
    clients: Arc<dyn ClientCertVerifier>,
    params: CertificateParams,
    authority: &Authority,
) -> (u16, JoinSet<()>) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = acceptor.accept(stream).await;
        }
    });
    (port, tasks)
}

pub(super) fn for_loopback() -> CertificateParams {
    CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap()
}

fn config(port: u16) -> String {
    let cluster = format!("server: \"https://127.0.0.1:{port}\", certificate-authority: ca.pem");
    kubeconfig(&cluster, &format!("token: {TOKEN}"))
}

/// Follows a server with this certificate authority beside the kubeconfig.
fn follower(port: u16, authority: &Authority) -> Follower {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, config(port)).unwrap();
    Follower::with_target(folder, super::target(path))
}

async fn problem(port: u16, authority: &Authority) -> Problem {
    follower(port, authority).until_stale().await
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_trusted() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let (port, _running) = tls_server(for_loopback(), &theirs).await;
    let problem = problem(port, &ours).await;
    assert_eq!(problem.severity, Severity::Critical);
    assert!(
        problem.why.contains("signed by another authority"),
        "{problem:?}"
    );
}

#[tokio::test]
async fn a_name_the_certificate_does_not_have_is_told_with_those_it_has() {
    let ours = authority("ours");
    let params = CertificateParams::new(vec!["rack.local".to_owned(), "10.0.0.9".to_owned()]);
    let (port, _running) = tls_server(params.unwrap(), &ours).await;
    let problem = problem(port, &ours).await;
    assert!(
        problem.why.contains("only for rack.local, 10.0.0.9"),
        "{problem:?}"
    );
    assert!(problem.next.contains("tls-san"), "{problem:?}");
}

#[tokio::test]
async fn an_expired_server_certificate_is_told_with_its_end() {
    let ours = authority("ours");
    let mut params = for_loopback();
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 2, 3);
    let (port, _running) = tls_server(params, &ours).await;
    let problem = problem(port, &ours).await;
    assert!(problem.why.contains("ended 2020-02-03"), "{problem:?}");
}

#[tokio::test]
async fn a_server_that_wants_another_client_certificate_has_denied_us() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ours = authority("ours");
    let mut roots = RootCertStore::empty();
    roots.add(ours.der().clone()).unwrap();
    let clients = WebPkiClientVerifier::builder(roots.into()).build().unwrap();
    let (port, _running) = tls_server_for(clients, for_loopback(), &ours).await;
    let mut follower = follower(port, &ours);
    let problem = follower.until_denied().await;
    assert!(
        problem.what.contains("refuses our client certificate"),
        "{problem:?}"
    );
    assert_eq!(problem.why, "CertificateRequired");
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let server = Server::start().await;
    let problem = problem(server.address.port(), &authority("ours")).await;
    assert!(problem.what.contains("does not speak TLS"), "{problem:?}");
}

#[tokio::test]
async fn a_server_that_wants_tls_is_told() {
    let (port, _running) = tls_server(for_loopback(), &authority("ours")).await;
    let cluster = format!("server: \"http://127.0.0.1:{port}\"");
    let mut follower = Follower::start(&kubeconfig(&cluster, ""));
    let problem = follower.until_stale().await;
    assert!(problem.next.contains("https://"), "{problem:?}");
}

#[tokio::test]
async fn a_kubeconfig_that_changes_is_read_again_and_moves_nobody() {
    let server = Server::start().await;
    let mut follower = Follower::start("");
    let problem = follower
        .until(|fact| match fact {
            Fact::Link(LinkState::Nowhere(problem)) => Some(problem.clone()),
            _ => None,
        })
        .await;
    assert!(problem.what.contains("holds no contexts"), "{problem:?}");
    std::fs::write(follower.path(), plain(&server)).unwrap();
    follower.until_live().await;
    // Somebody adds a context and turns to it in another shell: we stay where we are.
    let moved = plain(&server)
        .replace("current-context: test", "current-context: other")
        .replace(
            "contexts: [",
            "contexts: [{name: other, context: {cluster: c, user: u}}, ",
        );
    std::fs::write(follower.path(), moved).unwrap();
    let name = follower
        .until(|fact| match fact {
            Fact::Cluster(info) if info.contexts.len() == 2 => Some(info.context.clone()),
            _ => None,
        })
        .await;
    assert_eq!(name, "test");
    follower.until_live().await;
}
