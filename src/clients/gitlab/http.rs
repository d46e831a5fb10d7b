//! One question over HTTP: connections that are kept, TLS with the system's authorities and one more, gzip, and limits
//! on time and size that no server gets around.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::error::Fault;
use crate::rack::secret::Secret;

const CONNECT: Duration = Duration::from_secs(5);
/// A server that says nothing for so long is not waited for.
const SILENCE: Duration = Duration::from_secs(20);

/// Connections to one GitLab.
#[derive(Debug)]
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// `https://host[:port][/path]/api/v4`.
    api: String,
    host: String,
}

/// One question.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Below `/api/v4`, with a slash, and with its query.
    pub(super) path: &'a str,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    /// Only send something that is not this.
    pub(super) unless: Option<&'a str>,
    /// Bytes of the answer at most, unpacked.
    pub(super) most: usize,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Http {
    /// Nothing is sent yet. `url` is the root of GitLab, perhaps with a path.
    pub(super) fn new(url: &str, authority: Option<&Path>) -> Result<Http, Fault> {
        let no_url = || Fault::Settings(format!("{url:?} is no URL of a GitLab"));
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| no_url())?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().filter(|_| is_web && uri.query().is_none());
        let host = host.ok_or_else(no_url)?.to_owned();
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(authority)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let path = uri.path().trim_end_matches('/');
        let authority = uri.authority().map_or("", |it| it.as_str());
        let scheme = uri.scheme_str().unwrap_or("https");
        Ok(Http {
            client: Client::builder(TokioExecutor::new()).build(connector),
            api: format!("{scheme}://{authority}{path}/api/v4"),
            host,
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) async fn ask(&self, ask: Ask<'_>, token: &Secret) -> Result<Answer, Fault> {
        let silent = || Fault::Silent {
            host: self.host.clone(),
            after: SILENCE,
        };
        let most = ask.most;
        let request = self.request(ask, token)?;
        let sent = timeout(SILENCE, self.client.request(request)).await;
        let response = sent
            .map_err(|_| silent())?
            .map_err(|error| self.unreachable(&error))?;
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        loop {
            let frame = timeout(SILENCE, body.frame()).await;
            match frame.map_err(|_| silent())? {
                None => break,
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    if bytes.len() + data.len() > most {
                        return Err(Fault::TooLarge(most));
                    }
                    bytes.extend_from_slice(&data);
                }
                Some(Err(_)) => {
                    let what = "it ended in the middle";
                    return Err(Fault::Garbled(what.to_owned()));
                }
            }
        }
        let is_packed = parts
            .headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|value| value == "gzip");
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: if is_packed {
                unpacked(&bytes, most)?
            } else {
                bytes
            },
        })
    }

    fn request(&self, ask: Ask<'_>, token: &Secret) -> Result<Request<Full<Bytes>>, Fault> {
        let unusable = || Fault::Token("it has signs no header can hold".to_owned());
        let bearer = format!("Bearer {}", token.expose());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| unusable())?;
        bearer.set_sensitive(true);
        let mut request = Request::builder()
            .method(ask.method)
            .uri(format!("{}{}", self.api, ask.path))
            .header(header::AUTHORIZATION, bearer)
            .header(
                header::USER_AGENT,
                concat!("bramble/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::ACCEPT_ENCODING, "gzip");
        if let Some(tag) = ask.unless {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        if ask.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(ask.body.unwrap_or_default()));
        let fault = |error: http::Error| Fault::Settings(format!("{}: {error}", ask.path));
        request.body(body).map_err(fault)
    }

    /// The innermost reason: everything around it says only that there was one.
    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> Fault {
        let host = self.host.clone();
        let mut inner = error;
        loop {
            let tls = inner.downcast_ref::<rustls::Error>();
            let io = inner.downcast_ref::<std::io::Error>();
            let payload = io.and_then(std::io::Error::get_ref);
            let tls = tls.or_else(|| payload.and_then(|it| it.downcast_ref()));
            match tls {
                Some(rustls::Error::InvalidCertificate(why)) => {
                    let why = certificate_words(why);
                    return Fault::Certificate { host, why };
                }
                Some(other) => {
                    let why = format!("TLS: {other}");
                    return Fault::Unreachable { host, why };
                }
                None => {}
            }
            match inner.source() {
                Some(source) => inner = source,
                None => break,
            }
        }
        let why = inner.to_string();
        Fault::Unreachable { host, why }
    }
}

fn certificate_words(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Wrong;
    match error {
        Wrong::UnknownIssuer => "its authority is unknown here".to_owned(),
        Wrong::Expired | Wrong::ExpiredContext { .. } => "it has expired".to_owned(),
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            "it is not valid yet; is the clock right?".to_owned()
        }
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        other => other.to_string(),
    }
}

/// The authorities of this system, and those of a file.
fn tls(authority: Option<&Path>) -> Result<ClientConfig, Fault> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = authority {
        let fault = |why: String| Fault::Settings(format!("ca-file {}: {why}", file.display()));
        let text = std::fs::read(file).map_err(|error| fault(error.to_string()))?;
        let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|error| fault(format!("is no certificate in PEM form: {error}")))?;
        if certificates.is_empty() {
            return Err(fault("has no certificate in PEM form".to_owned()));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| fault(error.to_string()))?;
        }
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::Settings(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn unpacked(bytes: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(bytes).take(limit).read_to_end(&mut out);
    match read {
        Ok(_) if out.len() > most => Err(Fault::TooLarge(most)),
        Ok(_) => Ok(out),
        Err(_) => Err(Fault::Garbled("its gzip is damaged".to_owned())),
    }
}
