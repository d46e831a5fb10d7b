//! Whether two Services may have one address.

use std::net::IpAddr;

use serde_json::Value;

use super::annotation;
use crate::sim::store::Key;

/// The Services that hold an address, as the controller compares them.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    pub(super) service: Key,
    key: String,
    /// Empty for the policy Cluster; for Local the selector as text.
    backend: String,
    ports: Vec<(String, u64)>,
}

impl Holder {
    pub(super) fn new(service: &Key, tree: &Value, reads_new: bool) -> Self {
        let ports = tree["spec"]["ports"].as_array().into_iter().flatten();
        let port = |port: &Value| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            (protocol.to_owned(), port["port"].as_u64().unwrap_or(0))
        };
        let is_local = tree["spec"]["externalTrafficPolicy"] == "Local";
        Self {
            service: service.clone(),
            key: annotation(tree, "allow-shared-ip", reads_new)
                .unwrap_or_default()
                .to_owned(),
            backend: if is_local {
                tree["spec"]["selector"].to_string()
            } else {
                String::new()
            },
            ports: ports.map(port).collect(),
        }
    }

    /// Why it cannot have `ip` beside the Service that has it; `None` when it can.
    pub(super) fn clash(&self, other: &Holder, ip: IpAddr) -> Option<String> {
        if self.key.is_empty() || self.key != other.key || self.backend != other.backend {
            return Some(format!(
                "can't change sharing key for \"{}\", address also in use by {}",
                self.service, other.service
            ));
        }
        let shared = self.ports.iter().find(|port| other.ports.contains(port));
        shared
            .map(|(protocol, port)| format!("port {protocol}/{port} is already in use on \"{ip}\""))
    }
}
