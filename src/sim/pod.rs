//! A Pod object: which workload it belongs to, where it runs, and what state it is in.
//!
//! It does not change by itself; `life` does that. Invariant: small enough that twenty thousand
//! cost a few megabytes, because everything shared lives in its workload.

pub(crate) mod log;
mod status;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use super::random::uuid;
use super::resource::split_key;
use super::stamp;
use super::workload::{POD_NAME, Workload};

/// The compact form of a Pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) workload: Arc<Workload>,
    /// `None` while no node has been found for it.
    pub(crate) place: Option<Place>,
    pub(crate) uid: u64,
    pub(crate) created: i64,
    /// When the state last changed.
    pub(crate) changed: i64,
    pub(crate) restarts: u32,
    pub(crate) state: State,
    /// When deletion was asked for.
    pub(crate) deleted: Option<i64>,
}

/// The node a pod runs on, and the pod's own address there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) node: Arc<str>,
    pub(crate) host_ip: Ipv4Addr,
    pub(crate) ip: Ipv4Addr,
}

/// What a pod is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// Runs, but its readiness probe fails.
    Unready,
    /// Runs as far as anyone knows; its node is not heard from.
    Unheard,
    /// Waits for its next try.
    CrashLoop,
    /// Tries again, and will fail.
    Trying,
    ImagePull,
    Creating,
    Unschedulable,
    Completed,
    Evicted,
}

impl Pod {
    pub(crate) fn node_name(&self) -> &str {
        self.place.as_ref().map_or("", |place| &place.node)
    }

    pub(crate) fn phase(&self) -> &'static str {
        match self.state {
            State::Running | State::Unready | State::Unheard | State::CrashLoop | State::Trying => {
                "Running"
            }
            State::ImagePull | State::Creating | State::Unschedulable => "Pending",
            State::Completed => "Succeeded",
            State::Evicted => "Failed",
        }
    }

    pub(crate) fn restart_policy(&self) -> &'static str {
        self.workload.restart_policy()
    }

    /// The same pod in another state since `at`.
    pub(crate) fn becomes(&self, state: State, at: i64) -> Self {
        Self {
            state,
            changed: at,
            ..self.clone()
        }
    }

    pub(crate) fn text(&self, key: &str, version: u64) -> String {
        let (namespace, name) = split_key(key);
        let workload = &*self.workload;
        let created = stamp::seconds(self.created);
        let mut text = String::with_capacity(4096);
        let _ = write!(
            text,
            concat!(
                r#"{{"metadata":{{"name":{},"namespace":{},"uid":"{}","resourceVersion":"{}","#,
                r#""generation":1,"creationTimestamp":"{}","#
            ),
            Value::from(name),
            Value::from(namespace),
            uuid(self.uid),
            version,
            created,
        );
        if let Some(deleted) = self.deleted {
            let until = stamp::seconds(deleted + 30);
            let _ = write!(
                text,
                r#""deletionTimestamp":"{until}","deletionGracePeriodSeconds":30,"#
            );
        }
        let _ = write!(text, r#"{}}},"spec":{{"#, workload.metadata_text);
        if let Some(place) = &self.place {
            let _ = write!(text, r#""nodeName":{},"#, Value::from(&*place.node));
        }
        if workload.has_volume {
            text.push_str(&workload.spec_text.replace(POD_NAME, name));
        } else {
            text.push_str(&workload.spec_text);
        }
        text.push_str(r#"},"status":"#);
        status::write(&mut text, self, &created);
        text.push('}');
        text
    }
}
