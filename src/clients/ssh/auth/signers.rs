//! Two that are asked to sign: one that only wants to know that it would be, and one with a key in our memory.

use std::sync::Arc;

use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey, ssh_key};

/// Signs nothing: being asked to sign is the answer we want.
pub(super) struct Probe;

pub(super) enum Asked {
    Accepted,
    Gone,
}

impl From<russh::SendError> for Asked {
    fn from(_: russh::SendError) -> Self {
        Asked::Gone
    }
}

/// Signs with a key in our memory.
pub(super) struct WithKey(pub(super) Arc<PrivateKey>);

impl Signer for WithKey {
    type Error = russh::AgentAuthError;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, russh::AgentAuthError> {
        let signed = match self.0.key_data() {
            KeypairData::Rsa(rsa) => (rsa, hash).try_sign(&to_sign),
            keypair => keypair.try_sign(&to_sign),
        };
        let signature = signed
            .map_err(ssh_key::Error::from)
            .map_err(russh::keys::Error::from)?;
        // The engine sends what was to be signed with the signature behind it.
        signature
            .encode_prefixed(&mut to_sign)
            .map_err(russh::keys::Error::from)?;
        Ok(to_sign)
    }
}

impl Signer for Probe {
    type Error = Asked;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        _hash: Option<HashAlg>,
        _to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Asked> {
        Err(Asked::Accepted)
    }
}
