//! A GitLab behind a certificate of its own authority: trusted by the CA file of the settings, and by nothing else.

use std::fs;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::*;
use super::server::json;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Answers every request with a project; its URL.
async fn server(authority: &Authority) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0_u8; 4096];
            let _ = stream.read(&mut request).await;
            let answer = json(r#"{"id":7,"path_with_namespace":"ops/hub"}"#);
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("https://127.0.0.1:{port}/gitlab")
}

#[tokio::test]
async fn the_ca_file_of_the_settings_is_trusted_besides_the_system() {
    let (ours, other) = (authority("ours"), authority("other"));
    let url = server(&ours).await;
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "glpat-x").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&token, mode).unwrap();
    let ca = dir.path().join("ca.pem");
    let settings = |ca_file| Settings {
        name: "office".into(),
        url: url.clone(),
        ca_file,
        token: TokenSource::File(token.clone()),
        projects: Vec::new(),
    };
    let ask = async |settings: Settings| {
        let gitlab = connect(&settings).await.map_err(|it| it.to_string())?;
        gitlab.project("ops/hub").await.map_err(|it| it.to_string())
    };
    fs::write(&ca, ours.pem()).unwrap();
    let project = ask(settings(Some(ca.clone()))).await.unwrap();
    assert_eq!(project.path, "ops/hub");
    fs::write(&ca, other.pem()).unwrap();
    for untrusted in [None, Some(ca.clone())] {
        let refused = ask(settings(untrusted)).await.unwrap_err();
        assert!(
            refused.contains("its authority is unknown here"),
            "{refused}"
        );
    }
    for (text, expected) in [
        ("", "has no certificate in PEM form"),
        ("rubbish", "has no certificate"),
    ] {
        fs::write(&ca, text).unwrap();
        let refused = ask(settings(Some(ca.clone()))).await.unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
    let gone = ask(settings(Some(dir.path().join("none")))).await;
    assert!(gone.unwrap_err().contains("ca-file"));
}
