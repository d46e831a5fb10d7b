//! Which pods have left a node: one watch on its pods, and a list whenever the watch breaks.
//!
//! kubectl asks for every pod once a second; a watch says the same at once and costs the server nothing in between.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::occupants;
use crate::clients::kubernetes::connection::{Asking, Connection};
use crate::clients::kubernetes::error::{Error, Rule};
use crate::clients::kubernetes::lines::Lines;
use crate::rack::node::{NodeName, Uid};

/// The server ends the watch after this; bookmarks are not asked for.
const LENGTH: Duration = Duration::from_secs(60);
const HEAD: Duration = Duration::from_secs(10);
/// Before it is looked at again.
const PAUSE: Duration = Duration::from_secs(1);

static WATCH: Rule = Rule {
    verbs: "watch",
    resource: "pods",
    group: "",
    namespace: None,
};

/// News of who left.
pub(super) enum Departed {
    One(Uid),
    /// Everybody but these.
    AllBut(BTreeSet<Uid>),
}

impl Departed {
    pub(super) fn includes(&self, uid: &Uid) -> bool {
        match self {
            Departed::One(gone) => gone == uid,
            Departed::AllBut(left) => !left.contains(uid),
        }
    }
}

/// Tells of every departure after `version`. Never ends; drop it.
pub(super) async fn watch(
    connection: &Connection,
    node: &NodeName,
    mut version: String,
    out: mpsc::Sender<Departed>,
) -> Infallible {
    loop {
        // However the watch ended, a list says the rest.
        let _ = follow(connection, node, &version, &out).await;
        version = loop {
            sleep(PAUSE).await;
            if let Ok(listed) = occupants::list(connection, node).await {
                let left = listed.occupants.into_iter().map(|it| it.pod.uid).collect();
                let _ = out.send(Departed::AllBut(left)).await;
                break listed.version;
            }
        };
    }
}

async fn follow(
    connection: &Connection,
    node: &NodeName,
    version: &str,
    out: &mpsc::Sender<Departed>,
) -> Result<(), Error> {
    let mut path = occupants::path(node);
    path.push_str("&watch=true&timeoutSeconds=60&resourceVersion=");
    crate::clients::kubernetes::source::push_encoded(&mut path, version);
    let asking = Asking {
        rule: &WATCH,
        what: "pods",
    };
    let mut body = connection.open(&path, asking, HEAD).await?.into_body();
    let mut lines = Lines::default();
    let limit = LENGTH + HEAD;
    while let Ok(Some(Ok(frame))) = timeout(limit, body.frame()).await {
        lines.feed(frame.into_data().unwrap_or_default());
        while let Ok(Some(line)) = lines.next() {
            match serde_json::from_slice::<Event>(&line) {
                Ok(event) if event.kind == "DELETED" => {
                    let _ = out
                        .send(Departed::One(Uid(event.object.metadata.uid)))
                        .await;
                }
                Ok(event) if event.kind != "ERROR" => {}
                // Too old a version, or nonsense: a list says the rest.
                _ => return Ok(()),
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    object: Object,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Object {
    metadata: Meta,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    uid: Box<str>,
}
