//! Proving who we are, in OpenSSH's order: public keys (those of the agent that are configured, the agent's others, the
//! ones on disk), keyboard-interactive, password; again from the start when the server wants more than one.
//!
//! A key on disk is decrypted, and its passphrase asked for, only after the server has said that it would take it.

mod asked;
mod signers;

use std::future::Future;
use std::time::Duration;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet};
use tokio::time::timeout;

use super::Error;
use super::agent::{self, ByKey};
use super::asking::Asker;
use super::handler::{Handler, RSA_HASH, Told};
use super::identities::{Identity, identities};
use super::keys::KeyRing;
use crate::rack::secret::Secret;
use crate::rack::ssh::resolved::{Method, Resolved};
use signers::{Asked, Probe, WithKey};

/// One step of a login; a slow board checks a password in a second or two.
const STEP: Duration = Duration::from_secs(20);
/// A step of the network that must not take for ever; `None` when it did.
pub(super) async fn within<T>(step: impl Future<Output = T>) -> Option<T> {
    timeout(STEP, step).await.ok()
}

/// What a login needs and may change.
pub(super) struct Login<'a> {
    pub(super) handle: &'a mut Handle<Handler>,
    pub(super) resolved: &'a Resolved,
    pub(super) keys: &'a KeyRing,
    pub(super) asker: &'a Asker,
    pub(super) told: &'a Told,
    /// The password that was right the last time; kept up to date.
    pub(super) password: &'a mut Option<Secret>,
}

/// What the server said to one try.
enum Said {
    Welcome,
    /// Something was right, and it wants more.
    More(MethodSet),
    No(MethodSet),
    /// Nothing: the key could not be used here. The next one may do.
    Nothing,
}

/// Why a method ended without a welcome.
enum Failure {
    /// The connection is of no use any more.
    Fatal(Error),
    /// This way is exhausted.
    Next,
}

impl Login<'_> {
    pub(super) async fn run(mut self) -> Result<(), Error> {
        let user = self.resolved.user.clone();
        let none = self.handle.authenticate_none(user);
        let result = within(none)
            .await
            .ok_or_else(|| self.timed_out())?
            .map_err(|error| self.lost(&error))?;
        let mut allowed = match self.said(result)? {
            Said::Welcome => return Ok(()),
            Said::More(methods) | Said::No(methods) => methods,
            Said::Nothing => MethodSet::empty(),
        };
        let mut tried = Vec::new();
        let mut identities = self.identities(&mut tried).await.into_iter();
        let mut spent = Vec::new();
        while let Some(method) = self.next_method(&allowed, &spent) {
            let said = match method {
                Method::PublicKey => match identities.next() {
                    Some(identity) => self.public_key(&identity, &mut tried).await,
                    None => Err(Failure::Next),
                },
                Method::KeyboardInteractive => self.interactive(&mut tried).await,
                Method::Password => self.password(&mut tried).await,
            };
            match said {
                Ok(Said::Welcome) => return Ok(()),
                Ok(Said::More(methods)) => {
                    spent.retain(|it| *it != method);
                    allowed = methods;
                }
                Ok(Said::No(methods)) => allowed = methods,
                Ok(Said::Nothing) => {}
                Err(Failure::Next) => spent.push(method),
                Err(Failure::Fatal(error)) => return Err(self.explained(error, tried)),
            }
        }
        if tried.is_empty() {
            let offered: Vec<String> = allowed.iter().map(String::from).collect();
            tried.push(format!("nothing to try: it takes {}", offered.join(", ")));
        }
        Err(self.denied(tried))
    }

    /// The first method in our order that the server takes and that is not exhausted.
    fn next_method(&self, allowed: &MethodSet, spent: &[Method]) -> Option<Method> {
        let kind = |method: Method| match method {
            Method::PublicKey => MethodKind::PublicKey,
            Method::KeyboardInteractive => MethodKind::KeyboardInteractive,
            Method::Password => MethodKind::Password,
        };
        let methods = self.resolved.methods.iter().copied();
        methods
            .filter(|it| !spent.contains(it))
            .find(|it| allowed.contains(&kind(*it)))
    }

    async fn identities(&self, tried: &mut Vec<String>) -> Vec<Identity> {
        if !self.resolved.methods.contains(&Method::PublicKey) {
            return Vec::new();
        }
        let agent = match agent::connect(&self.resolved.agent).await {
            Ok(agent) => agent,
            Err(why) => {
                tried.push(why);
                None
            }
        };
        identities(self.resolved, agent.as_ref())
    }

    async fn public_key(
        &mut self,
        identity: &Identity,
        tried: &mut Vec<String>,
    ) -> Result<Said, Failure> {
        let said = match identity {
            Identity::Agent { held, public, name } => self.by_agent(held, public, name).await,
            Identity::File {
                path,
                public,
                certificate,
            } => {
                let accepted = match public {
                    Some(public) => self.is_accepted(public, certificate.as_ref()).await?,
                    None => Ok(()),
                };
                match accepted {
                    Ok(()) => self.by_file(path, certificate.as_ref()).await,
                    Err(methods) => Ok(Said::No(methods)),
                }
            }
        };
        match said {
            Ok(Said::No(methods)) => {
                tried.push(format!("{}: refused", identity.name()));
                Ok(Said::No(methods))
            }
            Err(KeyFailure::Unusable(why)) => {
                tried.push(format!("{}: {why}", identity.name()));
                Ok(Said::Nothing)
            }
            Err(KeyFailure::Fatal(error)) => Err(Failure::Fatal(error)),
            Ok(said) => Ok(said),
        }
    }

    /// Asks the server whether it would take a key; `Err` holds what it takes instead.
    async fn is_accepted(
        &mut self,
        public: &PublicKey,
        certificate: Option<&Certificate>,
    ) -> Result<Result<(), MethodSet>, Failure> {
        let hash = self.hash_for(&public.algorithm()).await;
        let user = self.resolved.user.clone();
        let mut probe = Probe;
        let asked = match certificate {
            Some(certificate) => {
                let certificate = certificate.clone();
                within(self.handle.authenticate_certificate_with(
                    user,
                    certificate,
                    hash,
                    &mut probe,
                ))
                .await
            }
            None => {
                within(self.handle.authenticate_publickey_with(
                    user,
                    public.clone(),
                    hash,
                    &mut probe,
                ))
                .await
            }
        };
        match asked.ok_or_else(|| Failure::Fatal(self.timed_out()))? {
            Err(Asked::Accepted) => Ok(Ok(())),
            Err(Asked::Gone) => Err(Failure::Fatal(self.gone())),
            Ok(result) => match self.said(result).map_err(Failure::Fatal)? {
                Said::No(methods) | Said::More(methods) => Ok(Err(methods)),
                // No server lets us in for a key without a signature.
                Said::Welcome | Said::Nothing => Err(Failure::Fatal(self.gone())),
            },
        }
    }

    async fn by_agent(
        &mut self,
        held: &AgentIdentity,
        public: &PublicKey,
        name: &str,
    ) -> Result<Said, KeyFailure> {
        let mut keys = match agent::connect(&self.resolved.agent).await {
            Ok(Some(keys)) => keys,
            Ok(None) => return Err(KeyFailure::Unusable("the agent is gone".to_owned())),
            Err(why) => return Err(KeyFailure::Unusable(why)),
        };
        let hash = self.hash_for(&public.algorithm()).await;
        let user = self.resolved.user.clone();
        let mut signer = ByKey {
            keys: &mut keys,
            public: public.clone(),
        };
        // No limit of time: a key in hardware waits to be touched, a careful agent asks first.
        let result = match held {
            AgentIdentity::Certificate { certificate, .. } => {
                let certificate = certificate.clone();
                self.handle
                    .authenticate_certificate_with(user, certificate, hash, &mut signer)
                    .await
            }
            AgentIdentity::PublicKey { key, .. } => {
                self.handle
                    .authenticate_publickey_with(user, key.clone(), hash, &mut signer)
                    .await
            }
        };
        tracing::debug!(key = name, "offered a key of the agent");
        match result {
            Ok(result) => self.said(result).map_err(KeyFailure::Fatal),
            Err(russh::AgentAuthError::Send(_)) => Err(KeyFailure::Fatal(self.gone())),
            Err(russh::AgentAuthError::Key(_)) => {
                Err(KeyFailure::Unusable("the agent did not sign".to_owned()))
            }
        }
    }

    async fn by_file(
        &mut self,
        path: &std::path::Path,
        certificate: Option<&Certificate>,
    ) -> Result<Said, KeyFailure> {
        let key = self
            .keys
            .load(path, self.asker)
            .await
            .map_err(KeyFailure::Unusable)?;
        let hash = self.hash_for(&key.algorithm()).await;
        let user = self.resolved.user.clone();
        let result = if let Some(certificate) = certificate {
            // The engine's own way signs RSA certificates with SHA-1, which no server of today takes.
            let mut signer = WithKey(key);
            let certificate = certificate.clone();
            let offered =
                self.handle
                    .authenticate_certificate_with(user, certificate, hash, &mut signer);
            within(offered)
                .await
                .map(|result| result.map_err(|_| russh::Error::HUP))
        } else {
            let key = PrivateKeyWithHashAlg::new(key, hash);
            within(self.handle.authenticate_publickey(user, key)).await
        };
        let result = result.ok_or_else(|| KeyFailure::Fatal(self.timed_out()))?;
        let result = result.map_err(|error| KeyFailure::Fatal(self.lost(&error)))?;
        self.said(result).map_err(KeyFailure::Fatal)
    }

    /// RSA keys must not sign with SHA-1, which is what no hash means.
    async fn hash_for(&self, algorithm: &Algorithm) -> Option<HashAlg> {
        if !algorithm.clone().is_rsa() {
            return None;
        }
        let best = self.handle.best_supported_rsa_hash().await.ok().flatten();
        Some(best.flatten().unwrap_or(RSA_HASH))
    }

    /// An empty list of methods is how the engine says that the connection has ended.
    fn said(&self, result: AuthResult) -> Result<Said, Error> {
        match result {
            AuthResult::Success => Ok(Said::Welcome),
            AuthResult::Failure {
                remaining_methods, ..
            } if remaining_methods.is_empty() => Err(self.gone()),
            AuthResult::Failure {
                remaining_methods,
                partial_success: true,
            } => Ok(Said::More(remaining_methods)),
            AuthResult::Failure {
                remaining_methods, ..
            } => Ok(Said::No(remaining_methods)),
        }
    }

    /// A server that hangs up after keys it did not like has refused us, whatever it says.
    fn explained(&self, error: Error, mut tried: Vec<String>) -> Error {
        match error {
            Error::Lost { why, .. } if why.contains("authentication failures") => {
                tried.push(why);
                self.denied(tried)
            }
            error => error,
        }
    }

    fn denied(&self, tried: Vec<String>) -> Error {
        Error::Denied {
            at: self.at(),
            user: self.resolved.user.clone(),
            tried,
        }
    }

    fn at(&self) -> String {
        self.resolved.destination.to_string()
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut {
            at: self.at(),
            doing: "logging in",
            after: STEP,
        }
    }

    fn lost(&self, error: &russh::Error) -> Error {
        Error::Lost {
            at: self.at(),
            why: self
                .told
                .goodbye()
                .unwrap_or_else(|| super::handler::plain(error)),
        }
    }

    fn gone(&self) -> Error {
        self.lost(&russh::Error::HUP)
    }
}

/// Why a key did not lead to an answer of the server.
enum KeyFailure {
    Unusable(String),
    Fatal(Error),
}
