//! A name that something else has: what is there and what would come, in words that tell the two apart.

use super::files::{Files, Found};
use super::names::{display_url, free_name};
use super::source::Incoming;
use super::value::Value;
use super::{Conflict, Kind, base64, certificate};

/// Contexts that use an entry and pass `is_concerned`.
pub(super) fn users_of(
    files: &Files,
    kind: Kind,
    name: &str,
    is_concerned: impl Fn(&Found<'_>) -> bool,
) -> Vec<String> {
    if kind == Kind::Context {
        return Vec::new();
    }
    let uses = |found: &Found<'_>| {
        found
            .item
            .get("context")
            .and_then(|it| it.filled(kind.field()))
            == Some(name)
    };
    let contexts = files
        .entries(Kind::Context)
        .filter(|found| uses(found) && is_concerned(found));
    contexts.map(|found| found.name.to_owned()).collect()
}

pub(super) fn describe(
    files: &Files,
    kind: Kind,
    found: Found<'_>,
    one: &Incoming,
    used_by: Vec<String>,
    is_taken: impl Fn(Kind, &str) -> bool,
) -> Conflict {
    let theirs = found.item.get(kind.field());
    let ours = match kind {
        Kind::Cluster => Some(&one.cluster),
        Kind::User => one.user.as_ref(),
        Kind::Context => Some(&one.context),
    };
    let all = [Kind::Cluster, Kind::User, Kind::Context];
    let kinds: &[Kind] = if one.is_renamed {
        &all
    } else {
        std::slice::from_ref(&kind)
    };
    let authority = files
        .pem(found, Kind::Cluster, "certificate-authority")
        .filter(|_| kind == Kind::Cluster);
    Conflict {
        kind,
        name: found.name.to_owned(),
        theirs: facts(kind, theirs, authority.as_deref()),
        ours: match kind {
            Kind::Context => vec![
                format!("cluster {}", one.names.cluster),
                format!("user {}", one.names.user),
            ],
            _ => facts(kind, ours, one.authority.as_deref()),
        },
        file: found.file.path.clone(),
        free_name: free_name(found.name, |name| {
            kinds.iter().any(|kind| is_taken(*kind, name))
        }),
        used_by,
    }
}

/// What tells two entries apart, without a secret.
fn facts(kind: Kind, body: Option<&Value>, authority: Option<&[u8]>) -> Vec<String> {
    let Some(body) = body else {
        return vec!["nothing".to_owned()];
    };
    let text = |key: &str| body.filled(key);
    let mut facts = Vec::new();
    match kind {
        Kind::Cluster => {
            facts.extend(text("server").map(|server| format!("server {}", display_url(server))));
            facts.push(match authority.map(certificate::first) {
                Some(Some(it)) => format!(
                    "certificate authority {} ({}), until {}",
                    it.subject,
                    it.fingerprint,
                    day(it.ends)
                ),
                Some(None) => "certificate authority: no certificate".to_owned(),
                None if text("certificate-authority").is_some() => {
                    "certificate authority in a file".to_owned()
                }
                None => "no certificate authority".to_owned(),
            });
        }
        Kind::User => {
            let pem = text("client-certificate-data").and_then(base64);
            match pem.as_deref().map(certificate::first) {
                Some(Some(it)) => facts.push(format!(
                    "client certificate {} ({}), until {}",
                    it.subject,
                    it.fingerprint,
                    day(it.ends)
                )),
                Some(None) => facts.push("client certificate: no certificate".to_owned()),
                None => {}
            }
            for (key, word) in [
                ("client-certificate", "client certificate in a file"),
                ("token", "a token"),
                ("tokenFile", "a token in a file"),
                ("username", "a user name and password"),
            ] {
                facts.extend(text(key).map(|_| word.to_owned()));
            }
            let plugin = body.get("exec").and_then(|exec| exec.filled("command"));
            facts.extend(plugin.map(|command| format!("the plugin {command}")));
        }
        Kind::Context => {
            for key in ["cluster", "user", "namespace"] {
                facts.extend(text(key).map(|value| format!("{key} {value}")));
            }
        }
    }
    if facts.is_empty() {
        facts.push("nothing".to_owned());
    }
    facts
}

fn day(stamp: jiff::Timestamp) -> String {
    stamp.to_string().chars().take(10).collect()
}
