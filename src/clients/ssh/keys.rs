//! Private keys of this machine: found as OpenSSH finds them, decrypted once, held in memory that is wiped.
//!
//! Decrypting is slow on purpose and runs on the runtime's blocking pool. Boards that are connected at once and need
//! the same key wait for one question.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::{Certificate, PrivateKey, PublicKey, decode_secret_key};
use zeroize::Zeroizing;

use super::asking::Asker;
use crate::rack::secret::Secret;
use crate::rack::ssh::Question;

/// Wrong passphrases before a key is left alone, as in OpenSSH.
const TRIES: usize = 3;

/// The keys that were decrypted, and those whose passphrase nobody wanted to give.
#[derive(Default)]
pub(super) struct KeyRing {
    slots: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    key: Option<Arc<PrivateKey>>,
    is_declined: bool,
}

/// A key on disk, as far as it is known without its passphrase.
#[derive(Clone)]
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    /// `None` for formats that hide it and have no `.pub` beside them.
    pub(super) public: Option<PublicKey>,
    /// `KEY-cert.pub`.
    pub(super) certificate: Option<Certificate>,
}

/// Looks at a configured key; `None` when neither it nor its public half is there.
pub(super) fn look_at(path: &str) -> Option<KeyFile> {
    let path = PathBuf::from(path);
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        fs::read_to_string(PathBuf::from(name)).ok()
    };
    let public = beside(".pub").and_then(|text| PublicKey::from_openssh(text.trim()).ok());
    let private = fs::read_to_string(&path).ok().map(Zeroizing::new);
    let public = public.or_else(|| {
        let text = private.as_ref()?;
        // The file may be a public key itself: its private half is in the agent.
        let inside = PrivateKey::from_openssh(text.as_bytes())
            .ok()
            .map(|key| key.public_key().clone());
        inside.or_else(|| PublicKey::from_openssh(text.trim()).ok())
    });
    if public.is_none() && private.is_none() {
        return None;
    }
    let certificate =
        beside("-cert.pub").and_then(|text| Certificate::from_openssh(text.trim()).ok());
    Some(KeyFile {
        path,
        public,
        certificate,
    })
}

impl KeyRing {
    /// The private key of a file. The error says in words why it cannot be used.
    pub(super) async fn load(&self, path: &Path, asker: &Asker) -> Result<Arc<PrivateKey>, String> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(path.to_owned()).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some(key) = &slot.key {
            return Ok(Arc::clone(key));
        }
        if slot.is_declined {
            return Err("its passphrase was not given".to_owned());
        }
        let text = read_private(path)?;
        if !is_encrypted(&text) {
            let key = decode(text, None)
                .await
                .map_err(|()| "it cannot be read".to_owned())?;
            return Ok(Arc::clone(slot.key.insert(Arc::new(key))));
        }
        for again in [false, true, true].into_iter().take(TRIES) {
            let question = Question::Passphrase {
                file: path.display().to_string(),
                again,
            };
            let Some(passphrase) = asker.secret(question).await else {
                slot.is_declined = true;
                return Err("its passphrase was not given".to_owned());
            };
            if let Ok(key) = decode(text.clone(), Some(passphrase)).await {
                return Ok(Arc::clone(slot.key.insert(Arc::new(key))));
            }
        }
        slot.is_declined = true;
        Err("the passphrase was wrong".to_owned())
    }

    /// Keys whose passphrase was not given may be asked about again.
    pub(super) fn ask_again(&self) {
        self.retain(|slot| !slot.is_declined);
    }

    /// Forgets every key.
    pub(super) fn clear(&self) {
        self.retain(|_| false);
    }

    /// A slot that is in use at this moment stays.
    fn retain(&self, keep: impl Fn(&Slot) -> bool) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| slot.try_lock().map_or(true, |slot| keep(&slot)));
    }
}

/// The text of a private key, unless others may read it: OpenSSH ignores such a key, and so do we.
fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    let meta = fs::metadata(path).map_err(|_| "the private key is not there".to_owned())?;
    let is_ours = meta.uid() == rustix::process::getuid().as_raw();
    if is_ours && meta.mode() & 0o077 != 0 {
        return Err(format!(
            "others may read it (mode {:04o}); chmod 600 it",
            meta.mode() & 0o7777
        ));
    }
    let text = fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    Ok(Zeroizing::new(text))
}

fn is_encrypted(text: &str) -> bool {
    match PrivateKey::from_openssh(text.as_bytes()) {
        Ok(key) => key.is_encrypted(),
        Err(_) => text.contains("ENCRYPTED"),
    }
}

/// Errors are all alike here: a wrong passphrase shows in many of them.
async fn decode(text: Zeroizing<String>, passphrase: Option<Secret>) -> Result<PrivateKey, ()> {
    let work = move || decode_secret_key(&text, passphrase.as_ref().map(Secret::expose));
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ())?
        .map_err(|_| ())
}
