//! Reading a request's path and query: which resource, which object, which options.
//!
//! It does not know whether the object exists. Invariant: any text can be asked for; what is not
//! understood is `Target::Unknown`, which a real server answers with 404 in plain text.

use super::super::resource::{ALL, Kind, Resource};

/// What a path points at.
#[derive(Debug)]
pub(crate) enum Target {
    /// `/readyz`, `/livez`, `/healthz`
    Health,
    /// `/version`, `/api`, `/apis` and the lists of resources.
    Info(String),
    Objects(Place),
    Object(Place),
    Eviction(Place),
    Log(Place),
    Metrics(Place),
    /// A review is answered at once and never stored.
    Review(&'static str),
    /// This group is known, the resource in it is not.
    NoResource(&'static str),
    Unknown,
}

/// A resource, and the namespace and name if the path holds them.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) group: &'static str,
    pub(crate) subresource: &'static str,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
}

/// The options after the question mark.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Target {
    /// The resource that authorization is asked about, if it is one.
    pub(crate) fn place(&self) -> Option<&Place> {
        match self {
            Self::Objects(place)
            | Self::Object(place)
            | Self::Eviction(place)
            | Self::Log(place)
            | Self::Metrics(place) => Some(place),
            Self::Health
            | Self::Info(_)
            | Self::Review(_)
            | Self::NoResource(_)
            | Self::Unknown => None,
        }
    }
}

impl Place {
    pub(crate) fn resource(&self) -> &'static Resource {
        self.kind.resource()
    }

    /// The key of the named object; what `name` lacks is empty and so not found.
    pub(crate) fn key(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        let name = self.name.as_deref().unwrap_or_default();
        self.resource().key(namespace, name)
    }

    /// What keys of this place start with.
    pub(crate) fn prefix(&self) -> String {
        match &self.namespace {
            Some(namespace) if self.resource().namespaced => format!("{namespace}/"),
            _ => String::new(),
        }
    }

    /// The resource as authorization names it: `pods`, `pods/eviction`, `nodes.metrics.k8s.io`.
    pub(crate) fn checked_resource(&self) -> String {
        let plural = self.resource().plural;
        match (self.subresource, self.group) {
            ("", "metrics.k8s.io") => format!("{plural}.metrics.k8s.io"),
            ("", _) => plural.to_owned(),
            (subresource, _) => format!("{plural}/{subresource}"),
        }
    }
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let read = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decode(&name.replace('+', " ")),
                decode(&value.replace('+', " ")),
            )
        };
        Self(pairs.map(read).collect())
    }

    /// The value of an option; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1")
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.is_on("watch")
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }
}

/// What a path points at.
pub(crate) fn target(path: &str) -> Target {
    let parts: Vec<String> = path
        .split('/')
        .filter(|it| !it.is_empty())
        .map(decode)
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match *parts {
        ["readyz" | "livez" | "healthz", ..] => Target::Health,
        ["version" | "api" | "apis"] | ["api", "v1"] | ["apis", _] | ["apis", _, _] => {
            Target::Info(path.trim_end_matches('/').to_owned())
        }
        [
            "apis",
            "authorization.k8s.io",
            "v1",
            "selfsubjectaccessreviews",
        ] => Target::Review("SelfSubjectAccessReview"),
        ["apis", "authentication.k8s.io", "v1", "selfsubjectreviews"] => {
            Target::Review("SelfSubjectReview")
        }
        ["api", "v1", ref rest @ ..] => in_group("", "v1", rest),
        ["apis", "metrics.k8s.io", "v1beta1", ref rest @ ..] => metrics(rest),
        ["apis", group, version, ref rest @ ..] => in_group(group, version, rest),
        _ => Target::Unknown,
    }
}

fn in_group(group: &str, version: &str, rest: &[&str]) -> Target {
    let (namespace, rest) = match *rest {
        ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() => (Some(namespace), rest),
        ref rest => (None, rest),
    };
    let is_group = |it: &&Resource| it.group == group && it.version == version;
    let Some(of_group) = ALL.iter().find(is_group) else {
        return Target::Unknown;
    };
    let none = Target::NoResource(of_group.group);
    let Some(plural) = rest.first() else {
        return none;
    };
    let known = |it: &&Resource| it.group == group && it.version == version && it.plural == *plural;
    let Some(resource) = ALL.iter().find(known) else {
        return none;
    };
    let place = |name: Option<&str>, subresource| Place {
        kind: resource.kind,
        group: resource.group,
        subresource,
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    match *rest {
        [_] => Target::Objects(place(None, "")),
        [_, name] => Target::Object(place(Some(name), "")),
        [_, name, "eviction"] if resource.kind == Kind::Pod => {
            Target::Eviction(place(Some(name), "eviction"))
        }
        [_, name, "log"] if resource.kind == Kind::Pod => Target::Log(place(Some(name), "log")),
        _ => none,
    }
}

fn metrics(rest: &[&str]) -> Target {
    let place = |kind, namespace: Option<&str>, name: Option<&str>| {
        Target::Metrics(Place {
            kind,
            group: "metrics.k8s.io",
            subresource: "",
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
        })
    };
    match *rest {
        ["nodes"] => place(Kind::Node, None, None),
        ["nodes", name] => place(Kind::Node, None, Some(name)),
        ["pods"] => place(Kind::Pod, None, None),
        ["namespaces", namespace, "pods"] => place(Kind::Pod, Some(namespace), None),
        ["namespaces", namespace, "pods", name] => place(Kind::Pod, Some(namespace), Some(name)),
        _ => Target::Unknown,
    }
}

/// Undoes percent encoding; a broken escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let ahead = rest.clone().take(2).map(char::from).collect::<String>();
        match u8::from_str_radix(&ahead, 16) {
            Ok(escaped) if byte == b'%' && ahead.len() == 2 => {
                bytes.push(escaped);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Query, Target, decode, target};

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("fieldSelector=spec.nodeName%3Drpi-01&watch=1&limit=5&x");
        assert_eq!(query.get("fieldSelector"), "spec.nodeName=rpi-01");
        assert!(query.is_watch());
        assert_eq!(query.number("limit"), Some(5));
        assert_eq!(query.get("continue"), "");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%e2%97%8f"), "%zz●");
    }

    #[test]
    fn paths_point_at_what_a_real_server_would_serve() {
        let key = |path| match target(path) {
            Target::Object(place) => place.key(),
            Target::Eviction(place) => format!("evict {}", place.key()),
            Target::Objects(place) => format!("all {}{}", place.prefix(), place.resource().plural),
            Target::Metrics(place) => format!("metrics {}", place.resource().plural),
            Target::Info(path) => path,
            Target::NoResource(_) => "NoResource".to_owned(),
            other => format!("{other:?}"),
        };
        let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
        let cases = [
            ("/api/v1/nodes/rpi-01", "rpi-01"),
            ("/api/v1/namespaces/web/pods/shop-0", "web/shop-0"),
            ("/api/v1/namespaces/web/pods", "all web/pods"),
            ("/api/v1/pods", "all pods"),
            (leases, "all kube-node-lease/leases"),
            (
                "/api/v1/namespaces/web/pods/shop-0/eviction",
                "evict web/shop-0",
            ),
            ("/api/v1/namespaces/web", "web"),
            ("/api/v1/namespaces", "all namespaces"),
            ("/apis/metrics.k8s.io/v1beta1/nodes", "metrics nodes"),
            (
                "/apis/metallb.io/v1beta1/ipaddresspools",
                "all ipaddresspools",
            ),
            ("/apis/metallb.io/v1beta1/bgppeers", "NoResource"),
            ("/apis/kube-vip.io/v1/pools", "Unknown"),
            ("/api/v1/leases", "NoResource"),
            ("/version", "/version"),
        ];
        for (path, expected) in cases {
            assert_eq!(key(path), expected, "{path}");
        }
    }
}
