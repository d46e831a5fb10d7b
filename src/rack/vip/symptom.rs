//! The ways in which a MetalLB cluster goes wrong, numbered: the list that the rules of this module work through.
//!
//! Each is found by a rule, or stands in [`Symptom::BEYOND_THE_API`] with the reason why the API cannot show it.

use crate::rack::problem::Problem;

/// One way to go wrong. The number is that of the project's list of symptoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symptom {
    /// Nothing hands out addresses at all; not on the list, because that is no MetalLB cluster.
    NoAllocator = 0,
    NoPools = 1,
    PoolsFull = 2,
    NoAutomaticPool = 3,
    RequestOutsidePools = 4,
    NotConverted = 5,
    TwoRequests = 6,
    ForeignClass = 7,
    NotAdvertised = 8,
    NoEndpoints = 9,
    LocalElsewhere = 10,
    ExcludedNodes = 11,
    Wireless = 12,
    TwoMacs = 13,
    NodeAddressInPool = 14,
    TwoCards = 15,
    ServicelbFights = 16,
    ServicelbPending = 17,
    WebhookDown = 18,
    WebhookSelectsNothing = 19,
    ConfigurationIgnored = 20,
    EditWithoutEffect = 21,
    Renumbered = 22,
    SharingRefused = 23,
    SlowFailover = 24,
    DeadAnnouncer = 25,
    SeveralAnnouncers = 26,
    SpeakerMissing = 27,
    NoPodNetwork = 28,
    IpvsWithoutStrictArp = 29,
    LeftoverKinds = 30,
    ForeignNamespace = 31,
    NobodyInCharge = 32,
    Aggregation = 33,
    /// Asked for by us: the address does not answer from here.
    Silent = 34,
    /// An annotation that this version does not read, or no longer likes.
    AnnotationPrefix = 35,
}

impl Symptom {
    /// What the API cannot show, and why.
    pub const BEYOND_THE_API: [(Symptom, &'static str); 2] = [
        (
            Symptom::TwoMacs,
            "two devices answering ARP for one address are seen on the LAN only; the API knows no MAC of a VIP",
        ),
        (
            Symptom::NoPodNetwork,
            "a missing vxlan module leaves pods Running and nodes Ready; the preflight of a board looks for the module",
        ),
    ];

    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A symptom that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub symptom: Symptom,
    pub problem: Problem,
}

impl Finding {
    pub(super) fn new(symptom: Symptom, problem: Problem) -> Finding {
        Finding { symptom, problem }
    }

    #[must_use]
    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.problem = self.problem.why(why);
        self
    }

    #[must_use]
    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.problem = self.problem.next(next);
        self
    }

    #[must_use]
    pub(super) fn evidence(mut self, line: impl Into<String>) -> Self {
        self.problem = self.problem.evidence(line);
        self
    }
}
