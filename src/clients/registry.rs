//! A container registry: which platforms an image has, and whether a login may pull it.
//!
//! The protocol is that of the OCI distribution specification, with Docker's older manifests and token logins. Invariant:
//! a login goes only to hosts it was given for, is in a header and nowhere else, and a refusal is not tried again.

mod challenge;
mod manifest;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Full;
use serde_json::Value;

use super::web::{self, Answer, Web};
use crate::rack::image::name::{DOCKER_HUB, ImageName};
use crate::rack::image::{Checked, Kind};
use crate::rack::secret::Secret;
use challenge::Challenge;
use manifest::{Entry, Manifest};

/// Manifests and configs are smaller.
const MOST: usize = 8 << 20;
/// Redirects to where a registry keeps its blobs.
const HOPS: usize = 4;
/// Platforms whose own config is read because the index does not name them.
const LOOKED_INTO: usize = 16;

/// A name and a secret for one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Secret,
    /// Hosts that may be told, besides the registry: where it sends logins to.
    pub hosts: Vec<String>,
}

/// A question about an image that was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{image}: {fault}")]
pub struct Error {
    pub image: String,
    pub fault: Fault,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Network(String),
    #[error("{0}")]
    Name(String),
    #[error("the registry wants a login: none is known for it")]
    NoLogin,
    #[error("the login is refused (401): it is wrong, expired or revoked")]
    WrongLogin,
    #[error("the login is good but may not pull this (403)")]
    NoRight,
    #[error("this login may not pull it, or there is no such repository (401)")]
    NotAllowed,
    #[error(
        "the registry sends the login to {0}, which it was not given for: nothing was sent there"
    )]
    OtherRealm(String),
    #[error("there is no such image: the tag was never pushed, or was cleaned up (404)")]
    Missing,
    #[error("too many requests (429): the registry wants to be left alone for a while")]
    Busy,
    #[error("the registry answers {0}")]
    Status(u16),
    #[error("the answer of the registry cannot be read: {0}")]
    Garbled(String),
}

impl From<web::Fault> for Fault {
    fn from(fault: web::Fault) -> Fault {
        Fault::Network(fault.to_string())
    }
}

/// A way to registries. It remembers the token of the repository that was asked last, and no login.
#[derive(Debug, Clone)]
pub struct Registry {
    web: Web,
    login: Option<Login>,
}

impl Registry {
    /// Without a login, with the authorities of the system.
    pub fn anonymous() -> Result<Registry, Error> {
        let web = Web::new(None).map_err(|fault| Error {
            image: "registries".to_owned(),
            fault: fault.into(),
        })?;
        Ok(Registry { web, login: None })
    }

    pub(super) fn with(web: Web, login: Login) -> Registry {
        Registry {
            web,
            login: Some(login),
        }
    }

    /// What the registry says of an image.
    pub async fn check(&self, image: &ImageName) -> Result<Checked, Error> {
        let error = |fault| Error {
            image: image.to_string(),
            fault,
        };
        let mut session = Session::new(self, image);
        session.check().await.map_err(error)
    }

    /// Whether the login may pull from a repository: asks for a token and for the list of its tags.
    pub async fn may_pull(&self, image: &ImageName) -> Result<(), Error> {
        let error = |fault| Error {
            image: image.place(),
            fault,
        };
        let mut session = Session::new(self, image);
        match session.get("tags/list?n=1", "application/json").await {
            // An empty repository is one that may be pulled from.
            Ok(_) | Err(Fault::Missing) => Ok(()),
            Err(fault) => Err(error(fault)),
        }
    }
}

/// The questions about one image, with the token they share.
struct Session<'a> {
    registry: &'a Registry,
    image: &'a ImageName,
    token: Option<Secret>,
}

impl<'a> Session<'a> {
    fn new(registry: &'a Registry, image: &'a ImageName) -> Session<'a> {
        Session {
            registry,
            image,
            token: None,
        }
    }

    async fn check(&mut self) -> Result<Checked, Fault> {
        let reference = self.image.reference().to_owned();
        let (manifest, digest) = self.manifest(&reference).await?;
        let mut digests: Vec<Box<str>> = vec![digest.into()];
        let (kind, revision) = match manifest {
            Manifest::Schema1(platform) => (Kind::Platforms(vec![platform]), None),
            Manifest::Single { config } => {
                let config = self.config(&config).await?;
                (Kind::Platforms(vec![config.platform]), config.revision)
            }
            Manifest::Index(entries) if manifest::is_cache(&entries) => (Kind::BuildCache, None),
            Manifest::Index(entries) => {
                let mut platforms = Vec::new();
                for entry in entries.iter().filter(|it| !it.is_paper) {
                    digests.push(entry.digest.as_str().into());
                    platforms.extend(self.platforms_of(entry).await?);
                }
                platforms.sort();
                platforms.dedup();
                let revision = self.revision(&entries).await;
                (Kind::Platforms(platforms), revision)
            }
        };
        Ok(Checked {
            image: self.image.to_string().into(),
            kind,
            digests,
            revision: revision.map(Box::from),
            builder: None,
        })
    }

    /// The platform an entry of an index names; where it names none, its own config says.
    async fn platforms_of(
        &mut self,
        entry: &Entry,
    ) -> Result<Vec<crate::rack::image::platform::Platform>, Fault> {
        if let Some(platform) = &entry.platform {
            return Ok(vec![platform.clone()]);
        }
        let (inner, _) = self.manifest(&entry.digest).await?;
        let mut platforms = Vec::new();
        match inner {
            Manifest::Single { config } => platforms.push(self.config(&config).await?.platform),
            Manifest::Schema1(platform) => platforms.push(platform),
            // An index in an index is followed once.
            Manifest::Index(entries) => {
                let known = entries.into_iter().filter(|it| !it.is_paper);
                platforms.extend(known.take(LOOKED_INTO).filter_map(|it| it.platform));
            }
        }
        Ok(platforms)
    }

    /// The commit in the labels of the first platform. Whoever built it may not have written it: then there is none.
    async fn revision(&mut self, entries: &[Entry]) -> Option<String> {
        let first = entries.iter().find(|it| !it.is_paper)?;
        match self.manifest(&first.digest).await {
            Ok((Manifest::Single { config }, _)) => self.config(&config).await.ok()?.revision,
            _ => None,
        }
    }

    /// A manifest and its digest.
    async fn manifest(&mut self, reference: &str) -> Result<(Manifest, String), Fault> {
        let path = format!("manifests/{reference}");
        let answer = self.get(&path, manifest::ACCEPT).await?;
        let told = answer.header("docker-content-digest").map(str::to_owned);
        let digest = told.unwrap_or_else(|| digest_of(&answer.body));
        let kind = answer.header(header::CONTENT_TYPE).unwrap_or_default();
        let manifest = manifest::read(kind, &answer.body).map_err(Fault::Garbled)?;
        Ok((manifest, digest))
    }

    async fn config(&mut self, digest: &str) -> Result<manifest::Config, Fault> {
        if !crate::rack::image::name::is_digest(digest) {
            return Err(Fault::Garbled("its config has no digest".to_owned()));
        }
        let answer = self.get(&format!("blobs/{digest}"), "*/*").await?;
        manifest::config(&answer.body).map_err(Fault::Garbled)
    }

    /// A good answer below the repository. A challenge is met once; a second one is a refusal.
    async fn get(&mut self, path: &str, accept: &'static str) -> Result<Answer, Fault> {
        let root = root_of(&self.image.registry);
        let address = format!("{root}/v2/{}/{path}", self.image.repository);
        let mut answer = self.follow(&address, accept).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            let had_token = self.token.is_some();
            let challenge = answer.header(header::WWW_AUTHENTICATE);
            let challenge = challenge.and_then(Challenge::parse);
            let Some(challenge) = challenge else {
                return Err(Fault::NotAllowed);
            };
            self.token = Some(self.met(&challenge, &root).await?);
            answer = self.follow(&address, accept).await?;
            if answer.status == StatusCode::UNAUTHORIZED {
                let is_known = had_token || self.registry.login.is_some();
                return Err(if is_known {
                    Fault::NotAllowed
                } else {
                    Fault::NoLogin
                });
            }
        }
        match answer.status.as_u16() {
            200..=299 => Ok(answer),
            401 => Err(Fault::NotAllowed),
            403 => Err(Fault::NoRight),
            404 => Err(Fault::Missing),
            429 => Err(Fault::Busy),
            other => Err(Fault::Status(other)),
        }
    }

    /// What the challenge is met with: the value of an `Authorization` header.
    async fn met(&self, challenge: &Challenge, root: &str) -> Result<Secret, Fault> {
        let login = self.registry.login.as_ref();
        match challenge {
            Challenge::Basic => match login {
                Some(login) => Ok(basic(login)),
                None => Err(Fault::NoLogin),
            },
            Challenge::Bearer { realm, service } => {
                let scope = format!("repository:{}:pull", self.image.repository);
                let address = challenge::with_query(realm, service, &scope);
                let uri: Uri = address
                    .parse()
                    .map_err(|_| Fault::Garbled("its realm is no URL".to_owned()))?;
                let host = uri.host().unwrap_or_default();
                if let Some(login) = login {
                    let is_of_registry = host == host_of(&self.image.registry);
                    let is_given = is_of_registry || login.hosts.iter().any(|it| it == host);
                    // A login over a line that is open, for a registry that is not, is a trap.
                    let is_open = uri.scheme_str() != Some("https") && root.starts_with("https:");
                    if !is_given || is_open {
                        return Err(Fault::OtherRealm(host.to_owned()));
                    }
                }
                let request = request(&uri, "application/json", login.map(basic).as_ref())?;
                let answer = self.registry.web.send(request, MOST).await?;
                match answer.status.as_u16() {
                    200..=299 => {}
                    401 if login.is_some() => return Err(Fault::WrongLogin),
                    401 => return Err(Fault::NoLogin),
                    403 => return Err(Fault::NoRight),
                    429 => return Err(Fault::Busy),
                    other => return Err(Fault::Status(other)),
                }
                let value: Value = serde_json::from_slice(&answer.body)
                    .map_err(|_| Fault::Garbled("its token is no JSON".to_owned()))?;
                let token = value.get("token").or_else(|| value.get("access_token"));
                match token.and_then(Value::as_str) {
                    Some(token) => Ok(Secret::new(format!("Bearer {token}"))),
                    None => Err(Fault::Garbled("it sent no token".to_owned())),
                }
            }
        }
    }

    /// Follows redirects to where blobs are kept; the token stays with the registry.
    async fn follow(&self, address: &str, accept: &'static str) -> Result<Answer, Fault> {
        let no_url = || Fault::Garbled("it leads to an address that is no URL".to_owned());
        let mut uri: Uri = address.parse().map_err(|_| no_url())?;
        let place = |uri: &Uri| (uri.scheme().cloned(), uri.authority().cloned());
        let first = place(&uri);
        for _ in 0..HOPS {
            // The same host in the clear is another place.
            let is_first = place(&uri) == first;
            let token = self.token.as_ref().filter(|_| is_first);
            let answer = self
                .registry
                .web
                .send(request(&uri, accept, token)?, MOST)
                .await?;
            let is_elsewhere = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
            if !is_elsewhere {
                return Ok(answer);
            }
            let to = answer.header(header::LOCATION).ok_or_else(no_url)?;
            let to: Uri = to.parse().map_err(|_| no_url())?;
            uri = if to.authority().is_some() {
                to
            } else {
                let authority = uri.authority().map_or("", |it| it.as_str());
                let scheme = uri.scheme_str().unwrap_or("https");
                format!("{scheme}://{authority}{to}")
                    .parse()
                    .map_err(|_| no_url())?
            };
        }
        Err(Fault::Garbled("it leads round in circles".to_owned()))
    }
}

fn request(
    uri: &Uri,
    accept: &'static str,
    authorization: Option<&Secret>,
) -> Result<Request<Full<Bytes>>, Fault> {
    let mut request = Request::get(uri.clone())
        .header(header::ACCEPT, accept)
        .header(
            header::USER_AGENT,
            concat!("bramble/", env!("CARGO_PKG_VERSION")),
        );
    if let Some(secret) = authorization {
        let unusable = |_| Fault::Garbled("its token has signs no header can hold".to_owned());
        let mut value = HeaderValue::from_str(secret.expose()).map_err(unusable)?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    let body = Full::new(Bytes::new());
    request
        .body(body)
        .map_err(|error| Fault::Garbled(error.to_string()))
}

fn basic(login: &Login) -> Secret {
    let both = format!("{}:{}", login.user, login.password.expose());
    Secret::new(format!("Basic {}", STANDARD.encode(both)))
}

/// Docker's own rule: a registry of this machine speaks plainly, every other with TLS.
fn root_of(registry: &str) -> String {
    let host = host_of(registry);
    let is_loopback = |it: std::net::IpAddr| it.is_loopback();
    let is_here =
        host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(is_loopback);
    match registry {
        DOCKER_HUB => "https://registry-1.docker.io".to_owned(),
        _ if is_here => format!("http://{registry}"),
        _ => format!("https://{registry}"),
    }
}

fn host_of(registry: &str) -> &str {
    match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => registry,
    }
}

fn digest_of(body: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = "sha256:".to_owned();
    for byte in ring::digest::digest(&ring::digest::SHA256, body).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What cannot be told, as it stands on a page.
pub fn unknown(image: &str, error: &Error) -> Checked {
    Checked {
        image: image.into(),
        kind: Kind::Unknown(error.fault.to_string()),
        digests: Vec::new(),
        revision: None,
        builder: None,
    }
}

#[cfg(test)]
mod tests;
