//! One way to ask the API server something, with a limit on every wait.
//!
//! kube brings the credentials, TLS and the pool of connections; what an answer means is decided here. Its own retries
//! are off: they repeat a 429 fifteen times before anybody hears of it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use tokio::time::timeout;

use super::cause::Cause;
use super::error::{Error, Rule, Server};

/// For every request whose answer is small.
pub(super) const PLAIN: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";
const LONGEST_ERROR: usize = 64 << 10;
const LONGEST_ANSWER: usize = 64 << 20;

/// A way to the API server as one user. Cheap to clone; dropping the last one closes idle connections.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    server: Box<Server>,
}

/// Who would have to be allowed what for this request, and what it is about.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    pub(super) rule: &'static Rule,
    pub(super) what: &'static str,
}

impl Connection {
    pub(super) fn new(client: Client, server: Server) -> Self {
        Self {
            client,
            server: Box::new(server),
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Sends a GET and waits for the head of a good answer; the body is the caller's.
    pub(super) async fn open(
        &self,
        path: &str,
        asking: Asking,
        wait: Duration,
    ) -> Result<Response<Body>, Error> {
        self.open_as(JSON, path, asking, wait).await
    }

    async fn open_as(
        &self,
        accept: &'static str,
        path: &str,
        asking: Asking,
        wait: Duration,
    ) -> Result<Response<Body>, Error> {
        let request = Request::get(path)
            .header(ACCEPT, accept)
            .body(Body::empty());
        self.send(request, asking, wait).await
    }

    /// A whole small answer.
    pub(super) async fn get(&self, path: &str, asking: Asking) -> Result<Bytes, Error> {
        self.get_as(JSON, path, asking).await
    }

    /// The same in another form than plain JSON.
    pub(super) async fn get_as(
        &self,
        accept: &'static str,
        path: &str,
        asking: Asking,
    ) -> Result<Bytes, Error> {
        let response = self.open_as(accept, path, asking, PLAIN).await?;
        self.collect(response.into_body(), LONGEST_ANSWER).await
    }

    /// A merge patch; answers what the object is then.
    pub(super) async fn patch(
        &self,
        path: &str,
        body: Vec<u8>,
        asking: Asking,
    ) -> Result<Bytes, Error> {
        let merge = "application/merge-patch+json";
        self.write(Method::PATCH, path, merge, body, asking).await
    }

    /// A request that changes something; answers what the object is then, or the Status.
    pub(super) async fn write(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
        asking: Asking,
    ) -> Result<Bytes, Error> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body));
        let response = self.send(request, asking, PLAIN).await?;
        self.collect(response.into_body(), LONGEST_ANSWER).await
    }

    async fn send(
        &self,
        request: http::Result<Request<Body>>,
        asking: Asking,
        wait: Duration,
    ) -> Result<Response<Body>, Error> {
        let request = request.map_err(|error| Error::Unreadable {
            what: asking.what.to_owned(),
            why: error.to_string(),
        })?;
        let response = match timeout(wait, self.client.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.fault(&error)),
            Err(_) => return Err(self.silent(wait)),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response, asking).await)
    }

    async fn collect(&self, body: Body, limit: usize) -> Result<Bytes, Error> {
        let body = http_body_util::Limited::new(body, limit);
        match timeout(PLAIN, body.collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(Error::Unreachable {
                server: self.server.clone(),
                cause: Cause::of(&*error),
            }),
            Err(_) => Err(self.silent(PLAIN)),
        }
    }

    /// What an error below HTTP means.
    pub(super) fn fault(&self, error: &kube::Error) -> Error {
        let server = self.server.clone();
        if is_auth(error) {
            return Error::Unauthorized {
                server,
                why: "the credentials could not be renewed".to_owned(),
            };
        }
        Error::Unreachable {
            server,
            cause: Cause::of(error),
        }
    }

    pub(super) fn silent(&self, wait: Duration) -> Error {
        Error::Unreachable {
            server: self.server.clone(),
            cause: Cause::Silent(wait.as_secs()),
        }
    }

    /// What an answer that is no success means.
    async fn refusal(&self, response: Response<Body>, asking: Asking) -> Error {
        let (head, body) = response.into_parts();
        let body = self.collect(body, LONGEST_ERROR).await.unwrap_or_default();
        let status: Option<Status> = serde_json::from_slice(&body).ok();
        let is_status = status.is_some();
        let status = status.unwrap_or_default();
        let server = self.server.clone();
        let code = head.status.as_u16();
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let message = if is_status {
            status.words()
        } else {
            String::from_utf8_lossy(&body)
                .trim()
                .chars()
                .take(200)
                .collect()
        };
        match head.status {
            StatusCode::UNAUTHORIZED => Error::Unauthorized {
                server,
                why: message,
            },
            // A webhook that refuses answers 403 too, but no right would help.
            StatusCode::FORBIDDEN if is_status && !message.contains("denied the request") => {
                Error::Forbidden {
                    rule: asking.rule.clone(),
                    message,
                }
            }
            StatusCode::NOT_FOUND => Error::Missing {
                what: asking.what.to_owned(),
            },
            StatusCode::GONE => Error::Expired,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Error::Busy {
                code,
                after: text(RETRY_AFTER)
                    .and_then(|value| value.trim().parse().ok())
                    .or(status.details.retry_after_seconds)
                    .map(Duration::from_secs),
                message,
            },
            _ if message.contains("HTTP request to an HTTPS server") => Error::Unreachable {
                server,
                cause: Cause::WantsTls,
            },
            status if status.is_server_error() || is_status => Error::Server { code, message },
            status if status.is_redirection() => {
                let place = text(LOCATION).unwrap_or("another place");
                self.not_kubernetes(format!("it answers {code} and sends us to {place}"))
            }
            _ => {
                let kind = text(CONTENT_TYPE).unwrap_or("nothing readable");
                self.not_kubernetes(format!("it answers {code} with {kind}"))
            }
        }
    }

    pub(super) fn not_kubernetes(&self, what: String) -> Error {
        Error::NotKubernetes {
            url: self.server.url.clone(),
            what,
        }
    }
}

/// kube wraps the error of a credential plugin in a box, so the chain is searched.
fn is_auth(error: &kube::Error) -> bool {
    fn search(error: &(dyn std::error::Error + 'static)) -> bool {
        error.is::<kube::client::AuthError>() || error.source().is_some_and(search)
    }
    matches!(error, kube::Error::Auth(_)) || search(error)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    message: String,
    details: Details,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    retry_after_seconds: Option<u64>,
    causes: Vec<StatusCause>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusCause {
    reason: String,
    message: String,
}

impl Status {
    /// What says most: which disruption budget forbids an eviction stands only among the causes.
    fn words(&self) -> String {
        let mut causes = self.details.causes.iter();
        match causes.find(|cause| cause.reason == "DisruptionBudget") {
            Some(cause) if !cause.message.is_empty() => cause.message.clone(),
            _ => self.message.clone(),
        }
    }
}
