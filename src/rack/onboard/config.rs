//! `/etc/rancher/k3s/config.yaml`: flags as keys, so that running the installer again loses none of them.
//!
//! Every value is written in double quotes with JSON's escapes, which YAML 1.1 and 1.2 read alike: a bare `no` or `0644`
//! would be something else to k3s. The token is not in here: it is one more line, added where the file is written.

use super::wish::{Role, ServerUrl, Wish};

/// The lines for a wish, without the token, in an order that never changes.
pub fn lines(wish: &Wish, node: &str, address: Option<&str>) -> Vec<String> {
    let mut lines = vec![pair("node-name", node)];
    if let Some(url) = wish
        .url
        .as_ref()
        .filter(|_| !matches!(wish.role, Role::FirstServer { .. }))
    {
        lines.push(pair("server", &url.to_string()));
    }
    if wish.role == (Role::FirstServer { etcd: true }) {
        lines.push("cluster-init: true".to_owned());
    }
    if wish.role.is_server() {
        let mut names = wish.tls_san.clone();
        for name in wish.url.iter().map(ServerUrl::host).chain(address) {
            if !names.iter().any(|it| it == name) {
                names.push(name.to_owned());
            }
        }
        list(&mut lines, "tls-san", &names);
    }
    if let Some(address) = &wish.node_ip {
        lines.push(pair("node-ip", address));
    }
    list(&mut lines, "node-label", &wish.labels);
    list(&mut lines, "node-taint", &wish.taints);
    lines
}

/// One key with its value in quotes.
pub fn pair(key: &str, value: &str) -> String {
    format!("{key}: {}", quoted(value))
}

fn list(lines: &mut Vec<String>, key: &str, values: &[String]) {
    if !values.is_empty() {
        lines.push(format!("{key}:"));
        lines.extend(values.iter().map(|value| format!("  - {}", quoted(value))));
    }
}

fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
