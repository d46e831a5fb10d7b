//! Services of the scenario as objects.
//!
//! Which address one gets is MetalLB's business, or that of the scenario. Invariant: a Service has all the defaults that
//! a real API server fills in.

use serde_json::{Map, Value, json};

use super::object::Object;
use super::random::{hash, uuid};
use super::resource::Kind;
use super::scenario::{ServiceKind, ServicePlan};
use super::stamp;
use super::store::Key;
use super::world::World;

const DAY: f64 = 86_400.0;

impl World {
    /// Stores a Service of the scenario.
    pub(crate) fn add_service(&mut self, plan: &ServicePlan, name: &str) {
        let key = Key::from(format!("{}/{name}", plan.namespace));
        let number = hash(self.seed, &format!("service {key}"));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an age in seconds; half a second is nothing"
        )]
        let age = (plan.days * DAY) as i64;
        let mut spec = json!({
            "type": match plan.kind {
                ServiceKind::LoadBalancer => "LoadBalancer",
                ServiceKind::NodePort => "NodePort",
                ServiceKind::ClusterIp => "ClusterIP",
            },
            "ports": ports(plan),
        });
        let app = plan.app.as_deref().unwrap_or(name);
        if !app.is_empty() {
            spec["selector"] = json!({ "app.kubernetes.io/name": app });
        }
        if plan.local {
            spec["externalTrafficPolicy"] = json!("Local");
        }
        if let Some(class) = &plan.class {
            spec["loadBalancerClass"] = json!(class);
        }
        if let Some(ip) = &plan.old_ip {
            spec["loadBalancerIP"] = json!(ip);
        }
        let mut service = json!({
            "metadata": {
                "name": name,
                "namespace": plan.namespace,
                "uid": uuid(number),
                "creationTimestamp": stamp::seconds(stamp::now() - age),
                "labels": plan.labels,
                "annotations": self.annotations(plan),
            },
            "spec": spec,
            "status": { "loadBalancer": {} },
        });
        if !plan.has.is_empty() {
            let ingress: Vec<Value> = plan.has.iter().map(|ip| json!({ "ip": ip })).collect();
            service["status"]["loadBalancer"]["ingress"] = json!(ingress);
        }
        complete(&mut service, number);
        self.store
            .put(Kind::Service, &key, Object::Given(Box::new(service)));
    }

    fn annotations(&self, plan: &ServicePlan) -> Value {
        let prefix = self
            .scenario
            .metallb
            .as_ref()
            .map_or("metallb.io/", |it| it.prefix());
        let wishes = [
            ("loadBalancerIPs", &plan.ip),
            ("address-pool", &plan.pool),
            ("allow-shared-ip", &plan.share),
        ];
        let mut annotations = Map::new();
        for (key, value) in wishes {
            if let Some(value) = value {
                annotations.insert(format!("{prefix}{key}"), json!(value));
            }
        }
        for (key, value) in &plan.annotations {
            annotations.insert(key.clone(), json!(value));
        }
        Value::Object(annotations)
    }
}

/// Fills in what the API server adds to a Service: a cluster address, node ports, policies.
pub(crate) fn complete(service: &mut Value, number: u64) {
    let spec = &mut service["spec"];
    let set = |spec: &mut Value, field: &str, value: Value| {
        if spec.get(field).is_none_or(Value::is_null) {
            spec[field] = value;
        }
    };
    set(spec, "type", json!("ClusterIP"));
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    let [.., a, b] = number.to_be_bytes();
    let address = format!("10.43.{a}.{}", b.max(1));
    set(spec, "clusterIP", json!(address));
    let address = spec["clusterIP"].clone();
    set(spec, "clusterIPs", json!([address]));
    set(spec, "ipFamilies", json!(["IPv4"]));
    set(spec, "ipFamilyPolicy", json!("SingleStack"));
    set(spec, "internalTrafficPolicy", json!("Cluster"));
    set(spec, "sessionAffinity", json!("None"));
    if kind != "ClusterIP" {
        set(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
    let has_node_ports =
        kind != "ClusterIP" && spec["allocateLoadBalancerNodePorts"] != json!(false);
    let ports = spec["ports"].as_array_mut().into_iter().flatten();
    for (index, port) in (0..).zip(ports) {
        set(port, "protocol", json!("TCP"));
        let target = port["port"].clone();
        set(port, "targetPort", target);
        if has_node_ports {
            let node_port = 30_000 + (number + index * 7) % 2_768;
            set(port, "nodePort", json!(node_port));
        }
    }
    if service.get("status").is_none_or(Value::is_null) {
        service["status"] = json!({ "loadBalancer": {} });
    }
}

fn ports(plan: &ServicePlan) -> Value {
    let several = plan.ports.len() > 1;
    let port = |text: &String| {
        let (text, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (port, target) = text.split_once(':').unwrap_or((text, text));
        let target = match target.parse::<u16>() {
            Ok(number) => json!(number),
            Err(_) => json!(target),
        };
        let mut made = json!({
            "port": port.parse::<u16>().unwrap_or(80),
            "targetPort": target,
            "protocol": protocol.to_uppercase(),
        });
        if several {
            made["name"] = json!(format!("{}-{port}", protocol.to_lowercase()));
        }
        made
    };
    plan.ports.iter().map(port).collect()
}
