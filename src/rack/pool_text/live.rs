//! The objects behind the text, out of what the watches know.

use crate::rack::Rack;
use crate::rack::config_object::{ConfigKind, Head};
use crate::rack::draft::Known;
use crate::rack::link::{Source, SourceState};
use crate::rack::metallb::{Era, USUAL_NAMESPACE};
use crate::rack::pool_text::{Form, Live};

/// The ConfigMap's usual name, when no argument of the controller says another.
const USUAL_CONFIG: &str = "config";
/// The kinds that make up a text; a text is only made when all of them have been read.
const SOURCES: [Source; 6] = [
    Source::IpAddressPools,
    Source::L2Advertisements,
    Source::BgpAdvertisements,
    Source::BgpPeers,
    Source::BfdProfiles,
    Source::Communities,
];

impl Live {
    /// What MetalLB's configuration is now; `None` as long as that is not known, or there is no MetalLB.
    pub fn of(rack: &Rack) -> Option<Live> {
        let metallb = &rack.metallb;
        let namespace = metallb.namespace().unwrap_or(USUAL_NAMESPACE);
        match metallb.era(&rack.link) {
            Era::Unknown | Era::Absent => None,
            Era::ConfigMap => {
                if !rack.link.has_listed(Source::PoolConfigMaps) {
                    return None;
                }
                let map = metallb.config_map();
                let flag = metallb.controller().and_then(|it| it.flag("--config"));
                let name = map
                    .map(|it| &*it.head.name)
                    .or(flag)
                    .unwrap_or(USUAL_CONFIG);
                let form = Form::ConfigMap {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                };
                let objects = map.and_then(|it| Known::read(it.head.manifest.as_str()));
                Some(Live {
                    form,
                    objects: objects.into_iter().collect(),
                })
            }
            Era::Crds => {
                let is_read = |source: &Source| {
                    rack.link.has_listed(*source)
                        || *rack.link.source(*source) == SourceState::Absent
                };
                if !SOURCES.iter().all(is_read) {
                    return None;
                }
                let is_here = |head: &&Head| {
                    head.kind != ConfigKind::ConfigMap && *head.namespace == *namespace
                };
                let objects = metallb.heads().filter(is_here);
                Some(Live {
                    form: Form::Objects {
                        namespace: namespace.to_owned(),
                    },
                    objects: objects
                        .filter_map(|head| Known::read(head.manifest.as_str()))
                        .collect(),
                })
            }
        }
    }
}
