//! Where things are in this cluster: what the server serves of MetalLB's kinds, and where MetalLB lives. It decides
//! which optional kinds are asked for at all, and under which path.
//!
//! Invariant: a kind that the server does not serve costs no request; one cheap question for all of them, see
//! `discovery`, tells when it appears.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::rack::metallb::USUAL_NAMESPACE;
use crate::rack::workload::Workload;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Plurals of `metallb.io/v1beta1`; `None` until the server was asked.
    served: Option<Arc<BTreeSet<Box<str>>>>,
    speaker: Speaker,
    namespaces_matter: bool,
    provisioners_matter: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Speaker {
    /// The DaemonSets have not been read.
    #[default]
    Unknown,
    /// They have been read, and none of them is a speaker.
    None,
    /// They cannot be read: MetalLB may be anywhere, so it is looked for where it usually is.
    Unseen,
    At {
        namespace: Arc<str>,
        config_map: Arc<str>,
    },
}

/// What one object tells about where others are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    NoSpeaker,
    SpeakerUnseen,
    Speaker {
        namespace: Arc<str>,
        config_map: Arc<str>,
    },
    /// Some pool selects namespaces by their labels.
    NamespacesMatter(bool),
    /// Some storage class is made by a Deployment.
    ProvisionersMatter(bool),
}

impl Notice {
    pub(super) fn speaker(workload: &Workload) -> Self {
        let config_map = workload.flag("--config").filter(|name| !name.is_empty());
        Notice::Speaker {
            namespace: Arc::from(&*workload.namespace),
            config_map: config_map.unwrap_or("config").into(),
        }
    }
}

impl Place {
    pub(super) fn take(&mut self, notice: Notice) {
        match notice {
            Notice::NoSpeaker => self.speaker = Speaker::None,
            Notice::SpeakerUnseen => self.speaker = Speaker::Unseen,
            Notice::Speaker {
                namespace,
                config_map,
            } => {
                self.speaker = Speaker::At {
                    namespace,
                    config_map,
                };
            }
            Notice::NamespacesMatter(matter) => self.namespaces_matter = matter,
            Notice::ProvisionersMatter(matter) => self.provisioners_matter = matter,
        }
    }

    pub(super) fn set_served(&mut self, served: BTreeSet<Box<str>>) {
        self.served = Some(Arc::new(served));
    }

    /// Whether the server serves this kind of MetalLB's.
    pub(super) fn serves(&self, plural: &str) -> bool {
        self.served.as_ref().is_some_and(|it| it.contains(plural))
    }

    pub(super) fn has_speaker_without_kinds(&self) -> bool {
        let has_none = self.served.as_ref().is_some_and(|it| it.is_empty());
        has_none && matches!(self.speaker, Speaker::At { .. })
    }

    pub(super) fn wants_namespaces(&self) -> bool {
        self.namespaces_matter
    }

    pub(super) fn wants_provisioners(&self) -> bool {
        self.provisioners_matter
    }

    /// MetalLB's namespace; `None` when there is no sign of it.
    pub(super) fn namespace(&self) -> Option<&str> {
        let has_kinds = self.served.as_ref().is_some_and(|it| !it.is_empty());
        match &self.speaker {
            Speaker::At { namespace, .. } => Some(namespace),
            Speaker::Unseen => Some(USUAL_NAMESPACE),
            Speaker::None if has_kinds => Some(USUAL_NAMESPACE),
            Speaker::None | Speaker::Unknown => None,
        }
    }

    /// The name of the ConfigMap that a MetalLB before 0.13 reads.
    pub(super) fn config_map(&self) -> &str {
        match &self.speaker {
            Speaker::At { config_map, .. } => config_map,
            _ => "config",
        }
    }

    /// Both questions have been answered: a kind that has no path now is not there.
    pub(super) fn is_known(&self) -> bool {
        self.served.is_some() && self.speaker != Speaker::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(plurals: &[&str]) -> Place {
        let mut place = Place::default();
        place.set_served(plurals.iter().map(|it| (*it).into()).collect());
        place
    }

    #[test]
    fn metallb_is_where_its_speaker_is_or_where_it_usually_is() {
        let at = Notice::Speaker {
            namespace: "lb".into(),
            config_map: "metallb".into(),
        };
        let pools = ["ipaddresspools"];
        for (notice, plurals, namespace) in [
            (None, &pools[..], None),
            (Some(Notice::NoSpeaker), &[], None),
            (Some(Notice::NoSpeaker), &pools, Some(USUAL_NAMESPACE)),
            (Some(Notice::SpeakerUnseen), &[], Some(USUAL_NAMESPACE)),
            (Some(at.clone()), &[], Some("lb")),
            (Some(at.clone()), &pools, Some("lb")),
        ] {
            let mut place = served(plurals);
            if let Some(notice) = notice.clone() {
                place.take(notice);
            }
            assert_eq!(place.namespace(), namespace, "{notice:?} {plurals:?}");
            assert_eq!(place.is_known(), notice.is_some());
        }
        let mut place = served(&pools);
        assert_eq!(place.config_map(), "config");
        place.take(at);
        assert_eq!(place.config_map(), "metallb");
        assert!(place.serves("ipaddresspools") && !place.serves("servicel2statuses"));
    }
}
