//! Encryption of backups with age: for the holders of keys, or with a passphrase. `age -d` opens them without us.
//!
//! Invariant: who encrypts for other people's keys cannot open the file later, but must prove it now; so a key that lives
//! for this one run only is among the recipients, and forgotten when the file has been opened.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use bytes::Bytes;
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;

use super::{Progress, problem, store};
use crate::rack::problem::Problem;
use crate::rack::secret::Secret;

/// Whom a backup is encrypted for.
#[derive(Debug, Clone)]
pub enum Lock {
    Passphrase(Secret),
    /// `age1…`.
    Recipients(Vec<Recipient>),
}

/// What opens a backup.
#[derive(Clone)]
pub enum Key {
    Passphrase(Secret),
    Identities(Vec<Identity>),
}

impl Lock {
    /// Reads recipients, as they are given or a line each in a file.
    pub fn for_recipients<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Lock, Box<Problem>> {
        let mut recipients = Vec::new();
        for text in texts {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let recipient = text.parse().map_err(|why: &str| {
                // What begins otherwise may be a secret key, given by mistake.
                let shown = if text.starts_with("age1") {
                    text
                } else {
                    "what was given"
                };
                problem(format!("{shown} is no recipient of age"))
                    .why(why)
                    .next("give what age-keygen prints as the public key: age1...")
            })?;
            recipients.push(recipient);
        }
        if recipients.is_empty() {
            let problem = problem("there is no recipient to encrypt for".to_owned());
            return Err(problem.next("give one: --recipient age1...").into());
        }
        Ok(Lock::Recipients(recipients))
    }
}

impl Key {
    /// Reads the file that `age-keygen` writes.
    pub fn from_file(path: &Path) -> Result<Key, Box<Problem>> {
        let unusable = |why: String| {
            let problem = problem(format!("{} holds no usable key of age", path.display()));
            Box::new(problem.why(why).next("give the file that age-keygen wrote"))
        };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        let text = zeroize::Zeroizing::new(text);
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        // The reason may hold the line, which is a secret.
        let identities = lines.map(|line| {
            line.parse()
                .map_err(|_| unusable("a line of it is no key".to_owned()))
        });
        let identities = identities.collect::<Result<Vec<Identity>, _>>()?;
        if identities.is_empty() {
            return Err(unusable("it is empty".to_owned()));
        }
        Ok(Key::Identities(identities))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What was written.
pub(super) struct Sealed {
    pub(super) content_size: u64,
    pub(super) content_sum: String,
}

/// An encryption that is about to begin.
pub(super) struct Sealing {
    encryptor: Encryptor,
    pub(super) recipients: Vec<String>,
}

impl Sealing {
    /// With the key that opens what it will write.
    pub(super) fn new(lock: Lock) -> Result<(Sealing, Key), Box<Problem>> {
        match lock {
            Lock::Passphrase(passphrase) => {
                let sealing = Sealing {
                    encryptor: Encryptor::with_user_passphrase(secret(&passphrase)),
                    recipients: Vec::new(),
                };
                Ok((sealing, Key::Passphrase(passphrase)))
            }
            Lock::Recipients(recipients) => {
                let own = Identity::generate();
                let names = recipients.iter().map(ToString::to_string).collect();
                let all: Vec<Recipient> = recipients.into_iter().chain([own.to_public()]).collect();
                let encryptor = Encryptor::with_recipients(all.iter().map(|it| it as _));
                let encryptor = encryptor.map_err(|error| {
                    problem("nothing can be encrypted for these recipients".to_owned())
                        .why(error.to_string())
                })?;
                let sealing = Sealing {
                    encryptor,
                    recipients: names,
                };
                Ok((sealing, Key::Identities(vec![own])))
            }
        }
    }

    /// Writes what comes until no more comes. Blocking.
    pub(super) fn write(
        self,
        file: File,
        mut pieces: mpsc::Receiver<Bytes>,
        progress: &Progress,
    ) -> Result<Sealed, Box<Problem>> {
        let mut hash = Context::new(&SHA256);
        let mut size = 0;
        let write = || -> io::Result<()> {
            let file = BufWriter::with_capacity(1 << 18, file);
            let mut sealed = self.encryptor.wrap_output(file)?;
            while let Some(bytes) = pieces.blocking_recv() {
                hash.update(&bytes);
                size += bytes.len() as u64;
                progress.add(bytes.len());
                sealed.write_all(&bytes)?;
            }
            let file = sealed.finish()?.into_inner().map_err(io::Error::from)?;
            file.sync_all()
        };
        write().map_err(|error| store::cannot("write the backup", &error))?;
        Ok(Sealed {
            content_size: size,
            content_sum: hex(hash.finish().as_ref()),
        })
    }
}

/// The plain text of a sealed file.
pub(super) fn unsealed(file: &Path, key: &Key) -> Result<impl io::Read + use<>, Box<Problem>> {
    let name = file.display();
    let opened = File::open(file);
    let opened = opened.map_err(|error| store::cannot(&format!("read {name}"), &error))?;
    let opened = io::BufReader::with_capacity(1 << 18, opened);
    let no_backup = |why: String| {
        let problem = problem(format!("{name} is no backup that could be opened"));
        Box::new(problem.why(why))
    };
    let decryptor =
        Decryptor::new_buffered(opened).map_err(|error| no_backup(error.to_string()))?;
    let wrong = |what: &str, next: &str| {
        let problem = problem(format!("{name} cannot be opened: {what}"));
        Box::new(problem.next(next))
    };
    let result = match key {
        Key::Passphrase(_) if !decryptor.is_scrypt() => {
            return Err(wrong(
                "it is encrypted for keys, not with a passphrase",
                "give the key file of one of its recipients: --identity FILE",
            ));
        }
        Key::Identities(_) if decryptor.is_scrypt() => {
            return Err(wrong(
                "it is encrypted with a passphrase",
                "give no --identity, and type the passphrase",
            ));
        }
        Key::Passphrase(passphrase) => {
            let identity = age::scrypt::Identity::new(secret(passphrase));
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
        }
        Key::Identities(identities) => {
            decryptor.decrypt(identities.iter().map(|it| it as &dyn age::Identity))
        }
    };
    result.map_err(|error| match error {
        age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed => {
            wrong("the passphrase is wrong", "try again with the right one")
        }
        age::DecryptError::NoMatchingKeys => wrong(
            "none of the keys is one it is encrypted for",
            "give the key file of one of its recipients: --identity FILE",
        ),
        other => no_backup(other.to_string()),
    })
}

fn secret(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
