//! Which keys of an entry a merge brings up to date, and which it leaves to people.

use crate::rack::kubeconfig::entry::KeyEdit;
use crate::rack::kubeconfig::value::Value;

/// All that kubectl sends to prove who somebody is. They are replaced as a whole: a token left beside a new
/// certificate would still count.
pub(super) const CREDENTIALS: [&str; 10] = [
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "username",
    "password",
    "exec",
    "auth-provider",
];

/// What decides whom a cluster entry trusts.
pub(super) const TRUST: [&str; 4] = [
    "certificate-authority",
    "certificate-authority-data",
    "insecure-skip-tls-verify",
    "tls-server-name",
];

/// Sets those of `keys` that `new` has and `old` has otherwise.
pub(super) fn set(old: Option<&Value>, new: &Value, keys: &[&str]) -> Vec<KeyEdit> {
    let differs = |key: &&&str| {
        let value = new.get(key).filter(|it| is_filled(it));
        value.is_some() && value != old.and_then(|old| old.get(key))
    };
    let edit = |key: &&str| {
        Some(KeyEdit::Set {
            path: vec![(*key).to_owned()],
            value: new.get(key)?.clone(),
        })
    };
    keys.iter().filter(differs).filter_map(edit).collect()
}

/// Like [`set`], and takes away those that only `old` has.
pub(super) fn replace(old: Option<&Value>, new: &Value, keys: &[&str]) -> Vec<KeyEdit> {
    let mut edits = set(old, new, keys);
    let is_there =
        |map: Option<&Value>, key: &str| map.and_then(|it| it.get(key)).is_some_and(is_filled);
    let gone = keys
        .iter()
        .filter(|key| is_there(old, key) && !is_there(Some(new), key));
    edits.extend(gone.map(|key| KeyEdit::Unset {
        path: vec![(*key).to_owned()],
    }));
    edits
}

pub(super) fn credential_edits(old: Option<&Value>, new: &Value) -> Vec<KeyEdit> {
    replace(old, new, &CREDENTIALS)
}

pub(super) fn is_filled(value: &Value) -> bool {
    !matches!(value, Value::Null) && value.as_text() != Some("")
}
