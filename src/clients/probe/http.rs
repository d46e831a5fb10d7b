//! One GET of a URL, for its status: asked for by a person, never by itself.
//!
//! Certificates are not checked, because a VIP's name is rarely in them and nothing secret is sent; the answer says so.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// How long the whole may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a URL gave no status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is no URL of a web server")]
    NoUrl(String),
    #[error("{url} did not answer within {}s", PATIENCE.as_secs())]
    Silent { url: String },
    #[error("{url} cannot be reached: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} does not speak TLS: {why}")]
    Tls { url: String, why: String },
    #[error("{url} does not speak HTTP: {why}")]
    Http { url: String, why: String },
}

/// The status of a URL in words: `http://10.10.10.51/ answers 200 OK in 12 ms`.
pub async fn status(url: &str) -> Result<String, Error> {
    match timeout(PATIENCE, ask(url)).await {
        Ok(result) => result,
        Err(_) => Err(Error::Silent {
            url: url.to_owned(),
        }),
    }
}

async fn ask(url: &str) -> Result<String, Error> {
    let no_url = || Error::NoUrl(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| no_url())?;
    let host = uri.host().ok_or_else(no_url)?;
    let host = host.trim_matches(['[', ']']);
    let is_secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(no_url()),
    };
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let begun = Instant::now();
    let connected = TcpStream::connect((host, port)).await;
    let stream = connected.map_err(|error| Error::Unreachable {
        url: url.to_owned(),
        why: error.to_string(),
    })?;
    if !is_secure {
        let status = get(stream, &uri, url).await?;
        return Ok(words(url, &status, begun.elapsed(), ""));
    }
    let fault = |error: &dyn ToString| Error::Tls {
        url: url.to_owned(),
        why: error.to_string(),
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| fault(&error))?;
    let connector = TlsConnector::from(Arc::new(trusting()));
    let stream = connector.connect(name, stream).await;
    let status = get(stream.map_err(|error| fault(&error))?, &uri, url).await?;
    Ok(words(
        url,
        &status,
        begun.elapsed(),
        " (certificate not checked)",
    ))
}

fn words(url: &str, status: &str, took: Duration, remark: &str) -> String {
    let took = crate::rack::vip::probe::milliseconds(took);
    format!("{url} answers {status} in {took}{remark}")
}

async fn get<S>(stream: S, uri: &Uri, url: &str) -> Result<String, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let fault = |error: &dyn ToString| Error::Http {
        url: url.to_owned(),
        why: error.to_string(),
    };
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, mut connection) = handshake.map_err(|error| fault(&error))?;
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    let request = Request::get(path)
        .header(header::HOST, uri.authority().map_or("", |it| it.as_str()))
        .header(
            header::USER_AGENT,
            concat!("bramble/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::CONNECTION, "close")
        .body(Empty::<bytes::Bytes>::new());
    let request = request.map_err(|error| fault(&error))?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let mut is_over = false;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => {
                return Ok(answer.map_err(|error| fault(&error))?.status().to_string());
            }
            // The answer says what went wrong, or is there already.
            _ = &mut connection, if !is_over => is_over = true,
        }
    }
}

/// TLS that takes any certificate, and still proves that the other side has its key.
fn trusting() -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = match builder.with_safe_default_protocol_versions() {
        Ok(builder) => builder,
        // Both versions are compiled in: there is no third way to build one.
        Err(_) => ClientConfig::builder(),
    };
    builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth()
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
