//! k3s's files for the boards: downloaded once, checked, kept, and handed to every board that needs them; or given by a
//! person who has no way to the internet.
//!
//! The binary is checked against the checksums of its release, the installer for being a shell script: it has none.
//! Plain http is taken only from an address a person has named.

use std::collections::HashMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::Response;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::timeout;

use crate::rack::onboard::version::Version;
use crate::rack::problem::{Problem, Severity, Subject};

/// Until an answer begins, and between two pieces of it.
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_HOPS: usize = 8;
/// A text that is longer than this is none of k3s's.
const LONGEST_TEXT: usize = 1 << 20;

/// Where things are fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Redirects `/<channel>` to a URL that ends in a tag.
    pub channels: String,
    /// Holds `<tag>/k3s-arm64` and the like.
    pub releases: String,
    pub installer: String,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            channels: "https://update.k3s.io/v1-release/channels".to_owned(),
            releases: "https://github.com/k3s-io/k3s/releases/download".to_owned(),
            installer: "https://get.k3s.io".to_owned(),
        }
    }
}

/// What a person gives in place of downloads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    pub binary: Option<PathBuf>,
    pub images: Option<PathBuf>,
    pub installer: Option<PathBuf>,
}

/// A file of this machine that boards get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub path: PathBuf,
    pub sha256: String,
    pub size: u64,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{url} cannot be fetched: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} answers {status}")]
    Status { url: String, status: u16 },
    #[error("what came from {url} is not what it should be: {why}")]
    Wrong { url: String, why: String },
    #[error("{}: {why}", .file.display())]
    File { file: PathBuf, why: String },
    #[error("{0}")]
    Missing(String),
}

impl Fault {
    pub fn problem(&self, about: Subject) -> Problem {
        let problem = Problem::new(Severity::Critical, about, self.to_string());
        problem.next(match self {
            Fault::Unreachable { .. } => {
                "see that this machine reaches the internet, or give the files: --binary, --installer, --images"
            }
            Fault::Status { status: 404, .. } => "see that there is such a version, and a build of it for these boards",
            Fault::Status { .. } => "try again later, or give the files: --binary, --installer, --images",
            Fault::Wrong { .. } => "do not use it; a proxy may answer in its place",
            Fault::File { .. } => "check the file",
            Fault::Missing(_) => "give it: --binary, --installer, --images",
        })
    }

    /// Trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Fault::Unreachable { .. } => true,
            Fault::Status { status, .. } => *status >= 500,
            Fault::Wrong { .. } | Fault::File { .. } | Fault::Missing(_) => false,
        }
    }
}

type Http = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// All files of a run. What is being fetched for one board is waited for by the others.
pub struct Depot {
    cache: PathBuf,
    sources: Sources,
    given: Given,
    cells: Mutex<HashMap<String, Arc<OnceCell<Artifact>>>>,
    http: OnceCell<Http>,
}

impl Depot {
    /// `cache` keeps downloads for the next run.
    pub fn new(cache: PathBuf, sources: Sources, given: Given) -> Depot {
        Depot {
            cache,
            sources,
            given,
            cells: Mutex::default(),
            http: OnceCell::new(),
        }
    }

    /// The newest version of a channel: `stable`, `latest`, `v1.33`.
    pub async fn channel(&self, channel: &str) -> Result<Version, Fault> {
        let url = format!("{}/{channel}", self.sources.channels);
        let response = self.ask(&url).await?;
        let place = location(&response).filter(|_| response.status().is_redirection());
        let tag = place
            .as_deref()
            .and_then(|it| it.rsplit('/').next())
            .unwrap_or_default();
        let tag = tag.replace("%2B", "+").replace("%2b", "+");
        Version::parse(&tag).ok_or_else(|| match response.status().as_u16() {
            status @ 400.. => Fault::Status { url, status },
            _ => Fault::Wrong {
                url,
                why: "it does not lead to a release".to_owned(),
            },
        })
    }

    /// The binary of a version for `arm64`, `armhf` or `amd64`.
    pub async fn binary(&self, version: &Version, build: &str) -> Result<Artifact, Fault> {
        if let Some(file) = &self.given.binary {
            return self.given(file).await;
        }
        let name = if build == "amd64" {
            "k3s".to_owned()
        } else {
            format!("k3s-{build}")
        };
        let file = self.cache.join(version.to_string()).join(&name);
        let base = format!("{}/{}", self.sources.releases, version.in_url());
        self.once(format!("{version} {build}"), async move {
            // Asked for each time: a file that lay here must still be what the release says.
            let sums = self.text(&format!("{base}/sha256sum-{build}.txt")).await?;
            let url = format!("{base}/{name}");
            let expected = checksum(&sums, &name).ok_or_else(|| Fault::Wrong {
                url: url.clone(),
                why: format!("the checksums of the release have no line for {name}"),
            })?;
            if let Ok(kept) = measured(&file).await
                && kept.sha256 == expected
            {
                return Ok(kept);
            }
            self.fetch(&url, &file).await?;
            let fetched = measured(&file).await?;
            if fetched.sha256 == expected {
                return Ok(fetched);
            }
            let _ = tokio::fs::remove_file(&file).await;
            Err(Fault::Wrong {
                url,
                why: format!(
                    "its SHA-256 is {}, the release says {expected}",
                    fetched.sha256
                ),
            })
        })
        .await
    }

    /// Images for a board without a way to the internet: only what was given.
    pub async fn images(&self, _build: &str) -> Result<Artifact, Fault> {
        match &self.given.images {
            Some(file) => self.given(file).await,
            None => Err(Fault::Missing("there is no file of images".to_owned())),
        }
    }

    /// Whether there are images for boards without a way to the internet.
    pub fn has_images(&self) -> bool {
        self.given.images.is_some()
    }

    /// k3s's install script.
    pub async fn installer(&self) -> Result<Artifact, Fault> {
        if let Some(file) = &self.given.installer {
            let artifact = self.given(file).await?;
            is_script(&artifact.path).await.map_err(|why| Fault::File {
                file: file.clone(),
                why,
            })?;
            return Ok(artifact);
        }
        let (url, file) = (
            self.sources.installer.clone(),
            self.cache.join("install.sh"),
        );
        self.once("installer".to_owned(), async move {
            self.fetch(&url, &file).await?;
            is_script(&file)
                .await
                .map_err(|why| Fault::Wrong { url, why })?;
            measured(&file).await
        })
        .await
    }

    async fn given(&self, file: &Path) -> Result<Artifact, Fault> {
        self.once(format!("given {}", file.display()), measured(file))
            .await
    }

    /// The first board's request does the work; a failure is not kept.
    async fn once(
        &self,
        key: String,
        work: impl Future<Output = Result<Artifact, Fault>>,
    ) -> Result<Artifact, Fault> {
        let cell = Arc::clone(self.cells.lock().await.entry(key).or_default());
        cell.get_or_try_init(|| work).await.cloned()
    }

    /// Follows redirects to a good answer.
    async fn open(&self, url: &str) -> Result<Response<Incoming>, Fault> {
        let mut at = url.to_owned();
        for _ in 0..MOST_HOPS {
            let response = self.ask(&at).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let next = location(&response).filter(|_| status.is_redirection());
            let Some(next) = next else {
                return Err(Fault::Status {
                    url: at,
                    status: status.as_u16(),
                });
            };
            if at.starts_with("https://") && !next.starts_with("https://") {
                return Err(Fault::Wrong {
                    url: at,
                    why: "it leads away from https".to_owned(),
                });
            }
            at = next;
        }
        Err(Fault::Wrong {
            url: url.to_owned(),
            why: "it leads in a circle".to_owned(),
        })
    }

    async fn ask(&self, url: &str) -> Result<Response<Incoming>, Fault> {
        let unreachable = |why: String| Fault::Unreachable {
            url: url.to_owned(),
            why,
        };
        let uri: Uri = url
            .parse()
            .map_err(|error: http::uri::InvalidUri| unreachable(error.to_string()))?;
        let request = Request::get(uri)
            .header(
                header::USER_AGENT,
                concat!("bramble/", env!("CARGO_PKG_VERSION")),
            )
            .body(Empty::new())
            .map_err(|error| unreachable(error.to_string()))?;
        let http = self
            .http
            .get_or_try_init(|| async { client().map_err(|why| unreachable(why.to_string())) })
            .await?;
        match timeout(PATIENCE, http.request(request)).await {
            Err(_) => Err(unreachable(format!(
                "no answer within {} s",
                PATIENCE.as_secs()
            ))),
            Ok(Err(error)) => Err(unreachable(deepest(&error))),
            Ok(Ok(response)) => Ok(response),
        }
    }

    async fn text(&self, url: &str) -> Result<String, Fault> {
        let mut response = self.open(url).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = piece(&mut response, url).await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LONGEST_TEXT {
                return Err(Fault::Wrong {
                    url: url.to_owned(),
                    why: "it is too long".to_owned(),
                });
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Downloads into a file, which is there only once it is whole.
    async fn fetch(&self, url: &str, file: &Path) -> Result<(), Fault> {
        let fault = |error: std::io::Error| Fault::File {
            file: file.to_owned(),
            why: error.to_string(),
        };
        let mut response = self.open(url).await?;
        if let Some(folder) = file.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(fault)?;
        }
        let part = file.with_extension(format!("{}.part", std::process::id()));
        let mut open = std::fs::OpenOptions::new();
        open.write(true).create(true).truncate(true).mode(0o644);
        let mut out = tokio::fs::OpenOptions::from(open)
            .open(&part)
            .await
            .map_err(fault)?;
        while let Some(piece) = piece(&mut response, url).await? {
            out.write_all(&piece).await.map_err(fault)?;
        }
        out.sync_all().await.map_err(fault)?;
        tokio::fs::rename(&part, file).await.map_err(fault)
    }
}

fn client() -> Result<Http, std::io::Error> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

async fn piece(response: &mut Response<Incoming>, url: &str) -> Result<Option<Bytes>, Fault> {
    let unreachable = |why: String| Fault::Unreachable {
        url: url.to_owned(),
        why,
    };
    loop {
        return match timeout(PATIENCE, response.body_mut().frame()).await {
            Err(_) => Err(unreachable(format!(
                "nothing came for {} s",
                PATIENCE.as_secs()
            ))),
            Ok(None) => Ok(None),
            Ok(Some(Err(error))) => Err(unreachable(deepest(&error))),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Ok(Some(data)),
                Err(_) => continue,
            },
        };
    }
}

fn location(response: &Response<Incoming>) -> Option<String> {
    Some(
        response
            .headers()
            .get(header::LOCATION)?
            .to_str()
            .ok()?
            .to_owned(),
    )
}

/// hyper wraps the reason in "client error".
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}

/// The hash of a file in a list as `sha256sum` writes it.
fn checksum(sums: &str, name: &str) -> Option<String> {
    sums.lines().find_map(|line| {
        let (hash, file) = line.split_once(char::is_whitespace)?;
        let is_hash = hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
        let file = file.trim().trim_start_matches('*');
        (is_hash && file == name).then(|| hash.to_lowercase())
    })
}

async fn is_script(file: &Path) -> Result<(), String> {
    let mut head = [0; 9];
    let mut open = tokio::fs::File::open(file)
        .await
        .map_err(|error| error.to_string())?;
    match open.read_exact(&mut head).await {
        Ok(_) if head.starts_with(b"#!/bin/sh") => Ok(()),
        Ok(_) => Err("it does not begin with #!/bin/sh".to_owned()),
        Err(_) => Err("it is empty".to_owned()),
    }
}

/// Size and hash of a file, read a piece at a time.
async fn measured(file: &Path) -> Result<Artifact, Fault> {
    let fault = |error: std::io::Error| Fault::File {
        file: file.to_owned(),
        why: error.to_string(),
    };
    let mut open = tokio::fs::File::open(file).await.map_err(fault)?;
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let length = open.read(&mut piece).await.map_err(fault)?;
        if length == 0 {
            break;
        }
        size += length as u64;
        context.update(&piece[..length]);
    }
    if size == 0 {
        return Err(Fault::File {
            file: file.to_owned(),
            why: "it is empty".to_owned(),
        });
    }
    Ok(Artifact {
        path: file.to_owned(),
        sha256: hexadecimal(context.finish().as_ref()),
        size,
    })
}

/// SHA-256 in small hexadecimal letters.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(ring::digest::digest(&SHA256, bytes).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
