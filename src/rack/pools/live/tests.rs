//! A rack's own pools, from the JSON of its objects.

use super::*;
use crate::rack::config_object::{ConfigKind, Head, IpAddressPool, Text};
use crate::rack::facts::{Change, Fact};
use crate::rack::node::{ResourceVersion, Uid};
use crate::rack::time::Now;
use crate::rack::vip::testing::service;

fn pool(name: &str, entries: &[&str]) -> IpAddressPool {
    let addresses = entries
        .iter()
        .map(|it| format!("\"{it}\""))
        .collect::<Vec<_>>()
        .join(",");
    let manifest = format!(
        "{{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{{\"name\":\"{name}\",\"namespace\":\"metallb-system\"}},\"spec\":{{\"addresses\":[{addresses}]}}}}"
    );
    IpAddressPool {
        head: Head {
            kind: ConfigKind::IpAddressPool,
            namespace: "metallb-system".into(),
            name: name.into(),
            uid: Uid(name.into()),
            resource_version: ResourceVersion("1".into()),
            created: None,
            deleted: None,
            finalizers: Vec::new(),
            labels: BTreeMap::new(),
            manifest: Text(manifest.into()),
        },
        addresses: entries.iter().map(|it| (*it).into()).collect(),
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        status: None,
    }
}

#[test]
fn pools_are_counted_with_what_services_have() {
    let mut rack = Rack::new(Now::ZERO);
    rack.apply(Fact::IpAddressPools(Change::Listed(vec![pool(
        "lan",
        &["10.0.0.0/29", "fd00::/64"],
    )])));
    let services = vec![
        service("web/shop", "10.0.0.3"),
        service("web/blog", "10.0.0.3"),
        service("web/other", "10.9.9.9"),
    ];
    rack.apply(Fact::Services(Change::Listed(services)));
    let views = views(&rack);
    assert_eq!(views.len(), 1);
    let view = &views[0];
    assert_eq!((view.used, view.capacity), ([1, 0], [8, 1 << 64]));
    assert_eq!(view.announced_by, Vec::<String>::new());
    let shared: Vec<_> = view
        .holders
        .values()
        .flatten()
        .map(String::as_str)
        .collect();
    assert_eq!(shared, ["web/blog", "web/shop"]);
    assert_eq!(holders(&rack).len(), 3);
    assert_eq!(network(&rack, &[]).taken.len(), 5);
    rack.network.dhcp = vec![AddressRange::single("10.0.0.1".parse().unwrap())];
    assert_eq!(facts(&rack, &[]).dhcp, rack.network.dhcp);
    assert_eq!(network(&rack, &rack.network.dhcp).dhcp.len(), 2);
}
