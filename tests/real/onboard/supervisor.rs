//! What stands at a k3s server's port 6443 beside the API: `/ping`, `/cacerts`, and the door through which nodes come in.
//!
//! It is up when the server's board says so, knows its tokens, keeps node passwords as k3s does (in Secrets of the real
//! API), and hands out a way to the API.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::hand::{Hand, JSON};

pub(crate) struct Supervisor {
    pub(crate) url: String,
    /// As `/cacerts` serves it.
    pub(crate) ca: String,
    state: Arc<State>,
}

struct State {
    hand: Hand,
    ca: String,
    /// URL, bearer token and CA of the API, a line each, the CA last.
    access: String,
    /// The server's folder `var/lib/rancher/k3s/server`.
    data: Mutex<Option<PathBuf>>,
}

impl Supervisor {
    /// Starts one beside the API that this kubeconfig (with a token) leads to.
    pub(crate) async fn start(hand: Hand, kubeconfig: &str) -> Supervisor {
        let config: serde_yaml::Value = serde_yaml::from_str(kubeconfig).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        let text = |value: &serde_yaml::Value| value.as_str().unwrap().to_owned();
        let api_ca = STANDARD
            .decode(text(&cluster["certificate-authority-data"]))
            .unwrap();
        let bearer = text(&config["users"][0]["user"]["token"]);
        let access = format!(
            "{}\n{bearer}\n{}",
            text(&cluster["server"]),
            String::from_utf8(api_ca).unwrap()
        );

        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let own = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&own, &issuer)
            .unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let ca = issuer.pem();
        let state = Arc::new(State {
            hand,
            ca: ca.clone(),
            access,
            data: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut head = Vec::new();
                    let mut piece = [0; 4_096];
                    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
                        match stream.read(&mut piece).await {
                            Ok(length) if length > 0 => head.extend_from_slice(&piece[..length]),
                            _ => return,
                        }
                    }
                    let (status, body) = state.answer(&String::from_utf8_lossy(&head)).await;
                    let text = format!(
                        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(text.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Supervisor { url, ca, state }
    }

    /// Its server is the board with this folder of data.
    pub(crate) fn belongs_to(&self, data: PathBuf) {
        *self.state.data.lock().unwrap() = Some(data);
    }
}

impl State {
    async fn answer(&self, head: &str) -> (u16, String) {
        let data = self.data.lock().unwrap().clone();
        let data = data.filter(|data| data.join("up").exists());
        let path = head.split_whitespace().nth(1).unwrap_or_default();
        let Some(data) = data else {
            return (503, "apiserver not ready".to_owned());
        };
        let header = |name: &str| {
            let line = head
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_default().to_owned()
        };
        match path {
            "/ping" => (200, "pong".to_owned()),
            "/cacerts" => (200, self.ca.clone()),
            "/v1-k3s/access" => {
                let token = header("Authorization");
                let secret = token.rsplit("::").next().unwrap_or_default().to_owned();
                let known =
                    |file: &str| std::fs::read_to_string(data.join(file)).unwrap_or_default();
                let is_known = known("tokens").lines().any(|line| line == secret)
                    || known("token").trim().ends_with(&format!("::{secret}"));
                if !is_known || secret.is_empty() {
                    return (401, "not authorized".to_owned());
                }
                self.admit(&header("node"), &header("password")).await
            }
            _ => (404, "not found".to_owned()),
        }
    }

    /// The password of a name is the first one that came.
    async fn admit(&self, node: &str, password: &str) -> (u16, String) {
        let secrets = "/api/v1/namespaces/kube-system/secrets";
        let name = format!("{node}.node-password.k3s");
        let known = self
            .hand
            .send(Method::GET, &format!("{secrets}/{name}"), JSON, "")
            .await;
        if known.code == 404 {
            let secret = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": { "name": name }, "stringData": { "hash": password } });
            self.hand
                .must(Method::POST, secrets, JSON, &secret.to_string())
                .await;
        } else if known.json()["data"]["hash"] != STANDARD.encode(password) {
            let words = "Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag";
            return (403, words.to_owned());
        }
        (200, self.access.clone())
    }
}
