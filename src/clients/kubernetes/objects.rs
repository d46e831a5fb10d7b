//! Changes to MetalLB's objects: tried out first, then made one after the other, each at the version it was made for.
//!
//! Not here: which changes. Invariants: nothing is written before the server has taken the dry run of everything that can
//! be tried; a change that is refused ends the row, and what was done until then is told; unknown fields are an error,
//! never dropped.

use std::borrow::Cow;

use http::Method;
use serde_json::{Value, json};

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use crate::rack::draft::{Done, Known, ObjectId};
use crate::rack::pool_text::{Change, Changed, Deed, Form, Live, Refusal, RefusalKind};
use crate::rack::problem::{Problem, Severity, Subject};

/// A kind that is written here.
struct Kind {
    name: &'static str,
    plural: &'static str,
    rule: Rule,
}

const fn kind(name: &'static str, plural: &'static str, group: &'static str) -> Kind {
    let rule = Rule {
        verbs: "get, list, create, patch, delete",
        resource: plural,
        group,
        namespace: None,
    };
    Kind { name, plural, rule }
}

const GROUP: &str = "metallb.io";

static KINDS: [Kind; 7] = [
    kind("IPAddressPool", "ipaddresspools", GROUP),
    kind("L2Advertisement", "l2advertisements", GROUP),
    kind("BGPAdvertisement", "bgpadvertisements", GROUP),
    kind("BGPPeer", "bgppeers", GROUP),
    kind("BFDProfile", "bfdprofiles", GROUP),
    kind("Community", "communities", GROUP),
    kind("ConfigMap", "configmaps", ""),
];

/// How often a change may be overtaken by news of the object's status.
const OVERTAKEN: u32 = 3;

/// What the webhook says about a pool that would have room once the change before it is made.
const OVERLAP: &str = "overlaps with already defined CIDR";

impl Kind {
    fn asking(&'static self) -> Asking {
        Asking {
            rule: &self.rule,
            what: "such object",
        }
    }

    /// `/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools`
    fn path(&self, api_version: &str, namespace: &str) -> String {
        let root = if api_version.contains('/') {
            "/apis/"
        } else {
            "/api/"
        };
        let mut path = format!("{root}{api_version}/namespaces/");
        super::source::push_encoded(&mut path, namespace);
        path.push('/');
        path.push_str(self.plural);
        path
    }
}

fn kind_of(id: &ObjectId) -> Result<&'static Kind, Error> {
    let found = KINDS.iter().find(|kind| kind.name == id.kind);
    found.ok_or_else(|| Error::Missing {
        what: format!("kind {} that is edited here", id.kind),
    })
}

/// Tries everything, then does everything; `live` is read again afterwards in any case.
pub(super) async fn carry_out(connection: &Connection, form: &Form, changes: &[Change]) -> Changed {
    let mut outcome = Changed {
        done: Vec::new(),
        untried: Vec::new(),
        refusal: None,
        live: None,
    };
    match try_out(connection, changes).await {
        Ok(untried) => outcome.untried = untried,
        Err(refusal) => outcome.refusal = Some(refusal),
    }
    if outcome.refusal.is_none() {
        for (index, change) in changes.iter().enumerate() {
            match send(connection, change, false).await {
                Ok(done) => outcome.done.push(done),
                Err(error) => {
                    outcome.refusal = Some(refusal(index, change, &error, false));
                    break;
                }
            }
        }
    }
    outcome.live = read(connection, form).await.ok();
    outcome
}

/// Has the server try every change without doing it. A pool that would only fit after the change before it cannot be
/// tried: that is told, not refused.
async fn try_out(connection: &Connection, changes: &[Change]) -> Result<Vec<String>, Refusal> {
    let mut untried = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let Err(error) = send(connection, change, true).await else {
            continue;
        };
        let has_pools_before = changes
            .iter()
            .take(index)
            .any(|before| before.id.kind == "IPAddressPool");
        match &error {
            Error::Server { message, .. } if message.contains(OVERLAP) && has_pools_before => {
                untried.push(format!(
                    "the server could not try to {}: it fits only after the changes before it",
                    change.sentence()
                ));
            }
            _ => return Err(refusal(index, change, &error, true)),
        }
    }
    Ok(untried)
}

/// One change. Where only the version is another and the object says what it said, it is made at the new version: MetalLB
/// counts addresses in the status of its pools, and that is nobody's edit.
async fn send(connection: &Connection, change: &Change, is_trial: bool) -> Result<Done, Error> {
    let mut change = Cow::Borrowed(change);
    for _ in 0..OVERTAKEN {
        match once(connection, &change, is_trial).await {
            Err(Error::Server { code: 409, message }) => {
                let Some(newer) = at_newer_version(connection, &change).await else {
                    return Err(Error::Server { code: 409, message });
                };
                change = Cow::Owned(newer);
            }
            answer => return answer,
        }
    }
    once(connection, &change, is_trial).await
}

/// The same change at the version the object has now; `None` when it is another object, or says something else, or
/// cannot be read.
async fn at_newer_version(connection: &Connection, change: &Change) -> Option<Change> {
    let mut newer = change.clone();
    let (before, uid, version) = match &mut newer.deed {
        Deed::Create(_) => return None,
        Deed::Patch {
            before,
            uid,
            version,
            ..
        }
        | Deed::Delete {
            before,
            uid,
            version,
        } => (before, uid, version),
    };
    let kind = kind_of(&change.id).ok()?;
    let mut path = kind.path(&change.id.api_version, &change.id.namespace);
    push_name(&mut path, &change.id.name);
    let body = connection.get(&path, kind.asking()).await.ok()?;
    let now = known(&change.id, &body).ok()?;
    if now.uid != *uid || now.value != *before || now.version == *version {
        return None;
    }
    *version = now.version;
    Some(newer)
}

async fn once(connection: &Connection, change: &Change, is_trial: bool) -> Result<Done, Error> {
    let kind = kind_of(&change.id)?;
    let mut path = kind.path(&change.id.api_version, &change.id.namespace);
    let trial = if is_trial { "&dryRun=All" } else { "" };
    let checks = format!("?fieldManager=bramble&fieldValidation=Strict{trial}");
    let (before, answer) = match &change.deed {
        Deed::Create(body) => {
            path.push_str(&checks);
            let body = body.to_string().into_bytes();
            let write = connection.write(Method::POST, &path, JSON, body, kind.asking());
            (None, Some(write.await?))
        }
        Deed::Patch {
            patch,
            before,
            uid,
            version,
        } => {
            push_name(&mut path, &change.id.name);
            path.push_str(&checks);
            let mut body = patch.clone();
            body["metadata"]["uid"] = json!(uid);
            body["metadata"]["resourceVersion"] = json!(version);
            let write = connection.patch(&path, body.to_string().into_bytes(), kind.asking());
            (Some(before.clone()), Some(write.await?))
        }
        Deed::Delete {
            before,
            uid,
            version,
        } => {
            push_name(&mut path, &change.id.name);
            if is_trial {
                path.push_str("?dryRun=All");
            }
            let body = json!({
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": { "uid": uid, "resourceVersion": version },
            });
            let body = body.to_string().into_bytes();
            let write = connection.write(Method::DELETE, &path, JSON, body, kind.asking());
            write.await?;
            (Some(before.clone()), None)
        }
    };
    let after = match answer {
        Some(body) => Some(known(&change.id, &body)?),
        None => None,
    };
    Ok(Done {
        id: change.id.clone(),
        before,
        uid: after.as_ref().map(|it| it.uid.clone()).unwrap_or_default(),
        version: after
            .as_ref()
            .map(|it| it.version.clone())
            .unwrap_or_default(),
        after: after.map(|it| it.value),
    })
}

const JSON: &str = "application/json";

fn push_name(path: &mut String, name: &str) {
    path.push('/');
    super::source::push_encoded(path, name);
}

fn known(id: &ObjectId, body: &[u8]) -> Result<Known, Error> {
    let text = String::from_utf8_lossy(body);
    Known::read(&text).ok_or_else(|| Error::Unreadable {
        what: id.to_string(),
        why: "the server's answer is no object".to_owned(),
    })
}

/// The objects behind a text, as they are now. Kinds the server does not have are no objects.
pub(super) async fn read(connection: &Connection, form: &Form) -> Result<Live, Error> {
    let mut objects = Vec::new();
    match form {
        Form::ConfigMap { namespace, name } => {
            let id = ObjectId {
                api_version: "v1".into(),
                kind: "ConfigMap".into(),
                namespace: namespace.clone(),
                name: name.clone(),
            };
            let kind = kind_of(&id)?;
            let mut path = kind.path("v1", namespace);
            push_name(&mut path, name);
            match connection.get(&path, kind.asking()).await {
                Ok(body) => objects.push(known(&id, &body)?),
                Err(Error::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Form::Objects { namespace } => {
            for kind in KINDS.iter().filter(|kind| kind.rule.group == GROUP) {
                objects.extend(list(connection, kind, namespace).await?);
            }
        }
    }
    Ok(Live {
        form: form.clone(),
        objects,
    })
}

/// All objects of one kind, in the version of the API we write.
async fn list(
    connection: &Connection,
    kind: &'static Kind,
    namespace: &str,
) -> Result<Vec<Known>, Error> {
    let api_version = api_version(kind.name);
    let path = kind.path(api_version, namespace);
    let body = match connection.get(&path, kind.asking()).await {
        Ok(body) => body,
        Err(Error::Missing { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let unreadable = |why: String| Error::Unreadable {
        what: kind.plural.to_owned(),
        why,
    };
    let mut whole: Value =
        serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))?;
    let Some(items) = whole.get_mut("items").and_then(Value::as_array_mut) else {
        return Err(unreadable("the server's answer is no list".to_owned()));
    };
    let named = items.iter_mut().filter_map(|item| {
        // Items of a list do not say what they are.
        item["apiVersion"] = json!(api_version);
        item["kind"] = json!(kind.name);
        Known::read(&item.to_string())
    });
    Ok(named.collect())
}

/// The version in which a kind is read and written; BGPPeers are stored in the second one since 0.13.
fn api_version(kind: &str) -> &'static str {
    if kind == "BGPPeer" {
        "metallb.io/v1beta2"
    } else {
        "metallb.io/v1beta1"
    }
}

/// What an error means for the text on the screen.
fn refusal(index: usize, change: &Change, error: &Error, is_trial: bool) -> Refusal {
    let is_new = matches!(change.deed, Deed::Create(_));
    let (kind, why) = match error {
        Error::Server { code: 409, .. } if is_new => (
            RefusalKind::Conflict,
            "somebody else has made it meanwhile".to_owned(),
        ),
        Error::Server { code: 409, .. } => (
            RefusalKind::Conflict,
            "somebody else has changed it since it was read".to_owned(),
        ),
        Error::Missing { .. } if !is_new => (
            RefusalKind::Conflict,
            "somebody else has deleted it since it was read".to_owned(),
        ),
        Error::Server { message, .. } => (RefusalKind::Refused, words(message)),
        _ => {
            let problem = error.problem();
            let told = Problem {
                what: format!("not done: {}: {}", change.sentence(), problem.what),
                ..problem
            };
            return Refusal {
                index: Some(index),
                kind: RefusalKind::Failed,
                problem: told,
            };
        }
    };
    let trial = if is_trial {
        " (a trial, nothing was changed)"
    } else {
        ""
    };
    let next = match kind {
        RefusalKind::Conflict => "look at both, and put them together",
        _ => "change the text and apply again",
    };
    let what = format!("the server does not {}{trial}", change.sentence());
    let problem = Problem::new(Severity::Warning, Subject::Program, what)
        .why(why)
        .next(next);
    Refusal {
        index: Some(index),
        kind,
        problem,
    }
}

/// The server's own words, without what it says about itself: the name of the webhook, the name of the object, and the
/// whole object, password and all, that it repeats when it refuses a patch.
fn words(message: &str) -> String {
    let told = ["denied the request: ", "strict decoding error: ", "}\": "]
        .iter()
        .find_map(|before| message.rsplit_once(before).map(|(_, told)| told))
        .unwrap_or(message);
    told.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_refusal_only_the_reason_is_told() {
        let object = r#""{\"spec\":{\"password\":\"s3cr3t\"}}""#;
        for (message, expected) in [
            ("admission webhook \"x\" denied the request: pool \"lan\" has no prefixes defined".to_owned(), "pool \"lan\" has no prefixes defined"),
            ("BGPPeer in version \"v1beta2\" cannot be handled as a BGPPeer: strict decoding error: unknown field \"spec.x\"".to_owned(), "unknown field \"spec.x\""),
            (format!("\"\" is invalid: patch: Invalid value: {object}: strict decoding error: unknown field \"spec.x\""), "unknown field \"spec.x\""),
            (format!("\"\" is invalid: patch: Invalid value: {object}: something else"), "something else"),
            ("no space left on device".to_owned(), "no space left on device"),
        ] {
            assert_eq!(words(&message), expected);
        }
    }
}
