//! The ssh-agent: which keys it holds, and signing with them.

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PublicKey};
use russh::{AgentAuthError, Signer};

use super::auth::within;
use crate::rack::ssh::resolved::Agent;

type Client = AgentClient<tokio::net::UnixStream>;

/// An agent that answered.
pub(super) struct Keys {
    client: Client,
    pub(super) identities: Vec<AgentIdentity>,
}

/// Asks the configured agent for its keys. No agent, or one that does not answer, is no error: keys on disk may do.
pub(super) async fn connect(agent: &Agent) -> Result<Option<Keys>, String> {
    let socket = match agent {
        Agent::None => return Ok(None),
        Agent::Socket(path) => path.clone(),
        Agent::Environment => match std::env::var("SSH_AUTH_SOCK") {
            Ok(path) if !path.is_empty() => path,
            Ok(_) | Err(_) => return Ok(None),
        },
    };
    let ask = async {
        let mut client = AgentClient::connect_uds(&socket).await?;
        let identities = client.request_identities().await?;
        Ok::<_, russh::keys::Error>(Keys { client, identities })
    };
    match within(ask).await {
        Some(Ok(keys)) => Ok(Some(keys)),
        Some(Err(error)) => Err(format!("agent {socket}: {error}")),
        None => Err(format!("agent {socket}: no answer")),
    }
}

/// Signs with a plain key of the agent, also for a certificate that only we hold.
pub(super) struct ByKey<'a> {
    pub(super) keys: &'a mut Keys,
    pub(super) public: PublicKey,
}

impl Signer for ByKey<'_> {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        asked: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, AgentAuthError> {
        // A certificate the agent holds itself is signed for under its own name.
        let is_held = self.keys.identities.iter().any(|held| match (held, asked) {
            (
                AgentIdentity::Certificate { certificate: a, .. },
                AgentIdentity::Certificate { certificate: b, .. },
            ) => a == b,
            _ => false,
        });
        let identity = if is_held {
            asked.clone()
        } else {
            AgentIdentity::from(self.public.clone())
        };
        Ok(self
            .keys
            .client
            .sign_request(&identity, hash, to_sign)
            .await?)
    }
}
