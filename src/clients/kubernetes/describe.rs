//! A pod or a workload in words: what one looks for when it is not well, and what was said about it lately.
//!
//! Not here: everything; that is the YAML. Invariant: no value of an environment variable and no annotation is shown,
//! either may be a secret.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::source::push_encoded;
use super::write;
use crate::rack::problem::Subject;
use crate::rack::time::short;

static EVENTS: Rule = Rule {
    verbs: "list",
    resource: "events",
    group: "",
    namespace: None,
};
/// Events kept by the server for an hour: a pod in trouble has a dozen.
const MOST: usize = 200;
/// Columns of what stands before a value.
const NAMES: usize = 13;

/// Reads the object and the events about it.
pub(super) async fn read(connection: &Connection, object: &Subject) -> Result<String, Error> {
    let value = write::object(connection, object).await?;
    let events = events(connection, &value).await;
    let mut page = Page::new(Timestamp::now());
    page.object(&value);
    page.heading("Events");
    match events {
        Ok(events) => page.events(&events),
        // Who may see pods may not always see events: the rest is worth showing.
        Err(error) => page.line(1, &format!("not shown: {}", error.problem().sentence())),
    }
    Ok(page.text)
}

async fn events(connection: &Connection, object: &Value) -> Result<Vec<Value>, Error> {
    let metadata = &object["metadata"];
    let mut path = String::from("/api/v1/namespaces/");
    push_encoded(&mut path, text(&metadata["namespace"]));
    path.push_str("/events?fieldSelector=");
    let about = format!("involvedObject.uid={}", text(&metadata["uid"]));
    push_encoded(&mut path, &about);
    let _ = write!(path, "&limit={MOST}");
    let asking = Asking {
        rule: &EVENTS,
        what: "events",
    };
    let body = connection.get(&path, asking).await?;
    let list: Value = serde_json::from_slice(&body).map_err(|error| Error::Unreadable {
        what: "the list of events".to_owned(),
        why: error.to_string(),
    })?;
    Ok(items(&list["items"]).to_vec())
}

/// The page as it is written, line by line.
struct Page {
    text: String,
    now: Timestamp,
}

impl Page {
    fn new(now: Timestamp) -> Page {
        Page {
            text: String::new(),
            now,
        }
    }

    fn line(&mut self, depth: usize, words: &str) {
        let _ = writeln!(self.text, "{:indent$}{words}", "", indent = depth * 2);
    }

    fn heading(&mut self, words: &str) {
        self.text.push('\n');
        self.line(0, words);
    }

    /// Nothing is written of what is not there.
    fn field(&mut self, depth: usize, name: &str, value: &str) {
        if !value.is_empty() {
            let width = NAMES.saturating_sub(depth * 2);
            // A name that fills its column has a space behind it all the same.
            self.line(depth, &format!("{name:width$} {value}"));
        }
    }

    fn ago(&self, stamp: &Value) -> String {
        let Ok(time) = text(stamp).parse::<Timestamp>() else {
            return String::new();
        };
        let age = self.now.duration_since(time);
        let age = short(age.try_into().unwrap_or_default());
        format!("{time:.0}, {age} ago")
    }

    fn object(&mut self, object: &Value) {
        let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
        self.field(0, "Name", text(&metadata["name"]));
        self.field(0, "Namespace", text(&metadata["namespace"]));
        let owners = items(&metadata["ownerReferences"]).iter();
        let owners = owners.map(|it| format!("{} {}", text(&it["kind"]), text(&it["name"])));
        self.field(0, "Made by", &owners.collect::<Vec<_>>().join(", "));
        let created = self.ago(&metadata["creationTimestamp"]);
        self.field(0, "Created", &created);
        let deleted = self.ago(&metadata["deletionTimestamp"]);
        self.field(0, "Being deleted", &deleted);
        self.field(0, "Labels", &pairs(&metadata["labels"]));
        if spec["containers"].is_array() {
            self.pod(spec, status);
            self.containers(spec, status);
            self.volumes(spec);
        } else {
            self.workload(spec, status);
            self.containers(&spec["template"]["spec"], &Value::Null);
        }
        self.conditions(&status["conditions"]);
    }

    fn pod(&mut self, spec: &Value, status: &Value) {
        let node = [text(&spec["nodeName"]), text(&status["hostIP"])];
        self.field(0, "Node", node.join(" ").trim());
        let phase = [&status["phase"], &status["reason"], &status["message"]];
        self.field(0, "Phase", &words(&phase));
        let ips: Vec<&str> = items(&status["podIPs"])
            .iter()
            .map(|it| text(&it["ip"]))
            .collect();
        self.field(0, "Addresses", &ips.join(", "));
        self.field(0, "Account", text(&spec["serviceAccountName"]));
        self.field(0, "Priority", text(&spec["priorityClassName"]));
        self.field(0, "QoS", text(&status["qosClass"]));
        self.field(0, "Selects nodes", &pairs(&spec["nodeSelector"]));
        let tolerates = items(&spec["tolerations"]).iter().map(toleration);
        self.field(0, "Tolerates", &tolerates.collect::<Vec<_>>().join(", "));
    }

    fn workload(&mut self, spec: &Value, status: &Value) {
        let selector = &spec["selector"];
        let labels = if selector["matchLabels"].is_object() {
            &selector["matchLabels"]
        } else {
            selector
        };
        self.field(0, "Selector", &pairs(labels));
        self.field(0, "Strategy", text(&spec["strategy"]["type"]));
        self.field(0, "Strategy", text(&spec["updateStrategy"]["type"]));
        self.field(0, "Schedule", text(&spec["schedule"]));
        let counts = [
            ("wanted", &spec["replicas"]),
            ("wanted", &status["desiredNumberScheduled"]),
            ("completions", &spec["completions"]),
            ("there", &status["replicas"]),
            ("updated", &status["updatedReplicas"]),
            ("updated", &status["updatedNumberScheduled"]),
            ("ready", &status["readyReplicas"]),
            ("ready", &status["numberReady"]),
            ("active", &status["active"]),
            ("succeeded", &status["succeeded"]),
            ("failed", &status["failed"]),
        ];
        let counts = counts
            .iter()
            .filter_map(|(name, count)| Some(format!("{} {name}", count.as_u64()?)));
        self.field(0, "Pods", &counts.collect::<Vec<_>>().join(", "));
    }

    fn containers(&mut self, spec: &Value, status: &Value) {
        for (title, list, told) in [
            ("Init containers", "initContainers", "initContainerStatuses"),
            ("Containers", "containers", "containerStatuses"),
        ] {
            let containers = items(&spec[list]);
            if containers.is_empty() {
                continue;
            }
            self.heading(title);
            for container in containers {
                let mut told = items(&status[told]).iter();
                let state = told
                    .find(|it| it["name"] == container["name"])
                    .unwrap_or(&Value::Null);
                self.container(container, state);
            }
        }
    }

    fn container(&mut self, container: &Value, status: &Value) {
        self.line(1, text(&container["name"]));
        self.field(2, "image", text(&container["image"]));
        let command = [&container["command"], &container["args"]];
        let command: Vec<&str> = command.iter().flat_map(|it| items(it)).map(text).collect();
        self.field(2, "runs", &command.join(" "));
        let state = self.state(&status["state"]);
        self.field(2, "state", &state);
        let last = self.state(&status["lastState"]);
        self.field(2, "before", &last);
        if let (Some(ready), Some(restarts)) =
            (status["ready"].as_bool(), status["restartCount"].as_u64())
        {
            let ready = if ready { "yes" } else { "no" };
            self.field(2, "ready", &format!("{ready}, {restarts} restarts"));
        }
        let ports = items(&container["ports"]).iter().map(|port| {
            let (number, protocol) = (&port["containerPort"], text(&port["protocol"]));
            format!("{number} {protocol} {}", text(&port["name"]))
                .trim()
                .to_owned()
        });
        self.field(2, "ports", &ports.collect::<Vec<_>>().join(", "));
        self.field(2, "requests", &pairs(&container["resources"]["requests"]));
        self.field(2, "limits", &pairs(&container["resources"]["limits"]));
        for (name, probe) in [
            ("startup", &container["startupProbe"]),
            ("liveness", &container["livenessProbe"]),
            ("readiness", &container["readinessProbe"]),
        ] {
            self.field(2, name, &self::probe(probe));
        }
        let env = items(&container["env"]).iter().map(|it| text(&it["name"]));
        self.field(2, "env", &env.collect::<Vec<_>>().join(", "));
        for mount in items(&container["volumeMounts"]) {
            let how = match mount["readOnly"].as_bool() {
                Some(true) => ", read-only",
                _ => "",
            };
            let (path, name) = (text(&mount["mountPath"]), text(&mount["name"]));
            self.field(2, "mount", &format!("{path} from {name}{how}"));
        }
    }

    fn state(&self, state: &Value) -> String {
        if let Some(waiting) = state.get("waiting") {
            return words(&[&"Waiting".into(), &waiting["reason"], &waiting["message"]]);
        }
        if let Some(running) = state.get("running") {
            return format!("Running since {}", self.ago(&running["startedAt"]));
        }
        let Some(ended) = state.get("terminated") else {
            return String::new();
        };
        let how = words(&[&"Ended".into(), &ended["reason"], &ended["message"]]);
        let code = &ended["exitCode"];
        format!(
            "{how}, exit code {code}, {}",
            self.ago(&ended["finishedAt"])
        )
    }

    fn volumes(&mut self, spec: &Value) {
        let volumes = items(&spec["volumes"]);
        if volumes.is_empty() {
            return;
        }
        self.heading("Volumes");
        for volume in volumes {
            let Some(fields) = volume.as_object() else {
                continue;
            };
            let Some((kind, source)) = fields.iter().find(|(name, _)| *name != "name") else {
                continue;
            };
            let names = ["claimName", "secretName", "name", "path", "driver"];
            let name = names.iter().map(|it| text(&source[it]));
            let name = name.into_iter().find(|it| !it.is_empty());
            let what = format!("{kind} {}", name.unwrap_or_default());
            self.field(1, text(&volume["name"]), what.trim());
        }
    }

    fn conditions(&mut self, conditions: &Value) {
        let conditions = items(conditions);
        if conditions.is_empty() {
            return;
        }
        self.heading("Conditions");
        for it in conditions {
            let why = words(&[&it["status"], &it["reason"], &it["message"]]);
            self.line(1, &format!("{}: {why}", text(&it["type"])));
        }
    }

    /// The newest last, as in a log.
    fn events(&mut self, events: &[Value]) {
        if events.is_empty() {
            return self.line(1, "none; the server keeps them for an hour");
        }
        let mut events: Vec<(&str, &Value)> = events.iter().map(|it| (last(it), it)).collect();
        events.sort_by_key(|(last, _)| last.parse::<Timestamp>().ok());
        for (last, event) in events {
            let seen = self.ago(&last.into());
            let times = event["count"].as_u64().filter(|count| *count > 1);
            let times = times.map_or_else(String::new, |count| format!(", {count} times"));
            let (kind, reason) = (text(&event["type"]), text(&event["reason"]));
            self.line(1, &format!("{kind} {reason}: {}", text(&event["message"])));
            self.line(2, &format!("{seen}{times}, by {}", by(event)));
        }
    }
}

/// When an event was seen last.
fn last(event: &Value) -> &str {
    let times = [
        &event["lastTimestamp"],
        &event["series"]["lastObservedTime"],
        &event["eventTime"],
        &event["metadata"]["creationTimestamp"],
    ];
    times
        .iter()
        .map(|it| text(it))
        .find(|it| !it.is_empty())
        .unwrap_or_default()
}

fn by(event: &Value) -> &str {
    let (old, new) = (
        text(&event["source"]["component"]),
        text(&event["reportingComponent"]),
    );
    if old.is_empty() { new } else { old }
}

fn toleration(it: &Value) -> String {
    let (key, value, effect) = (text(&it["key"]), text(&it["value"]), text(&it["effect"]));
    let mut words = match (key, value) {
        ("", _) => "everything".to_owned(),
        (key, "") => key.to_owned(),
        (key, value) => format!("{key}={value}"),
    };
    if !effect.is_empty() {
        let _ = write!(words, ":{effect}");
    }
    if let Some(seconds) = it["tolerationSeconds"].as_u64() {
        let _ = write!(words, " for {seconds}s");
    }
    words
}

fn probe(probe: &Value) -> String {
    let (http, tcp, exec) = (&probe["httpGet"], &probe["tcpSocket"], &probe["exec"]);
    let what = if http.is_object() {
        format!("GET :{}{}", plain(&http["port"]), text(&http["path"]))
    } else if tcp.is_object() {
        format!("TCP :{}", plain(&tcp["port"]))
    } else if exec.is_object() {
        let command: Vec<&str> = items(&exec["command"]).iter().map(text).collect();
        command.join(" ")
    } else if probe["grpc"].is_object() {
        format!("gRPC :{}", plain(&probe["grpc"]["port"]))
    } else {
        return String::new();
    };
    let every = probe["periodSeconds"].as_u64().unwrap_or(10);
    let fails = probe["failureThreshold"].as_u64().unwrap_or(3);
    format!("{what}, every {every}s, {fails} failures in a row count")
}

/// `a=1, b=2`
fn pairs(object: &Value) -> String {
    let fields = object.as_object().into_iter().flatten();
    let pairs = fields.map(|(name, value)| format!("{name}={}", plain(value)));
    pairs.collect::<Vec<_>>().join(", ")
}

/// `Waiting, CrashLoopBackOff: back-off 5m0s restarting`
fn words(parts: &[&Value; 3]) -> String {
    let [state, reason, message] = parts.map(text);
    let mut all = state.to_owned();
    if !reason.is_empty() {
        let _ = write!(all, ", {reason}");
    }
    if !message.is_empty() {
        let _ = write!(all, ": {}", message.trim());
    }
    all
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    (value.as_str()).map_or_else(|| value.to_string(), str::to_owned)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests;
