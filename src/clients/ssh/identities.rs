//! Which keys are offered, and in which order: configured keys that the agent holds, the agent's other keys (unless
//! `IdentitiesOnly`), configured keys on disk. A certificate follows its key.

use std::fs;
use std::path::PathBuf;

use russh::keys::agent::AgentIdentity;
use russh::keys::{Certificate, PublicKey};

use super::agent::Keys;
use super::keys::{self, KeyFile};
use crate::rack::ssh::resolved::Resolved;

/// sshd hangs up at the sixth refused key (`MaxAuthTries`); the last try is left for a password.
const MOST: usize = 5;

/// A key that can be offered.
pub(super) enum Identity {
    Agent {
        /// What is offered: a key, or a certificate for it.
        held: AgentIdentity,
        /// The key the agent signs with.
        public: PublicKey,
        name: String,
    },
    File {
        path: PathBuf,
        public: Option<PublicKey>,
        certificate: Option<Certificate>,
    },
}

impl Identity {
    /// For people: a comment of the agent or the file.
    pub(super) fn name(&self) -> String {
        match self {
            Identity::Agent { name, .. } => name.clone(),
            Identity::File {
                path, certificate, ..
            } if certificate.is_some() => {
                format!("certificate of key {}", path.display())
            }
            Identity::File { path, .. } => format!("key {}", path.display()),
        }
    }
}

pub(super) fn identities(resolved: &Resolved, agent: Option<&Keys>) -> Vec<Identity> {
    let held = agent.map_or(&[][..], |keys| keys.identities.as_slice());
    let mut preferred = Vec::new();
    let mut on_disk = Vec::new();
    let mut configured = Vec::new();
    let files: Vec<KeyFile> = resolved
        .identity_files
        .iter()
        .filter_map(|path| keys::look_at(path))
        .collect();
    let certificates = resolved.certificate_files.iter().filter_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        Certificate::from_openssh(text.trim()).ok()
    });
    let certificates: Vec<Certificate> = certificates.collect();
    for file in &files {
        let signs = file.public.as_ref().and_then(|public| find(held, public));
        configured.extend(file.public.clone());
        let mine = |it: &&Certificate| {
            file.public
                .as_ref()
                .is_some_and(|key| it.public_key() == key.key_data())
        };
        let certificates = file
            .certificate
            .iter()
            .chain(certificates.iter().filter(mine));
        if let (Some(found), Some(public)) = (signs, &file.public) {
            preferred.push(by_agent(
                found.clone(),
                public,
                &file.path.display().to_string(),
            ));
            preferred.extend(certificates.map(|certificate| {
                let held = AgentIdentity::from(certificate.clone());
                by_agent(
                    held,
                    public,
                    &format!("certificate of {}", file.path.display()),
                )
            }));
        } else {
            on_disk.push(by_file(file, None));
            on_disk
                .extend(certificates.map(|certificate| by_file(file, Some(certificate.clone()))));
        }
    }
    if !resolved.identities_only {
        let others = held.iter().filter(|it| {
            let is_plain = matches!(it, AgentIdentity::PublicKey { .. });
            !(is_plain
                && configured
                    .iter()
                    .any(|key| key.key_data() == it.public_key().key_data()))
        });
        preferred.extend(others.map(|it| by_agent(it.clone(), &it.public_key(), it.comment())));
    }
    preferred.extend(on_disk);
    preferred.truncate(MOST);
    preferred
}

/// The plain key of the agent with this public half.
fn find<'a>(held: &'a [AgentIdentity], public: &PublicKey) -> Option<&'a AgentIdentity> {
    held.iter().find(|it| match it {
        AgentIdentity::PublicKey { key, .. } => key.key_data() == public.key_data(),
        AgentIdentity::Certificate { .. } => false,
    })
}

fn by_agent(held: AgentIdentity, public: &PublicKey, name: &str) -> Identity {
    Identity::Agent {
        held,
        public: public.clone(),
        name: format!("key {name} of the agent"),
    }
}

fn by_file(file: &KeyFile, certificate: Option<Certificate>) -> Identity {
    Identity::File {
        path: file.path.clone(),
        public: file.public.clone(),
        certificate,
    }
}
