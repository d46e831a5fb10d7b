//! Why a pod is not well, in words a person can act on: from what the kubelet and the scheduler write into its status.
//!
//! Invariant: nothing is guessed. What the status does not say is not said here either.

use super::pod::{ContainerStatus, Terminated, Wire};

/// Longer messages are cut: a pull error repeats itself.
const LONGEST: usize = 240;

/// Empty when nothing is wrong, or nothing says what.
pub(super) fn why(pod: &Wire<'_>) -> String {
    let status = &pod.status;
    if matches!(&*status.phase, "Succeeded") {
        return String::new();
    }
    let mut containers = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses);
    if let Some(words) = containers.find_map(of_container) {
        return cut(words);
    }
    if !status.message.is_empty() {
        return cut(status.message.to_string());
    }
    let unscheduled = (status.conditions.iter())
        .find(|it| it.kind == "PodScheduled" && it.status == "False" && !it.message.is_empty());
    cut(unscheduled
        .map(|it| format!("no node takes it: {}", it.message))
        .unwrap_or_default())
}

fn of_container(container: &ContainerStatus<'_>) -> Option<String> {
    let image = &container.image;
    if let Some(wait) = &container.state.waiting {
        let said = &*wait.message;
        return match &*wait.reason {
            "" | "ContainerCreating" | "PodInitializing" => None,
            "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" => {
                Some(match pull_fault(said) {
                    Some(fault) => format!("image {image} cannot be pulled: {fault}"),
                    None => format!("image {image} cannot be pulled: {said}"),
                })
            }
            "CrashLoopBackOff" => {
                let before = container.last_state.terminated.as_ref();
                let ended = before.map_or_else(
                    || "it ends again and again".to_owned(),
                    |end| of_end(end, image),
                );
                Some(format!(
                    "{ended}; restarted {} times",
                    container.restart_count
                ))
            }
            reason if said.is_empty() => Some(reason.to_owned()),
            reason => Some(format!("{reason}: {said}")),
        };
    }
    let end = container
        .state
        .terminated
        .as_ref()
        .filter(|end| end.exit_code != 0);
    end.map(|end| of_end(end, image))
}

/// The words of containerd and of registries, in plain ones.
fn pull_fault(said: &str) -> Option<&'static str> {
    let has = |text: &str| said.contains(text);
    if has("no match for platform") || has("no matching manifest") {
        Some("it has no build for the architecture of this node")
    } else if has("not found") || has("manifest unknown") {
        Some("there is no such image or tag")
    } else if has("401") || has("403") || has("unauthorized") || has("denied") {
        Some("the registry refuses; look at imagePullSecrets")
    } else if has("no such host") {
        Some("the name of the registry leads nowhere")
    } else if has("http: server gave HTTP response to HTTPS client") {
        Some("the registry speaks HTTP; name it in registries.yaml")
    } else if has("x509") || has("certificate") {
        Some("the certificate of the registry is not trusted")
    } else if has("connection refused") || has("i/o timeout") || has("deadline exceeded") {
        Some("the registry does not answer")
    } else {
        None
    }
}

fn of_end(end: &Terminated<'_>, image: &str) -> String {
    if end.message.contains("exec format error") {
        return format!("image {image} is built for another architecture (exec format error)");
    }
    match (&*end.reason, end.exit_code) {
        ("OOMKilled", _) => {
            "killed for lack of memory (OOMKilled); raise its memory limit".to_owned()
        }
        (_, 137) => "killed (exit code 137)".to_owned(),
        (_, 139) => "it crashed (exit code 139, segmentation fault)".to_owned(),
        ("" | "Error", code) if end.message.is_empty() => format!("ended with exit code {code}"),
        ("" | "Error", code) => format!("ended with exit code {code}: {}", end.message),
        (reason, code) if end.message.is_empty() => format!("{reason} (exit code {code})"),
        (reason, _) => format!("{reason}: {}", end.message),
    }
}

fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: &str) -> String {
        let text = format!(r#"{{"metadata":{{"name":"web"}},"status":{status}}}"#);
        why(&serde_json::from_str(&text).unwrap())
    }

    fn container(rest: &str) -> String {
        let status = format!(
            r#"{{"phase":"Running","containerStatuses":[{{"name":"app","image":"web:1","restartCount":4,{rest}}}]}}"#
        );
        said(&status)
    }

    #[test]
    fn what_ails_a_pod_is_said_in_words() {
        let waiting = |reason: &str, message: &str| {
            container(&format!(
                r#""state":{{"waiting":{{"reason":"{reason}","message":"{message}"}}}}"#
            ))
        };
        let crashed = |end: &str| {
            container(&format!(
                r#""state":{{"waiting":{{"reason":"CrashLoopBackOff"}}}},"lastState":{{"terminated":{end}}}"#
            ))
        };
        for (words, expected) in [
            (
                waiting("ImagePullBackOff", "rpc error: manifest unknown"),
                "image web:1 cannot be pulled: there is no such image or tag",
            ),
            (
                waiting(
                    "ErrImagePull",
                    "no match for platform in manifest: not found",
                ),
                "image web:1 cannot be pulled: it has no build for the architecture of this node",
            ),
            (
                waiting("ErrImagePull", "odd"),
                "image web:1 cannot be pulled: odd",
            ),
            (
                waiting("CreateContainerConfigError", "secret \\\"x\\\" not found"),
                "CreateContainerConfigError: secret \"x\" not found",
            ),
            (waiting("ContainerCreating", ""), ""),
            (
                crashed(r#"{"reason":"OOMKilled","exitCode":137}"#),
                "killed for lack of memory (OOMKilled); raise its memory limit; restarted 4 times",
            ),
            (
                crashed(
                    r#"{"reason":"StartError","exitCode":128,"message":"exec /app: exec format error: unknown"}"#,
                ),
                "image web:1 is built for another architecture (exec format error); restarted 4 times",
            ),
            (
                crashed(r#"{"reason":"Error","exitCode":1}"#),
                "ended with exit code 1; restarted 4 times",
            ),
            (container(r#""state":{"running":{}}"#), ""),
            (
                said(
                    r#"{"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory."}"#,
                ),
                "The node was low on resource: memory.",
            ),
            (
                said(
                    r#"{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","message":"0/4 nodes are available"}]}"#,
                ),
                "no node takes it: 0/4 nodes are available",
            ),
            (said(r#"{"phase":"Succeeded"}"#), ""),
            (said("null"), ""),
        ] {
            assert_eq!(words, expected);
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        let words = said(&format!(
            r#"{{"phase":"Failed","message":"{}"}}"#,
            "x".repeat(9_000)
        ));
        assert_eq!(words.len(), LONGEST);
    }
}
