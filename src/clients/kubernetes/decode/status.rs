//! The STATUS, READY and RESTARTS columns of `kubectl get pods`, decided exactly as kubectl's server side does it
//! (`printPod` in kubernetes/pkg/printers/internalversion/printers.go), so that the words agree with what people know.

use super::pod::{Condition, ContainerStatus, Wire};

pub(super) struct Summary {
    pub(super) word: Box<str>,
    pub(super) ready: u16,
    pub(super) containers: u16,
    pub(super) restarts: u32,
}

pub(super) fn summary(pod: &Wire<'_>) -> Summary {
    let status = &pod.status;
    let mut count = Count::default();
    let mut word = first_word(pod);
    let broken_off = init(pod, &mut count);
    let is_initializing = broken_off.is_some();
    if let Some(init_word) = broken_off {
        word = init_word;
    }
    if !is_initializing || is_true(&status.conditions, "Initialized") {
        count.restarts = count.sidecar_restarts;
        word = containers(pod, word, &mut count);
    }
    if pod.is_being_deleted() && status.reason == "NodeLost" {
        "Unknown".clone_into(&mut word);
    } else if pod.is_being_deleted() && !matches!(&*status.phase, "Succeeded" | "Failed") {
        "Terminating".clone_into(&mut word);
    }
    let sidecars = (pod.spec.init_containers.iter()).filter(|it| it.restart_policy == "Always");
    Summary {
        word: word.into(),
        ready: count.ready,
        containers: u16::try_from(pod.spec.containers.len() + sidecars.count()).unwrap_or(u16::MAX),
        restarts: u32::try_from(count.restarts).unwrap_or(u32::MAX),
    }
}

#[derive(Default)]
struct Count {
    ready: u16,
    restarts: i64,
    sidecar_restarts: i64,
}

fn first_word(pod: &Wire<'_>) -> String {
    let status = &pod.status;
    let is_gated = status
        .conditions
        .iter()
        .any(|it| it.kind == "PodScheduled" && it.reason == "SchedulingGated");
    match (&*status.reason, is_gated) {
        (_, true) => "SchedulingGated".to_owned(),
        ("", false) => status.phase.to_string(),
        (reason, false) => reason.to_owned(),
    }
}

/// Goes through the init containers; the word of the first one that is not done.
fn init(pod: &Wire<'_>, count: &mut Count) -> Option<String> {
    for (index, container) in pod.status.init_container_statuses.iter().enumerate() {
        let is_sidecar = (pod.spec.init_containers.iter())
            .any(|it| it.name == container.name && it.restart_policy == "Always");
        count.restarts += container.restart_count;
        if is_sidecar {
            count.sidecar_restarts += container.restart_count;
        }
        let state = &container.state;
        let word = match (&state.terminated, &state.waiting) {
            (Some(end), _) if end.exit_code == 0 => continue,
            _ if is_sidecar && container.started => {
                count.ready += u16::from(container.ready);
                continue;
            }
            (Some(_), _) => format!("Init:{}", end_word(container)),
            (None, Some(wait)) if !matches!(&*wait.reason, "" | "PodInitializing") => {
                format!("Init:{}", wait.reason)
            }
            _ => format!("Init:{index}/{}", pod.spec.init_containers.len()),
        };
        return Some(word);
    }
    None
}

/// Goes through the containers backwards, so that the first one's trouble has the last word.
fn containers(pod: &Wire<'_>, mut word: String, count: &mut Count) -> String {
    let mut has_running = false;
    for container in pod.status.container_statuses.iter().rev() {
        count.restarts += container.restart_count;
        let state = &container.state;
        if let Some(wait) = state.waiting.as_ref().filter(|it| !it.reason.is_empty()) {
            word = wait.reason.to_string();
        } else if state.terminated.is_some() {
            word = end_word(container);
        } else if container.ready && state.running.is_some() {
            has_running = true;
            count.ready += 1;
        }
    }
    if word == "Completed" && has_running {
        let is_ready = is_true(&pod.status.conditions, "Ready");
        return if is_ready { "Running" } else { "NotReady" }.to_owned();
    }
    word
}

fn end_word(container: &ContainerStatus<'_>) -> String {
    match &container.state.terminated {
        Some(end) if !end.reason.is_empty() => end.reason.to_string(),
        Some(end) if end.signal != 0 => format!("Signal:{}", end.signal),
        Some(end) => format!("ExitCode:{}", end.exit_code),
        None => String::new(),
    }
}

fn is_true(conditions: &[Condition<'_>], kind: &str) -> bool {
    (conditions.iter()).any(|it| it.kind == kind && it.status == "True")
}

#[cfg(test)]
mod tests;
