//! MetalLB before 0.13, whose pools stand in a ConfigMap.

use super::*;

/// A rack with MetalLB 0.12 and this configuration, in which `web/shop` waits for an address.
fn legacy(config: &str) -> Bench {
    let mut bench = Bench::well();
    bench.install("v0.12.1");
    bench.kinds.clear();
    bench.pools.clear();
    bench.l2.clear();
    bench.pending();
    bench.config_maps.push(PoolConfigMap {
        head: head(ConfigKind::ConfigMap, "config"),
        config: Some(Text(config.into())),
    });
    bench
}

const OLD_POOLS: &str = "address-pools:
- name: lan
  protocol: layer2
  addresses: [192.168.7.200-192.168.7.201]
- name: uplink
  protocol: bgp
  auto-assign: false
  addresses: [10.9.0.0/29]
";

#[test]
fn an_old_config_map_that_names_addresses_is_not_said_to_name_none() {
    let told = |config: &str| {
        let rack = legacy(config).rack();
        let mut findings = findings(&rack).into_iter();
        findings.any(|it| it.problem.why.contains("names no pool"))
    };
    assert!(told("address-pools: []"));
    assert!(!told(OLD_POOLS));
    // Nothing can be read of it, so that nothing is said of its pools.
    assert!(!told("address-pools: [{name: lan, addresses: [what]"));
}

#[test]
fn pools_of_the_config_map_are_pools() {
    let mut bench = legacy(OLD_POOLS);
    bench.shop().ingress = service("web/shop", "192.168.7.200").ingress;
    bench.services.push(service("web/far", "10.9.0.3"));
    bench.endpoints("web/far", &[("rpi-01", true)]);
    let rack = bench.rack();
    let pool = |name: &str| {
        let vip = rack.vips.get(&service_name(name)).unwrap();
        let announcer = vip.announcer.as_ref().unwrap();
        (vip.pool.clone().unwrap().name, announcer.protocol)
    };
    assert_eq!(
        pool("web/shop"),
        ("lan".to_owned(), announcer::Protocol::Layer2)
    );
    assert_eq!(
        pool("web/far"),
        ("uplink".to_owned(), announcer::Protocol::Bgp)
    );
    assert_eq!((rack.vips.used, rack.vips.capacity), (2, Some(10)));
    let pools = pools::Pools::of(&rack);
    let free = |name: &str| -> Vec<String> {
        let pool = pools.named(name).unwrap();
        let free = pools.free(pool, crate::rack::pools::range::Family::V4, 2);
        free.iter().map(ToString::to_string).collect()
    };
    assert_eq!(free("lan"), ["192.168.7.201"]);
    assert_eq!(free("uplink"), ["10.9.0.0", "10.9.0.1"]);
    let shop = rack.services.get(&service_name("web/shop")).unwrap();
    let chain = rack.chain(shop);
    let says = |words: &str| chain.iter().any(|it| it.words.contains(words));
    assert!(says("lan (by its ranges), 1 of 2 in use"), "{chain:?}");
    assert!(says("as the ConfigMap says (layer 2)"), "{chain:?}");
}

#[test]
fn why_a_service_waits_is_told_from_the_config_map_too() {
    for (break_it, symptom, words) in [
        (
            (|bench: &mut Bench| {
                bench.services.push(service("a/one", "192.168.7.200"));
                bench.services.push(service("a/two", "192.168.7.201"));
            }) as fn(&mut Bench),
            Symptom::PoolsFull,
            "no address left in pool lan: 2 of 2 in use",
        ),
        (
            |bench| annotate(bench, "metallb.universe.tf/address-pool", "lab"),
            Symptom::RequestOutsidePools,
            "asks for pool lab, which does not exist",
        ),
        (
            |bench| bench.shop().load_balancer_ip = Some("192.168.7.230".into()),
            Symptom::RequestOutsidePools,
            "asks for 192.168.7.230, which is in no pool",
        ),
    ] {
        let mut bench = legacy(OLD_POOLS);
        break_it(&mut bench);
        let rack = bench.rack();
        let vip = rack.vips.get(&service_name("web/shop")).unwrap();
        assert!(vip.has(symptom), "{:#?}", vip.findings);
        let problem = vip.worst().unwrap();
        assert!(problem.why.contains(words), "{problem:?}");
    }
}

#[test]
fn a_config_map_that_metallb_refuses_is_told_with_its_line() {
    let rack = legacy("address-pools:\n- name: lan\n  protocol: layer2\n  adresses: []\n").rack();
    let all = findings(&rack);
    let refused = all
        .iter()
        .find(|it| it.symptom == Symptom::ConfigurationIgnored)
        .unwrap();
    let evidence = refused.problem.evidence.join(" ");
    assert!(evidence.contains("line 4"), "{evidence}");
    assert!(evidence.contains("adresses"), "{evidence}");
    assert!(!refused.problem.why.is_empty());
}
