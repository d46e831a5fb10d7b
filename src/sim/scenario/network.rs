//! The network part of a scenario file: Services, MetalLB, and any object written out whole.
//!
//! It only reads. Invariant: what a scenario does not say is as on a freshly installed rack.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A Service, or `count` of them whose names count up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServicePlan {
    pub(crate) name: String,
    #[serde(default = "one")]
    pub(crate) count: u32,
    #[serde(default = "default_namespace")]
    pub(crate) namespace: String,
    /// The workload it leads to, by name; without it the one named like the Service.
    pub(crate) app: Option<String>,
    #[serde(default)]
    pub(crate) kind: ServiceKind,
    /// `80`, `80:8080`, `53/udp`, `443:https`.
    pub(crate) ports: Vec<String>,
    pub(crate) class: Option<String>,
    /// `externalTrafficPolicy: Local`.
    #[serde(default)]
    pub(crate) local: bool,
    /// The addresses it asks for by annotation.
    pub(crate) ip: Option<String>,
    /// `spec.loadBalancerIP`.
    pub(crate) old_ip: Option<String>,
    /// The pool it asks for by annotation.
    pub(crate) pool: Option<String>,
    /// The key under which it shares its address.
    pub(crate) share: Option<String>,
    /// Addresses it has at the start, whoever gave them.
    #[serde(default)]
    pub(crate) has: Vec<String>,
    #[serde(default = "forty")]
    pub(crate) days: f64,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum ServiceKind {
    #[default]
    LoadBalancer,
    NodePort,
    #[serde(rename = "ClusterIP")]
    ClusterIp,
}

/// The MetalLB of the rack. Its pods are workloads like any others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct MetalLbPlan {
    /// `0.15.2`: decides the kinds, the annotations and the rules.
    pub(crate) version: String,
    pub(crate) namespace: String,
    pub(crate) lb_class: Option<String>,
    /// Addresses are handed out.
    pub(crate) controller: bool,
    /// Addresses are announced.
    pub(crate) speakers: bool,
    /// Speakers write `ServiceL2Status`, as they do from 0.14.6 on.
    pub(crate) statuses: bool,
    /// The network cards that speakers say they announce on; empty means all.
    pub(crate) interfaces: Vec<String>,
    /// A node whose statuses nobody takes back, as before 0.16.
    pub(crate) stuck: Option<String>,
}

impl Default for MetalLbPlan {
    fn default() -> Self {
        Self {
            version: "0.15.2".to_owned(),
            namespace: "metallb-system".to_owned(),
            lb_class: None,
            controller: true,
            speakers: true,
            statuses: true,
            interfaces: Vec::new(),
            stuck: None,
        }
    }
}

impl MetalLbPlan {
    /// Whether it is at least 0.`minor`.`patch`.
    pub(crate) fn is_at_least(&self, minor: u32, patch: u32) -> bool {
        let mut numbers = self.version.split('.').map(|it| it.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        (next(), next(), next()) >= (0, minor, patch)
    }

    /// What annotations begin with that this version writes.
    pub(crate) fn prefix(&self) -> &'static str {
        if self.is_at_least(14, 9) {
            "metallb.io/"
        } else {
            "metallb.universe.tf/"
        }
    }
}

fn one() -> u32 {
    1
}

fn forty() -> f64 {
    40.0
}

fn default_namespace() -> String {
    "default".to_owned()
}
