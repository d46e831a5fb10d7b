//! Whether a server is who a kubeconfig says: a TLS handshake against the certificate authority in it, and the names in
//! the server's certificate. No request is sent and no credential shown.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore};

use crate::rack::kubeconfig::{ServerToCheck, ServerUrl};
use crate::rack::problem::{Problem, Severity, Subject};

const PATIENCE: Duration = Duration::from_secs(5);
/// A source with many clusters is rare; with hundreds of them rarer.
const AT_ONCE: usize = 32;

/// What a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCheck {
    /// Its certificate is of this authority and for this name.
    Covered,
    /// Of this authority, but not for this name; these are the names it is for, as far as it says.
    NotCovered { name: String, names: Vec<String> },
    /// Another authority's: another cluster answers there, or somebody between.
    OtherAuthority,
    /// Right, but over.
    Expired,
    /// Nothing can be said: no answer, no TLS, or nothing to check against.
    Unknown(String),
}

/// Asks the server. Blocking, for five seconds at most.
pub fn check_server(server: &ServerToCheck) -> ServerCheck {
    match check(server) {
        Ok(check) => check,
        Err(why) => ServerCheck::Unknown(why),
    }
}

/// Asks several servers at the same time; the answers stand in their order.
pub fn check_servers(servers: &[ServerToCheck]) -> Vec<ServerCheck> {
    let mut checks = Vec::new();
    for some in servers.chunks(AT_ONCE) {
        checks.extend(std::thread::scope(|scope| {
            let asking: Vec<_> = (some.iter())
                .map(|server| scope.spawn(|| check_server(server)))
                .collect();
            let unforeseen = || ServerCheck::Unknown("asking it failed unforeseen".to_owned());
            let joined = asking.into_iter().map(ScopedJoinHandle::join);
            joined
                .map(|it| it.unwrap_or_else(|_| unforeseen()))
                .collect::<Vec<_>>()
        }));
    }
    checks
}

fn check(server: &ServerToCheck) -> Result<ServerCheck, String> {
    let url = ServerUrl::parse(&server.url).ok_or("its address is not readable")?;
    if url.scheme != "https" {
        return Err("it is not asked over TLS".to_owned());
    }
    let authority = server
        .authority
        .as_deref()
        .ok_or("the kubeconfig holds no certificate authority for it")?;
    let name = server
        .tls_server_name
        .clone()
        .unwrap_or_else(|| url.host.clone());
    let server_name = ServerName::try_from(name.clone())
        .map_err(|_| format!("{name:?} is no name a certificate can have"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority).flatten() {
        roots
            .add(certificate)
            .map_err(|_| "the certificate authority in the kubeconfig is unusable")?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection =
        ClientConnection::new(Arc::new(config), server_name).map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
    let stream = dial(&url, deadline)?;
    Ok(match shake_hands(connection, stream, deadline) {
        Ok(()) => ServerCheck::Covered,
        Err(error) => verdict(&error, name)?,
    })
}

fn dial(url: &ServerUrl, deadline: Instant) -> Result<TcpStream, String> {
    let port = url.port.unwrap_or(443);
    let addresses = (url.host.as_str(), port).to_socket_addrs();
    let addresses =
        addresses.map_err(|_| format!("{} is not known to the name service", url.host))?;
    let mut last = "it has no address".to_owned();
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = said(&error),
        }
    }
    Err(last)
}

fn shake_hands(
    mut connection: ClientConnection,
    mut stream: TcpStream,
    deadline: Instant,
) -> io::Result<()> {
    while connection.is_handshaking() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        stream.set_write_timeout(Some(left))?;
        connection.complete_io(&mut stream)?;
    }
    Ok(())
}

fn verdict(error: &io::Error, name: String) -> Result<ServerCheck, String> {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(inner) = inner else {
        return Err(said(error));
    };
    match inner {
        rustls::Error::InvalidCertificate(why) => Ok(match why {
            CertificateError::NotValidForName => ServerCheck::NotCovered {
                name,
                names: Vec::new(),
            },
            CertificateError::NotValidForNameContext { presented, .. } => ServerCheck::NotCovered {
                name,
                names: presented.iter().map(|it| plain(it)).collect(),
            },
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ServerCheck::Expired
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                ServerCheck::OtherAuthority
            }
            other => return Err(format!("its certificate is refused: {other:?}")),
        }),
        rustls::Error::InvalidMessage(_) => {
            Err("something that is not TLS answers there".to_owned())
        }
        other => Err(format!("the handshake failed: {other}")),
    }
}

/// rustls writes a name as `DnsName("kubernetes")` and an address as `IpAddress(10.43.0.1)`.
fn plain(presented: &str) -> String {
    let inner = presented
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(presented).trim_matches('"').to_owned()
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "it refuses the connection".to_owned(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("it does not answer within {} s", PATIENCE.as_secs())
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "it closes the connection".to_owned()
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to it".to_owned()
        }
        _ => error.to_string(),
    }
}

impl ServerCheck {
    /// For programs that read it.
    pub fn word(&self) -> &'static str {
        match self {
            ServerCheck::Covered => "covered",
            ServerCheck::NotCovered { .. } => "not covered",
            ServerCheck::OtherAuthority => "other authority",
            ServerCheck::Expired => "expired",
            ServerCheck::Unknown(_) => "unknown",
        }
    }

    /// The names that the certificate is for, where they are not the right ones.
    pub fn names(&self) -> &[String] {
        match self {
            ServerCheck::NotCovered { names, .. } => names,
            _ => &[],
        }
    }

    /// True when writing this server into a kubeconfig would make one that does not work.
    pub fn is_wrong(&self) -> bool {
        matches!(
            self,
            ServerCheck::NotCovered { .. } | ServerCheck::OtherAuthority
        )
    }

    /// What it means, and what to do; nothing when all is well.
    pub fn problem(&self, server: &ServerToCheck) -> Option<Problem> {
        let url = &server.url;
        let problem = |severity, what: String| Problem::new(severity, Subject::Kubeconfig, what);
        Some(match self {
            ServerCheck::Covered => return None,
            ServerCheck::NotCovered { name, names } => {
                let why = if names.is_empty() {
                    "its certificate does not say for which names it is".to_owned()
                } else {
                    format!("it is for {}", names.join(", "))
                };
                let first = names.iter().find(|name| name.parse::<std::net::IpAddr>().is_err());
                let known = first.map_or("NAME", String::as_str);
                problem(Severity::Critical, format!("the certificate of {url} is not for {name:?}"))
                    .why(why)
                    .next(format!(
                        "on the server add to /etc/rancher/k3s/config.yaml: tls-san: [\"{name}\"], and restart k3s; \
                         or check against a name it has: --tls-server-name {known}"
                    ))
            }
            ServerCheck::OtherAuthority => problem(
                Severity::Critical,
                format!("{url} is another cluster: its certificate is not of the authority in this kubeconfig"),
            )
            .why("another server has this address, the cluster was made anew, or somebody stands between")
            .next("check the address; take a fresh kubeconfig if the cluster was made anew"),
            ServerCheck::Expired => problem(Severity::Warning, format!("the certificate of {url} is over, or the clock here is wrong"))
                .next("restart k3s on the server: it renews its certificates when it starts"),
            ServerCheck::Unknown(why) => problem(Severity::Warning, format!("{url} could not be checked"))
                .why(why.clone())
                .next("the kubeconfig is right if the address is"),
        })
    }
}
