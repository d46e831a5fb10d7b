//! A kubeconfig's text with everything secret taken out, so that it can be looked at.
//!
//! Known keys that hold no secret are shown; everything else is `***`, also what nobody knows. Certificates are public
//! but long: they are shown as what they are. Invariant: no byte of a masked value is in the result, and two different
//! values under one `***` are told apart only by `(old)` and `(new)`.

use std::collections::HashSet;
use std::ops::Range;

use super::file::File;
use super::names::display_url;
use super::yaml::{NodeId, Shape, Tree};
use super::{base64, certificate};

/// One thing to take out: where it stands, and what to say instead.
struct Masked {
    span: Range<usize>,
    instead: Instead,
}

enum Instead {
    Secret(String),
    Words(String),
}

/// Both texts of a change, masked.
pub(super) fn both(before: &File, after: &File) -> (String, String) {
    let (old, new) = (find(before), find(after));
    (
        text(before, &old, &secrets(&new), "*** (old)"),
        text(after, &new, &secrets(&old), "*** (new)"),
    )
}

fn secrets(masked: &[Masked]) -> HashSet<&str> {
    let secrets = masked.iter().filter_map(|it| match &it.instead {
        Instead::Secret(secret) => Some(secret.as_str()),
        Instead::Words(_) => None,
    });
    secrets.collect()
}

fn text(file: &File, masked: &[Masked], other: &HashSet<&str>, changed: &str) -> String {
    let body = file.body();
    let mut out = String::with_capacity(body.len());
    let mut at = 0;
    for it in masked {
        // A span inside the one before is gone already.
        let Some(between) = body.get(at..it.span.start) else {
            continue;
        };
        out.push_str(between);
        out.push_str(match &it.instead {
            Instead::Words(words) => words,
            Instead::Secret(secret) if other.contains(secret.as_str()) => "***",
            Instead::Secret(_) => changed,
        });
        at = it.span.end;
    }
    out.push_str(body.get(at..).unwrap_or_default());
    out
}

/// Everything to be masked, in the order of the text.
fn find(file: &File) -> Vec<Masked> {
    let tree = file.tree();
    let mut masked = Vec::new();
    if let Some(root) = tree.root() {
        walk(tree, root, &mut Vec::new(), &mut masked);
    }
    for comment in &tree.comments {
        let words = file.body().get(comment.clone()).unwrap_or_default();
        if looks_secret(words) {
            masked.push(Masked {
                span: comment.clone(),
                instead: Instead::Words("# ***".to_owned()),
            });
        }
    }
    // What follows the first document is not ours to show.
    if file.has_more_documents()
        && let Some(end) = tree.root().map(|root| tree.node(root).span.end)
    {
        let end = super::entry::line_end(file.body(), end);
        masked.retain(|it| it.span.start < end);
        masked.push(Masked {
            span: end..file.body().len(),
            instead: Instead::Words("\n# (more documents)\n".to_owned()),
        });
    }
    masked.sort_by_key(|it| it.span.start);
    masked
}

/// A comment may be an entry that somebody switched off.
fn looks_secret(comment: &str) -> bool {
    comment.contains(':') || comment.split_whitespace().any(|word| word.len() >= 16)
}

/// `path` holds the keys down to here; items of lists are `-`.
fn walk<'a>(tree: &'a Tree, id: NodeId, path: &mut Vec<&'a str>, masked: &mut Vec<Masked>) {
    let node = tree.node(id);
    match &node.shape {
        Shape::Map { pairs, .. } => {
            for (key, value) in pairs {
                path.push(tree.text(*key).unwrap_or_default());
                walk(tree, *value, path, masked);
                path.pop();
            }
        }
        Shape::List { items, .. } => {
            for item in items {
                path.push("-");
                walk(tree, *item, path, masked);
                path.pop();
            }
        }
        Shape::Scalar { text, .. } => {
            if let Some(instead) = instead(path, text) {
                masked.push(Masked {
                    span: node.span.clone(),
                    instead,
                });
            }
        }
        Shape::Alias(_) => {}
    }
}

/// What to say instead of a value; `None` shows it.
#[rustfmt::skip]
fn instead(path: &[&str], value: &str) -> Option<Instead> {
    match path {
        _ if value.is_empty() => None,
        ["apiVersion" | "kind" | "current-context"]
        | ["clusters" | "contexts" | "users", "-", "name"]
        | ["clusters", "-", "cluster", "tls-server-name" | "certificate-authority" | "insecure-skip-tls-verify" | "disable-compression"]
        | ["contexts", "-", "context", "cluster" | "user" | "namespace"]
        | ["users", "-", "user", "client-certificate" | "client-key" | "tokenFile" | "username" | "as" | "as-uid"]
        | ["users", "-", "user", "exec", "apiVersion" | "command" | "interactiveMode" | "provideClusterInfo"]
        | ["users", "-", "user", "exec", "env", "-", "name"]
        | ["users", "-", "user", "auth-provider", "name"] => None,
        ["clusters", "-", "cluster", "server" | "proxy-url"] => {
            let shown = display_url(value);
            (shown != value).then_some(Instead::Words(shown))
        }
        [.., "certificate-authority-data" | "client-certificate-data"] => {
            let certificate = base64(value).and_then(|pem| certificate::first(&pem));
            Some(match certificate {
                Some(it) => Instead::Words(format!("(certificate {} until {})", it.fingerprint, it.ends)),
                None => Instead::Secret(value.to_owned()),
            })
        }
        _ => Some(Instead::Secret(value.to_owned())),
    }
}
