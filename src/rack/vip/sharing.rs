//! Whether two Services may stand on one address: MetalLB's rule, pair by pair.
//!
//! Namespaces play no part. Sharing is permitted by these rules, not promised: only the same requested address on both
//! makes sure (metallb: `internal/allocator/allocator.go`, `internal/allocator/k8salloc/k8salloc.go`).

use crate::rack::selector::Labels;
use crate::rack::service::{Protocol, Service, TrafficPolicy, Wish};

/// What the rule looks at in one Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharer<'a> {
    /// The value of the annotation `allow-shared-ip`; empty is as good as none.
    pub key: Option<&'a str>,
    /// As in the spec: TCP 53 and UDP 53 are two.
    pub ports: Vec<(Protocol, u16)>,
    /// `externalTrafficPolicy: Local`.
    pub is_local: bool,
    pub selector: &'a Labels,
}

impl<'a> Sharer<'a> {
    /// A Service as this version of MetalLB reads it: before 0.14.9 annotations with the new prefix do not count.
    pub fn of(service: &'a Service, reads_new_prefix: bool) -> Sharer<'a> {
        let key = if reads_new_prefix {
            service.annotation(Wish::SharingKey).map(|it| it.value)
        } else {
            service.old_annotation(Wish::SharingKey)
        };
        Sharer {
            key,
            ports: (service.ports.iter())
                .map(|it| (it.protocol, it.port))
                .collect(),
            is_local: service.external_traffic == TrafficPolicy::Local,
            selector: &service.selector,
        }
    }
}

/// Why two Services cannot share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// One has no key, or both have none.
    NoKey,
    KeysDiffer,
    /// Both want this port.
    SamePort {
        protocol: Protocol,
        port: u16,
    },
    /// One is `Local`, the other `Cluster`.
    PoliciesDiffer,
    /// Both are `Local` and choose other pods: one node cannot answer for both.
    SelectorsDiffer,
}

/// The first reason against sharing, in the order in which MetalLB looks.
pub fn may_share(one: &Sharer<'_>, other: &Sharer<'_>) -> Result<(), Refusal> {
    let key = |sharer: &Sharer<'_>| sharer.key.unwrap_or_default().to_owned();
    if key(one).is_empty() || key(other).is_empty() {
        return Err(Refusal::NoKey);
    }
    if key(one) != key(other) {
        return Err(Refusal::KeysDiffer);
    }
    match (one.is_local, other.is_local) {
        (true, true) if one.selector != other.selector => return Err(Refusal::SelectorsDiffer),
        (one, other) if one != other => return Err(Refusal::PoliciesDiffer),
        _ => {}
    }
    match one.ports.iter().find(|port| other.ports.contains(port)) {
        Some((protocol, port)) => Err(Refusal::SamePort {
            protocol: *protocol,
            port: *port,
        }),
        None => Ok(()),
    }
}

impl Refusal {
    /// The rule in words, about two Services by name.
    pub fn words(&self, one: &str, other: &str) -> String {
        match self {
            Refusal::NoKey => format!("{one} and {other} do not both carry a sharing key"),
            Refusal::KeysDiffer => format!("{one} and {other} carry different sharing keys"),
            Refusal::SamePort { protocol, port } => {
                format!(
                    "{one} and {other} both want {} port {port}",
                    protocol.word()
                )
            }
            Refusal::PoliciesDiffer => format!(
                "one of {one} and {other} has externalTrafficPolicy Local, the other Cluster"
            ),
            Refusal::SelectorsDiffer => format!(
                "{one} and {other} have externalTrafficPolicy Local and different selectors"
            ),
        }
    }

    /// What to change so that they can share.
    pub fn advice(&self) -> &'static str {
        match self {
            Refusal::NoKey | Refusal::KeysDiffer => {
                "give both Services the same value in the annotation allow-shared-ip"
            }
            Refusal::SamePort { .. } => "give one of them another port, or another address",
            Refusal::PoliciesDiffer => "set externalTrafficPolicy Cluster on both",
            Refusal::SelectorsDiffer => {
                "set externalTrafficPolicy Cluster on both, or give both the same selector"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key, ports, `Local`, the app that is selected.
    type Case = (&'static str, &'static [(Protocol, u16)], bool, &'static str);

    fn check(one: Case, other: Case, expected: &Result<(), Refusal>) {
        let selector = |case: Case| Labels::from([(Box::from("app"), Box::from(case.3))]);
        let selectors = (selector(one), selector(other));
        let one = sharer(one, &selectors.0);
        let other = sharer(other, &selectors.1);
        assert_eq!(&may_share(&one, &other), expected, "{one:?} {other:?}");
        // The rule looks the same from both sides.
        assert_eq!(may_share(&other, &one).is_ok(), expected.is_ok());
    }

    fn sharer(case: Case, selector: &Labels) -> Sharer<'_> {
        Sharer {
            key: (!case.0.is_empty()).then_some(case.0),
            ports: case.1.to_vec(),
            is_local: case.2,
            selector,
        }
    }

    const TCP: &[(Protocol, u16)] = &[(Protocol::Tcp, 53)];
    const UDP: &[(Protocol, u16)] = &[(Protocol::Udp, 53)];

    #[test]
    fn cluster_and_cluster_fit_whatever_they_select() {
        check(("dns", TCP, false, "a"), ("dns", UDP, false, "b"), &Ok(()));
    }

    #[test]
    fn local_fits_only_local_with_the_same_selector() {
        check(("dns", TCP, true, "a"), ("dns", UDP, true, "a"), &Ok(()));
        let differ = Err(Refusal::SelectorsDiffer);
        check(("dns", TCP, true, "a"), ("dns", UDP, true, "b"), &differ);
        let mixed = Err(Refusal::PoliciesDiffer);
        check(("dns", TCP, true, "a"), ("dns", UDP, false, "a"), &mixed);
    }

    #[test]
    fn both_need_the_same_key_and_an_empty_one_is_none() {
        let none = || Err(Refusal::NoKey);
        check(("", TCP, false, "a"), ("", UDP, false, "a"), &none());
        check(("dns", TCP, false, "a"), ("", UDP, false, "a"), &none());
        let differ = Err(Refusal::KeysDiffer);
        check(("dns", TCP, false, "a"), ("web", UDP, false, "a"), &differ);
    }

    #[test]
    fn the_same_port_of_the_same_protocol_is_taken() {
        let taken = Err(Refusal::SamePort {
            protocol: Protocol::Tcp,
            port: 53,
        });
        check(("dns", TCP, false, "a"), ("dns", TCP, false, "a"), &taken);
    }

    #[test]
    fn every_refusal_names_both_services_and_a_way_out() {
        let taken = Refusal::SamePort {
            protocol: Protocol::Tcp,
            port: 53,
        };
        for refusal in [
            Refusal::NoKey,
            Refusal::KeysDiffer,
            taken,
            Refusal::PoliciesDiffer,
            Refusal::SelectorsDiffer,
        ] {
            let words = refusal.words("infra/dns", "infra/dns-udp");
            assert!(words.contains("infra/dns ") && words.contains("infra/dns-udp"));
            assert!(!refusal.advice().is_empty());
        }
    }
}
