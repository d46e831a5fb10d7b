//! Which containers there are to read: the pods of a query, and those that come while it is followed.

use std::fmt::Write as _;
use std::time::Duration;

use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::clients::backoff::Backoff;
use crate::clients::kubernetes::connection::{Asking, Connection};
use crate::clients::kubernetes::error::{Error, Rule};
use crate::clients::kubernetes::lines::Lines;
use crate::clients::kubernetes::source::push_encoded;
use crate::rack::log::{ContainerRef, LogQuery, NamePattern};
use crate::rack::problem::Problem;

static PODS: Rule = Rule {
    verbs: "list, watch",
    resource: "pods",
    group: "",
    namespace: None,
};
static NAMESPACE: Rule = Rule {
    verbs: "get",
    resource: "namespaces",
    group: "",
    namespace: None,
};
const HEAD: Duration = Duration::from_secs(10);
/// Bookmarks come once a minute.
const SILENCE: Duration = Duration::from_secs(130);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What looking for pods brings.
pub(super) enum Found {
    Container(ContainerRef),
    /// The first look found none.
    Nothing {
        is_nowhere: bool,
    },
    Trouble(Box<Problem>),
}

/// Tells every container of the query, each possibly more than once. Without following it ends after the first list, or
/// with the problem that kept it from being read.
pub(super) async fn find(connection: &Connection, query: &LogQuery, out: mpsc::Sender<Found>) {
    let mut backoff = Backoff::new();
    let mut is_first = true;
    loop {
        let listed = list(connection, query, &out).await;
        if let Ok((_, 0)) = listed
            && std::mem::take(&mut is_first)
        {
            let is_nowhere = is_nowhere(connection, query).await;
            let _ = out.send(Found::Nothing { is_nowhere }).await;
        }
        let error = match listed {
            Ok(_) if !query.follow => return,
            Ok((version, _)) => {
                is_first = false;
                backoff.reset();
                watch(connection, query, &version, &out).await
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            let _ = out.send(Found::Trouble(Box::new(error.problem()))).await;
            if !query.follow || matches!(error, Error::Forbidden { .. }) {
                return;
            }
        }
        sleep(backoff.next(LONGEST_PAUSE)).await;
    }
}

/// True when the server says that there is no such namespace; an empty list of pods does not.
async fn is_nowhere(connection: &Connection, query: &LogQuery) -> bool {
    let Some(namespace) = &query.namespace else {
        return false;
    };
    let mut path = String::from("/api/v1/namespaces/");
    push_encoded(&mut path, namespace);
    let asking = Asking {
        rule: &NAMESPACE,
        what: "such namespace",
    };
    // Who may not read namespaces is not told.
    matches!(
        connection.get(&path, asking).await,
        Err(Error::Missing { .. })
    )
}

/// Gives the version of the list, and how many containers of it there are to read.
async fn list(
    connection: &Connection,
    query: &LogQuery,
    out: &mpsc::Sender<Found>,
) -> Result<(String, usize), Error> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct List {
        metadata: Meta,
        items: Vec<Pod>,
    }
    let body = connection.get(&path(query), asking()).await?;
    let list: List = serde_json::from_slice(&body).map_err(|error| Error::Unreadable {
        what: "the list of pods".to_owned(),
        why: error.to_string(),
    })?;
    let mut count = 0;
    for pod in &list.items {
        count += tell(pod, query, out).await;
    }
    Ok((list.metadata.resource_version, count))
}

/// Until the stream ends; what went wrong when that is not just its time.
async fn watch(
    connection: &Connection,
    query: &LogQuery,
    version: &str,
    out: &mpsc::Sender<Found>,
) -> Option<Error> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        object: Pod,
    }
    let mut path = path(query);
    let _ = write!(
        path,
        "&watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion="
    );
    push_encoded(&mut path, version);
    let response = match connection.open(&path, asking(), HEAD).await {
        Ok(response) => response,
        Err(Error::Expired) => return None,
        Err(error) => return Some(error),
    };
    let mut body = response.into_body();
    let mut lines = Lines::default();
    while let Ok(Some(Ok(frame))) = timeout(SILENCE, body.frame()).await {
        lines.feed(frame.into_data().unwrap_or_default());
        while let Ok(Some(line)) = lines.next() {
            let event: Option<Event> = serde_json::from_slice(&line).ok();
            if let Some(event) = event.filter(|it| matches!(it.kind.as_str(), "ADDED" | "MODIFIED"))
            {
                tell(&event.object, query, out).await;
            }
        }
    }
    None
}

fn asking() -> Asking {
    Asking {
        rule: &PODS,
        what: "pods",
    }
}

fn path(query: &LogQuery) -> String {
    let mut path = String::from("/api/v1");
    if let Some(namespace) = &query.namespace {
        path.push_str("/namespaces/");
        push_encoded(&mut path, namespace);
    }
    path.push_str("/pods?fieldSelector=");
    push_encoded(&mut path, &query.fields);
    path.push_str("&labelSelector=");
    push_encoded(&mut path, &query.labels);
    path
}

/// Gives how many containers it told.
async fn tell(pod: &Pod, query: &LogQuery, out: &mpsc::Sender<Found>) -> usize {
    let is_wanted = |pattern: &Option<NamePattern>, name: &str| {
        pattern
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(name))
    };
    if !is_wanted(&query.pods, &pod.metadata.name) {
        return 0;
    }
    let mut count = 0;
    // An init container is read only when it is asked for by name.
    let init = pod.spec.init_containers.iter();
    let init = init.filter(|_| query.containers.is_some());
    for Container { name } in pod.spec.containers.iter().chain(init) {
        let is_left_out = (query.without.as_ref()).is_some_and(|it| it.is_match(name));
        if is_wanted(&query.containers, name) && !is_left_out {
            let found = ContainerRef {
                namespace: pod.metadata.namespace.as_str().into(),
                pod: pod.metadata.name.as_str().into(),
                container: name.as_str().into(),
            };
            let _ = out.send(Found::Container(found)).await;
            count += 1;
        }
    }
    count
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    name: String,
    namespace: String,
    resource_version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pod {
    metadata: Meta,
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    containers: Vec<Container>,
    init_containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: String,
}
