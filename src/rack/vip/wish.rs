//! What a person wants of a Service, as changes to it: an address, a pool, a key to share, or a new Service for a
//! Deployment.
//!
//! Not here: sending anything. Annotations are written under the prefix that the cluster's MetalLB reads, and an older
//! request under the other prefix is taken away with the same change.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::rack::pools::version::Version;
use crate::rack::service::{OLD_PREFIX, PREFIX, Protocol, Service, ServiceName, Wish};

/// A Deployment to be reached under an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    pub deployment: ServiceName,
    /// The name of the new Service.
    pub name: String,
    pub ports: Vec<ExposedPort>,
    pub pool: Option<String>,
    pub address: Option<IpAddr>,
    /// The sharing key.
    pub key: Option<String>,
    /// What annotations begin with.
    pub prefix: &'static str,
    /// TCP and UDP go into two Services: this cluster is too old for one.
    pub is_split: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposedPort {
    pub port: u16,
    /// A number or the name of a container's port.
    pub target: String,
    pub protocol: Protocol,
}

/// What annotations must begin with for this MetalLB; without a known version, as of today.
pub fn prefix(version: Option<Version>) -> &'static str {
    version.map_or(PREFIX, Version::annotation_prefix)
}

/// Whether TCP and UDP need two Services: Kubernetes before 1.26, or MetalLB before 0.13.6.
pub fn needs_two(server: Option<&str>, version: Option<Version>) -> bool {
    let minor = server.and_then(|text| {
        let mut parts = text.trim_start_matches('v').split('.');
        let major: u32 = parts.next()?.parse().ok()?;
        let minor: u32 = parts.next()?.trim_end_matches('+').parse().ok()?;
        Some((major, minor))
    });
    minor.is_some_and(|it| it < (1, 26)) || version.is_some_and(|it| !it.is_at_least(13, 6))
}

/// Reads `80:8080 443:https 53/udp 53/tcp+udp`.
pub fn parse_ports(text: &str) -> Result<Vec<ExposedPort>, String> {
    let mut ports: Vec<ExposedPort> = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let (numbers, protocols) = word.split_once('/').unwrap_or((word, "tcp"));
        let (port, target) = numbers.split_once(':').unwrap_or((numbers, numbers));
        let number: u16 = match port.parse() {
            Ok(number) if number > 0 => number,
            _ => {
                return Err(format!(
                    "\"{port}\" is no port; write 80:8080, 53/udp or 53/tcp+udp"
                ));
            }
        };
        let is_target = target.parse::<u16>().map_or_else(
            |_| {
                !target.is_empty()
                    && target
                        .bytes()
                        .all(|it| it.is_ascii_alphanumeric() || it == b'-')
            },
            |number| number > 0,
        );
        if !is_target {
            return Err(format!(
                "\"{target}\" is neither a port nor the name of one"
            ));
        }
        for protocol in protocols.split('+') {
            let protocol = match protocol.to_ascii_lowercase().as_str() {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                other => return Err(format!("\"{other}\" is neither tcp nor udp")),
            };
            if ports
                .iter()
                .any(|it| (it.port, it.protocol) == (number, protocol))
            {
                return Err(format!(
                    "{} port {number} stands there twice",
                    protocol.word()
                ));
            }
            ports.push(ExposedPort {
                port: number,
                target: target.to_owned(),
                protocol,
            });
        }
    }
    if ports.is_empty() {
        return Err("at least one port is needed, such as 80:8080".to_owned());
    }
    Ok(ports)
}

impl Exposure {
    /// The Services to be made, given the labels that the Deployment selects its pods by.
    pub fn manifests(&self, selector: &Value) -> Vec<Value> {
        let of = |protocol: Protocol| -> Vec<&ExposedPort> {
            self.ports
                .iter()
                .filter(|it| it.protocol == protocol)
                .collect()
        };
        let (tcp, udp) = (of(Protocol::Tcp), of(Protocol::Udp));
        if self.is_split && !tcp.is_empty() && !udp.is_empty() {
            let udp_name = format!("{}-udp", self.name);
            return vec![
                self.manifest(&self.name, &tcp, selector),
                self.manifest(&udp_name, &udp, selector),
            ];
        }
        let all: Vec<&ExposedPort> = self.ports.iter().collect();
        vec![self.manifest(&self.name, &all, selector)]
    }

    fn manifest(&self, name: &str, ports: &[&ExposedPort], selector: &Value) -> Value {
        let mut annotations = Map::new();
        let mut annotate = |wish: Wish, value: Option<String>| {
            if let Some(value) = value {
                annotations.insert(format!("{}{}", self.prefix, wish.key()), json!(value));
            }
        };
        annotate(Wish::Pool, self.pool.clone());
        annotate(Wish::Addresses, self.address.map(|it| it.to_string()));
        annotate(Wish::SharingKey, self.key.clone());
        let port = |it: &&ExposedPort| {
            let protocol = it.protocol.word();
            json!({
                "name": format!("{}-{}", protocol.to_lowercase(), it.port),
                "port": it.port,
                "protocol": protocol,
                "targetPort": it.target.parse::<u16>().map_or_else(|_| json!(it.target), |number| json!(number)),
            })
        };
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": name,
                "namespace": &*self.deployment.namespace,
                "annotations": annotations,
            },
            "spec": {
                "type": "LoadBalancer",
                "selector": selector,
                "ports": ports.iter().map(port).collect::<Vec<_>>(),
            },
        })
    }
}

/// Asks for this address, or for none in particular any more.
pub fn ask_for_address(service: &Service, prefix: &str, address: Option<IpAddr>) -> Value {
    let annotations = annotations(
        service,
        prefix,
        &[(Wish::Addresses, address.map(|it| it.to_string()))],
    );
    let mut change = json!({ "metadata": { "annotations": annotations } });
    if service.load_balancer_ip.is_some() {
        // Both at once are refused.
        change["spec"]["loadBalancerIP"] = Value::Null;
    }
    change
}

/// Asks for any address of this pool, or of any pool.
pub fn ask_for_pool(service: &Service, prefix: &str, pool: Option<&str>) -> Value {
    let wishes = [
        (Wish::Pool, pool.map(str::to_owned)),
        (Wish::Addresses, None),
    ];
    let mut change =
        json!({ "metadata": { "annotations": annotations(service, prefix, &wishes) } });
    if service.load_balancer_ip.is_some() {
        change["spec"]["loadBalancerIP"] = Value::Null;
    }
    change
}

/// Shares an address under a key.
pub fn share(service: &Service, prefix: &str, key: &str, address: Option<IpAddr>) -> Value {
    let mut wishes = vec![(Wish::SharingKey, Some(key.to_owned()))];
    if let Some(address) = address {
        wishes.push((Wish::Addresses, Some(address.to_string())));
    }
    let mut change =
        json!({ "metadata": { "annotations": annotations(service, prefix, &wishes) } });
    if address.is_some() && service.load_balancer_ip.is_some() {
        change["spec"]["loadBalancerIP"] = Value::Null;
    }
    change
}

/// Gives the address up: the Service goes on inside the cluster.
pub fn release() -> Value {
    json!({ "spec": { "type": "ClusterIP", "loadBalancerIP": null } })
}

/// The annotations of a merge patch; `null` takes away.
fn annotations(
    service: &Service,
    prefix: &str,
    wishes: &[(Wish, Option<String>)],
) -> Map<String, Value> {
    let mut annotations = Map::new();
    for (wish, value) in wishes {
        for known in [PREFIX, OLD_PREFIX] {
            let key = format!("{known}{}", wish.key());
            let is_there = service.annotations.contains_key(&*key);
            match value {
                Some(value) if known == prefix => _ = annotations.insert(key, json!(value)),
                _ if is_there => _ = annotations.insert(key, Value::Null),
                _ => {}
            }
        }
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::vip::testing::service;

    fn ports(text: &str) -> Result<String, String> {
        let ports = parse_ports(text)?;
        let words = ports
            .iter()
            .map(|it| format!("{}>{} {}", it.port, it.target, it.protocol.word()));
        Ok(words.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn ports_are_read_as_people_write_them() {
        for (text, expected) in [
            ("80", "80>80 TCP"),
            ("80:8080, 443:https", "80>8080 TCP, 443>https TCP"),
            ("53/tcp+udp", "53>53 TCP, 53>53 UDP"),
            ("53:5353/UDP", "53>5353 UDP"),
        ] {
            assert_eq!(ports(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, part) in [
            ("", "at least one port"),
            ("0", "no port"),
            ("99999", "no port"),
            ("80/icmp", "neither tcp nor udp"),
            ("80 80:8080", "twice"),
            ("80:b@d", "neither a port nor"),
            ("80:0", "neither a port nor"),
        ] {
            let error = ports(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    fn exposure(is_split: bool) -> Exposure {
        Exposure {
            deployment: ServiceName::new("infra", "dns"),
            name: "dns".to_owned(),
            ports: parse_ports("53/tcp+udp").unwrap(),
            pool: None,
            address: Some("192.168.7.205".parse().unwrap()),
            key: Some("dns".to_owned()),
            prefix: PREFIX,
            is_split,
        }
    }

    #[test]
    fn tcp_and_udp_are_one_service_today_and_two_that_share_in_old_clusters() {
        let selector = json!({ "app": "dns" });
        let one = exposure(false).manifests(&selector);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0]["spec"]["ports"].as_array().unwrap().len(), 2);
        let two = exposure(true).manifests(&selector);
        let names: Vec<_> = two
            .iter()
            .map(|it| it["metadata"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["dns", "dns-udp"]);
        for it in &two {
            let annotations = &it["metadata"]["annotations"];
            assert_eq!(annotations["metallb.io/allow-shared-ip"], "dns");
            assert_eq!(annotations["metallb.io/loadBalancerIPs"], "192.168.7.205");
            assert_eq!(it["spec"]["selector"], selector);
        }
        let version = |text| Version::parse(text);
        for (server, metallb, expected) in [
            (Some("v1.33.4+k3s1"), version("v0.15.2"), false),
            (Some("v1.25.9"), version("v0.15.2"), true),
            (Some("v1.33.4"), version("v0.13.5"), true),
            (None, None, false),
        ] {
            assert_eq!(
                needs_two(server, metallb),
                expected,
                "{server:?} {metallb:?}"
            );
        }
    }

    #[test]
    fn a_change_takes_older_requests_away() {
        let mut shop = service("web/shop", "192.168.7.200");
        shop.annotations.insert(
            "metallb.universe.tf/loadBalancerIPs".into(),
            "192.168.7.1".into(),
        );
        shop.load_balancer_ip = Some("192.168.7.2".into());
        let address: IpAddr = "192.168.7.205".parse().unwrap();
        assert_eq!(
            ask_for_address(&shop, PREFIX, Some(address)),
            json!({
                "metadata": { "annotations": {
                    "metallb.io/loadBalancerIPs": "192.168.7.205",
                    "metallb.universe.tf/loadBalancerIPs": null,
                } },
                "spec": { "loadBalancerIP": null },
            })
        );
        assert_eq!(
            ask_for_pool(&shop, OLD_PREFIX, Some("lan"))["metadata"]["annotations"],
            json!({
                "metallb.universe.tf/address-pool": "lan",
                "metallb.universe.tf/loadBalancerIPs": null,
            })
        );
    }
}
