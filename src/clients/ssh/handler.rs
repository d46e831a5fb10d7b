//! What the protocol engine asks us while a connection lives: is this the right host, and why did it end.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use russh::client::{DisconnectReason, Session};
use russh::keys::{Algorithm, Certificate as Shown, HashAlg, PublicKey, PublicKeyOrCertificate};

use crate::rack::ssh::HostKey;
use crate::rack::ssh::known_hosts::{Certificate, KnownHosts, Names, Offered, Verdict};

/// What a connection told us about itself.
#[derive(Debug, Default)]
pub(super) struct Told {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    verdict: Option<Verdict>,
    goodbye: Option<String>,
}

impl Told {
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .verdict
            .clone()
    }

    /// The server's last words, when it had some.
    pub(super) fn goodbye(&self) -> Option<String> {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .goodbye
            .clone()
    }

    fn note(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Judges the host key, at the first exchange and at every later one.
pub(super) struct Handler {
    pub(super) known: KnownHosts,
    pub(super) names: Names,
    /// Whether a key nobody knows is good enough (`accept-new`).
    pub(super) accepts_new: bool,
    /// A new key that was accepted on this connection: a later exchange must show the same.
    pub(super) accepted: Option<HostKey>,
    pub(super) told: Arc<Told>,
}

impl russh::client::Handler for Handler {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let Some(offered) = offered(shown) else {
            return Ok(false);
        };
        let verdict = self
            .known
            .verdict(&self.names, &offered, Timestamp::now().as_second());
        let is_good = match &verdict {
            Verdict::Known(_) => true,
            Verdict::New { key } => match &self.accepted {
                Some(accepted) => accepted == key,
                None if self.accepts_new => {
                    self.accepted = Some(key.clone());
                    true
                }
                None => false,
            },
            Verdict::Changed { .. } | Verdict::Revoked { .. } => false,
        };
        self.told.note(|told| told.verdict = Some(verdict));
        Ok(is_good)
    }

    async fn auth_banner(
        &mut self,
        banner: &str,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        // Nobody reads a banner in a cockpit; the log keeps it, with every control character made visible.
        tracing::debug!(banner = %banner.escape_debug(), "banner");
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        let goodbye = match reason {
            DisconnectReason::ReceivedDisconnect(info) => info.message,
            DisconnectReason::Error(error) => plain(&error),
        };
        self.told.note(|told| told.goodbye = Some(goodbye));
        Ok(())
    }
}

/// An error of the engine in plain words.
pub(super) fn plain(error: &russh::Error) -> String {
    match error {
        russh::Error::KeepaliveTimeout => "it no longer answers".to_owned(),
        russh::Error::HUP | russh::Error::Disconnect => "the other side closed it".to_owned(),
        russh::Error::IO(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the other side closed it".to_owned()
        }
        russh::Error::IO(error) => error.to_string(),
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            format!(
                "no common {kind:?} algorithm; it offers {}",
                theirs.join(", ")
            )
        }
        error => error.to_string(),
    }
}

fn offered(shown: &PublicKeyOrCertificate) -> Option<Offered> {
    match shown {
        PublicKeyOrCertificate::PublicKey { key, .. } => Some(Offered::Key(host_key(key)?)),
        PublicKeyOrCertificate::Certificate(shown) => {
            Some(Offered::Certificate(Box::new(certificate(shown)?)))
        }
    }
}

pub(super) fn host_key(key: &PublicKey) -> Option<HostKey> {
    HostKey::from_blob(&key.to_bytes().ok()?)
}

fn certificate(shown: &Shown) -> Option<Certificate> {
    Some(Certificate {
        key: host_key(&shown.public_key().clone().into())?,
        authority: host_key(&shown.signature_key().clone().into())?,
        is_signed: shown.verify_signature().is_ok() && !is_weak(shown),
        is_for_host: shown.cert_type().is_host(),
        principals: shown.valid_principals().to_vec(),
        valid_after: shown.valid_after(),
        valid_before: shown.valid_before(),
        critical_options: shown.critical_options().keys().cloned().collect(),
    })
}

/// Signed by an authority with SHA-1, which OpenSSH's `CASignatureAlgorithms` does not allow either.
fn is_weak(shown: &Shown) -> bool {
    matches!(
        shown.signature().algorithm(),
        Algorithm::Rsa { hash: None } | Algorithm::Dsa
    )
}

/// The types of host keys to ask for: the known ones first, because a host that is known by its RSA key looks new by
/// another. SHA-1 is not asked for at all.
pub(super) fn preferred(known_types: &[String], has_authority: bool) -> russh::Preferred {
    let is_known = |algorithm: &Algorithm| {
        let name = match algorithm {
            Algorithm::Rsa { .. } => "ssh-rsa",
            other => other.as_str(),
        };
        known_types.iter().any(|known| known == name)
    };
    let all = russh::Preferred::DEFAULT
        .key
        .iter()
        .filter(|it| **it != Algorithm::Rsa { hash: None })
        .cloned();
    let (mut first, rest): (Vec<_>, Vec<_>) = all.partition(is_known);
    first.extend(rest);
    let certificates = if has_authority {
        first.clone()
    } else {
        Vec::new()
    };
    russh::Preferred {
        key: first.into(),
        host_key_certificates: certificates.into(),
        ..russh::Preferred::DEFAULT
    }
}

/// The hash for signatures of an RSA key when the server does not say what it understands.
pub(super) const RSA_HASH: HashAlg = HashAlg::Sha512;
