//! The whole set at once: what MetalLB would refuse, what it takes and somebody will be sorry for.
//!
//! MetalLB's own checks each see a part: the webhook for pools sees pools, the one for an advertisement sees that kind
//! and pools. An edit can pass all of them and still break the speakers. Here everything is seen, so the verdict is what
//! the cluster will live with, not what the server will answer.

use std::net::IpAddr;

use crate::rack::pools::finding::{Finding, Verdict};
use crate::rack::pools::range::AddressRange;
use crate::rack::pools::read::Form;
use crate::rack::pools::version::Version;
use crate::rack::selector::Labels;

mod addresses;
mod announce;
mod bgp;
pub mod checker;
mod frr;
mod legacy;
mod overlap;
mod peer;
mod set;
mod whole;

use checker::Checker;

/// What is known of the cluster the text is for. Nothing known is a good answer: rules that need it are then left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    pub version: Option<Version>,
    pub mode: Mode,
    /// Where MetalLB runs.
    pub namespace: Option<Box<str>>,
    /// The ConfigMap its containers read (`--config=`).
    pub config_map: Option<Box<str>>,
    /// Addresses of nodes, with their names.
    pub nodes: Vec<(Box<str>, IpAddr)>,
    /// What selectors of nodes look at, by name; `None` when nodes were not read.
    pub node_labels: Option<Vec<(Box<str>, Labels)>>,
    pub gateways: Vec<IpAddr>,
    /// What the DHCP server hands out.
    pub dhcp: Vec<AddressRange>,
    /// Secrets in MetalLB's namespace; `None` when they were not read.
    pub secrets: Option<Vec<Box<str>>>,
}

/// How MetalLB speaks BGP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not known: resources are judged by FRR's rules, which Helm has installed by default since 0.13.10; a ConfigMap is
    /// refused only when no mode takes it.
    #[default]
    Unknown,
    Native,
    Frr,
}

/// What is to be said about a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// By place.
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.findings)
    }
}

/// Checks a text once. While somebody types, keep a [`Checker`] instead: it reads only what changed.
pub fn check(text: &str, form: Form, facts: &Facts) -> Report {
    let mut checker = Checker::new(form, facts.clone());
    checker.update(text.to_owned());
    checker.into_report()
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
