//! Requests over HTTP to servers that are no Kubernetes: connections that are kept, TLS with the system's authorities and
//! one more, gzip, and limits on time and size that no server gets around.
//!
//! What an answer means is the business of who asks. Invariant: nothing is followed, repeated or remembered here.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, StatusCode, header};
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

const CONNECT: Duration = Duration::from_secs(5);
/// A server that says nothing for so long is not waited for.
const SILENCE: Duration = Duration::from_secs(20);

/// Why there is no answer at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Settings(String),
    #[error("{host} cannot be reached: {why}")]
    Unreachable { host: String, why: String },
    #[error("the certificate of {host} is not trusted: {why}")]
    Certificate { host: String, why: String },
    #[error("{host} stopped answering for {}s", .after.as_secs())]
    Silent { host: String, after: Duration },
    /// The bytes that are taken at most.
    #[error("the answer is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    #[error("the answer cannot be read: {0}")]
    Garbled(String),
}

/// Connections to any number of servers. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Web(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

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

impl Web {
    /// Nothing is sent yet. `authority` is a file of certificates that are trusted besides those of the system.
    pub(super) fn new(authority: Option<&Path>) -> Result<Web, Fault> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(authority)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Web(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Sends a request; `most` bytes of the answer are taken, unpacked.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        most: usize,
    ) -> Result<Answer, Fault> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let silent = || Fault::Silent {
            host: host.clone(),
            after: SILENCE,
        };
        let sent = timeout(SILENCE, self.0.request(request)).await;
        let response = sent
            .map_err(|_| silent())?
            .map_err(|error| unreachable(&host, &error))?;
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
}

/// What TLS says, however many I/O errors are wrapped around it: their `source` leaves out what they hold.
fn tls_fault<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref() {
        return Some(tls);
    }
    let held = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    tls_fault(held)
}

/// The innermost reason: everything around it says only that there was one.
fn unreachable(host: &str, error: &(dyn std::error::Error + 'static)) -> Fault {
    let host = host.to_owned();
    let mut inner = error;
    loop {
        match tls_fault(inner) {
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

fn certificate_words(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Wrong;
    match error {
        Wrong::BadSignature => "another authority of the same name has signed it".to_owned(),
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
