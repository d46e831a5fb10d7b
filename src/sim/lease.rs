//! The heartbeat of a node as an object: a Lease in `kube-node-lease`.
//!
//! It does not renew itself; `life` does. Invariant: the text has the shape and the field order
//! of a real lease.

use super::random::uuid;
use super::resource::split_key;
use super::stamp;

/// The namespace of the node leases.
pub(crate) const NAMESPACE: &str = "kube-node-lease";

/// A node's lease.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) uid: u64,
    pub(crate) node_uid: u64,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) duration_seconds: u32,
    /// Microseconds since 1970.
    pub(crate) renewed: i64,
}

impl Lease {
    pub(crate) fn text(&self, key: &str, version: u64) -> String {
        let name = serde_json::Value::from(split_key(key).1);
        format!(
            concat!(
                r#"{{"metadata":{{"name":{name},"namespace":"{namespace}","uid":"{uid}","#,
                r#""resourceVersion":"{version}","creationTimestamp":"{created}","#,
                r#""ownerReferences":[{{"apiVersion":"v1","kind":"Node","name":{name},"uid":"{node_uid}"}}]}},"#,
                r#""spec":{{"holderIdentity":{name},"leaseDurationSeconds":{duration},"renewTime":"{renewed}"}}}}"#,
            ),
            name = name,
            namespace = NAMESPACE,
            uid = uuid(self.uid),
            node_uid = uuid(self.node_uid),
            version = version,
            created = stamp::seconds(self.created),
            duration = self.duration_seconds,
            renewed = stamp::micros(self.renewed),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Lease;

    #[test]
    fn a_lease_reads_like_a_real_one() {
        let lease = Lease {
            uid: 1,
            node_uid: 2,
            created: 1_795_417_486,
            duration_seconds: 40,
            renewed: 1_795_417_493_841_790,
        };
        let text = lease.text("kube-node-lease/rpi\"-01", 77);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["metadata"]["resourceVersion"], "77");
        assert_eq!(
            value["metadata"]["creationTimestamp"],
            "2026-11-23T07:04:46Z"
        );
        assert_eq!(value["spec"]["holderIdentity"], "rpi\"-01");
        assert_eq!(value["spec"]["leaseDurationSeconds"], 40);
        assert_eq!(value["spec"]["renewTime"], "2026-11-23T07:04:53.841790Z");
    }
}
