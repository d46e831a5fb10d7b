//! Why a request never got an answer: the chain of errors below HTTP, read down to the one thing a person can act on.

use std::error::Error as StdError;
use std::io;

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// What went wrong between us and the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    Refused,
    /// The connection could not be made, or nothing came for this many seconds.
    Silent(u64),
    UnknownHost,
    NoRoute,
    /// The other side closed the connection.
    Closed,
    /// The certificate is signed by an authority the kubeconfig does not name.
    UnknownIssuer,
    /// The certificate is for these names and not for the one we used.
    WrongName(Vec<String>),
    /// The server's certificate has ended, or does not hold yet by our clock.
    ServerExpired(Option<Timestamp>),
    ServerNotYet(Option<Timestamp>),
    /// The server does not take our client certificate; its word for it.
    ClientRefused(String),
    /// We spoke TLS, the server does not.
    NotTls,
    /// We spoke plain HTTP, the server wants TLS.
    WantsTls,
    /// The certificate cannot be used for another reason.
    BadCertificate(String),
    Other(String),
}

impl Cause {
    /// Reads the chain of `error`.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Self {
        if let Some(tls) = find(error, &|it| it.downcast_ref::<rustls::Error>()) {
            return of_tls(tls);
        }
        if any(error, &|it| it.to_string() == "dns error") {
            return Cause::UnknownHost;
        }
        if let Some(io) = find(error, &|it| it.downcast_ref::<io::Error>())
            && let Some(cause) = of_io(io.kind())
        {
            return cause;
        }
        if let Some(http) = find(error, &|it| it.downcast_ref::<hyper::Error>()) {
            return of_http(http);
        }
        Cause::Other(last(error))
    }
}

fn of_io(kind: io::ErrorKind) -> Option<Cause> {
    use io::ErrorKind as Kind;
    Some(match kind {
        Kind::ConnectionRefused => Cause::Refused,
        Kind::TimedOut => Cause::Silent(5),
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => Cause::NoRoute,
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::NotConnected
        | Kind::UnexpectedEof => Cause::Closed,
        _ => return None,
    })
}

fn of_http(error: &hyper::Error) -> Cause {
    if error.is_parse() || error.is_parse_status() {
        // A TLS server answers plain HTTP with an alert, which is no HTTP.
        Cause::WantsTls
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Cause::Closed
    } else if error.is_timeout() {
        Cause::Silent(5)
    } else {
        Cause::Other(last(error))
    }
}

fn of_tls(error: &rustls::Error) -> Cause {
    use CertificateError as Bad;
    match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Cause::NotTls,
        rustls::Error::AlertReceived(alert) => of_alert(*alert),
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature => Cause::UnknownIssuer,
            Bad::NotValidForName => Cause::WrongName(Vec::new()),
            Bad::NotValidForNameContext { presented, .. } => {
                Cause::WrongName(presented.iter().map(|name| plain_name(name)).collect())
            }
            Bad::Expired => Cause::ServerExpired(None),
            Bad::ExpiredContext { not_after, .. } => Cause::ServerExpired(stamp(*not_after)),
            Bad::NotValidYet => Cause::ServerNotYet(None),
            Bad::NotValidYetContext { not_before, .. } => Cause::ServerNotYet(stamp(*not_before)),
            other => Cause::BadCertificate(other.to_string()),
        },
        other => Cause::Other(other.to_string()),
    }
}

fn of_alert(alert: AlertDescription) -> Cause {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired
        | Alert::NoCertificate
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => Cause::ClientRefused(format!("{alert:?}")),
        other => Cause::Other(format!("the server ended the TLS handshake with {other:?}")),
    }
}

/// `DnsName("a")` and `IpAddress(1.2.3.4)`, as rustls writes names, without their wrapping.
fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').map_or(name, |(_, rest)| rest);
    inner.trim_end_matches(')').trim_matches('"').to_owned()
}

fn stamp(time: rustls::pki_types::UnixTime) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(time.as_secs()).ok()?).ok()
}

/// Walks down the chain. `source()` of an `io::Error` skips the error it wraps, so that one is visited as well.
fn find<'a, T>(
    error: &'a (dyn StdError + 'static),
    pick: &dyn Fn(&'a (dyn StdError + 'static)) -> Option<&'a T>,
) -> Option<&'a T> {
    if let Some(found) = pick(error) {
        // The deepest io::Error says more than one that wraps it.
        let deeper = inner(error).or_else(|| error.source());
        return deeper.and_then(|deeper| find(deeper, pick)).or(Some(found));
    }
    if let Some(wrapped) = inner(error)
        && let Some(found) = find(wrapped, pick)
    {
        return Some(found);
    }
    error.source().and_then(|source| find(source, pick))
}

fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>()?.get_ref()?;
    Some(wrapped)
}

fn any(error: &(dyn StdError + 'static), test: &dyn Fn(&(dyn StdError + 'static)) -> bool) -> bool {
    test(error) || error.source().is_some_and(|source| any(source, test))
}

/// The deepest message, which is the plainest.
fn last(error: &(dyn StdError + 'static)) -> String {
    match error.source() {
        Some(source) => last(source),
        None => error.to_string(),
    }
}
