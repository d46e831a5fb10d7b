//! Plain requests with the rights of an administrator: what kubelets and other people do to the cluster.
//!
//! It decides nothing; an answer of any code is an answer. It shares no code with the client under test but kube's TLS
//! and credentials.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const JSON: &str = "application/json";
pub(crate) const MERGE: &str = "application/merge-patch+json";

/// A client of one user. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hand(Client);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Answer {
    /// The body; `null` when it is no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Hand {
    pub(crate) async fn new(kubeconfig: &str) -> Self {
        let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        config.default_retry = false;
        config.proxy_url = None;
        Self(Client::try_from(config).unwrap())
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn send(&self, method: Method, path: &str, kind: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, kind)
            .body(Body::from(body.as_bytes().to_vec()))
            .unwrap();
        let exchange = async {
            let (head, body) = self.0.send(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let content_type = head.headers.get(CONTENT_TYPE);
            let content_type = content_type.map(|it| it.to_str().unwrap());
            Answer {
                code: head.status.as_u16(),
                content_type: content_type.unwrap_or_default().to_owned(),
                text: String::from_utf8_lossy(&body).into_owned(),
            }
        };
        timeout(DEADLINE, exchange).await.expect(path)
    }

    /// A GET that must be answered with JSON.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.must(Method::GET, path, JSON, "").await
    }

    /// A request that must succeed.
    pub(crate) async fn must(&self, method: Method, path: &str, kind: &str, body: &str) -> Value {
        let answer = self.send(method.clone(), path, kind, body).await;
        assert!(
            (200..300).contains(&answer.code),
            "{method} {path}: {} {}",
            answer.code,
            answer.text
        );
        answer.json()
    }

    /// A merge patch that must succeed; answers the object as it is then.
    pub(crate) async fn patch(&self, path: &str, patch: &Value) -> Value {
        self.must(Method::PATCH, path, MERGE, &patch.to_string())
            .await
    }
}
