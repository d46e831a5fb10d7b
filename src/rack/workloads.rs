//! Pods by what makes them: a row for each Deployment, StatefulSet, DaemonSet, Job and bare pod, from the pods, and for
//! each workload without one, from a list of them.
//!
//! Invariant: every pod is in exactly one group.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::rack::Rack;
use crate::rack::pod::{Maker, Pod, PodHealth, PodName};
use crate::rack::workload::WorkloadRef;

/// The pods of one workload.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    pub workload: WorkloadRef,
    /// By name; none only when it is idle.
    pub pods: Vec<&'a Pod>,
    pub idle: Option<&'a IdleWorkload>,
}

/// A workload that had no pod when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleWorkload {
    pub workload: WorkloadRef,
    pub maker: Maker,
    /// Pods it is asked for: 0 when somebody scaled it down, else something keeps them from being made.
    pub wanted: u32,
    pub created: Option<Timestamp>,
}

/// The kind of a group of one pod that nothing makes anew.
pub const BARE: &str = "Pod";

/// All groups by namespace and name.
pub fn groups(rack: &Rack) -> Vec<Group<'_>> {
    let mut groups: HashMap<(&str, &str, &str), Vec<&Pod>> = HashMap::new();
    for pod in rack.pods() {
        let key = match &pod.workload {
            Some(it) => (&*pod.namespace, &*it.name, &*it.kind),
            None => (&*pod.namespace, &*pod.name, BARE),
        };
        groups.entry(key).or_default().push(pod);
    }
    for it in &rack.idle {
        let it = &it.workload;
        let key = (&*it.namespace, &*it.name, &*it.kind);
        groups.entry(key).or_default();
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(key, _)| *key);
    let mut all = Vec::with_capacity(groups.len());
    for ((namespace, name, kind), mut pods) in groups {
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        let workload = WorkloadRef {
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        let idle = pods.is_empty().then(|| rack.idle_workload(&workload));
        all.push(Group {
            workload,
            pods,
            idle: idle.flatten(),
        });
    }
    all
}

impl Rack {
    /// What is known of a workload that had no pod.
    pub fn idle_workload(&self, workload: &WorkloadRef) -> Option<&IdleWorkload> {
        self.idle.iter().find(|it| it.workload == *workload)
    }
}

impl Group<'_> {
    /// What made the youngest pod: older ones may be left of a namesake that is gone.
    pub fn maker(&self) -> Option<&Maker> {
        if let Some(idle) = self.idle {
            return Some(&idle.maker);
        }
        let youngest = self.pods.iter().max_by_key(|pod| pod.created)?;
        youngest.workload.as_ref().map(|it| &it.maker)
    }

    /// The one that is worst off; finished pods are well.
    pub fn worst(&self) -> Option<&Pod> {
        let rank = |pod: &&&Pod| match pod.health() {
            PodHealth::Failing => 0,
            PodHealth::Waiting => 1,
            PodHealth::Running => 2,
            PodHealth::Done => 3,
        };
        self.pods.iter().min_by_key(rank).copied()
    }

    pub fn ready(&self) -> usize {
        self.pods
            .iter()
            .filter(|pod| pod.health() == PodHealth::Running)
            .count()
    }

    pub fn restarts(&self) -> u32 {
        self.pods.iter().map(|pod| pod.restarts).sum()
    }

    /// True when one of its pods fails, or none can be made.
    pub fn is_failing(&self) -> bool {
        let is_barred = self.idle.is_some_and(|it| it.wanted > 0);
        is_barred || (self.pods.iter()).any(|pod| pod.health() == PodHealth::Failing)
    }
}

impl Pod {
    pub fn full_name(&self) -> PodName {
        PodName {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::facts::{Change, Fact};
    use crate::rack::node::Uid;
    use crate::rack::pod::Controller;
    use crate::rack::time::Now;

    fn pod(name: &str, status: &str, of: Option<(&str, &str)>) -> Pod {
        Pod {
            uid: Uid(name.into()),
            namespace: "web".into(),
            name: name.into(),
            node: None,
            status: status.into(),
            ready: 1,
            containers: 1,
            restarts: 2,
            created: None,
            owner: None,
            workload: of.map(|(kind, name)| {
                Box::new(Controller {
                    kind: kind.into(),
                    name: name.into(),
                    maker: Maker {
                        uid: Uid("owner".into()),
                        replica_set: None,
                    },
                })
            }),
            why: "".into(),
            claims: Box::default(),
        }
    }

    #[test]
    fn pods_stand_under_what_makes_them() {
        let mut rack = Rack::new(Now::ZERO);
        rack.apply(Fact::Pods(Change::Listed(vec![
            pod("shop-b", "CrashLoopBackOff", Some(("Deployment", "shop"))),
            pod("shop-a", "Running", Some(("Deployment", "shop"))),
            pod("alone", "Running", None),
            pod("backup-x", "Completed", Some(("Job", "backup"))),
        ])));
        let idle = |name: &str, wanted| IdleWorkload {
            workload: WorkloadRef {
                kind: "Deployment".into(),
                namespace: "web".into(),
                name: name.into(),
            },
            maker: Maker {
                uid: Uid("idle".into()),
                replica_set: None,
            },
            wanted,
            created: None,
        };
        // The list is older than the pods: what has one by now is not idle.
        rack.idle = vec![idle("shop", 0), idle("zzz-off", 0), idle("zzz-barred", 2)];
        let mut groups = groups(&rack);
        let off = groups.pop().unwrap();
        let barred = groups.pop().unwrap();
        assert_eq!((&*off.workload.name, off.is_failing()), ("zzz-off", false));
        assert!(off.maker().is_some() && off.pods.is_empty());
        assert!(barred.is_failing());
        let names: Vec<String> = groups.iter().map(|it| it.workload.to_string()).collect();
        assert_eq!(
            names,
            ["pod web/alone", "job web/backup", "deployment web/shop"]
        );
        let shop = &groups[2];
        let pods: Vec<&str> = shop.pods.iter().map(|pod| &*pod.name).collect();
        assert_eq!(pods, ["shop-a", "shop-b"]);
        assert_eq!(
            (shop.ready(), shop.restarts(), shop.is_failing()),
            (1, 4, true)
        );
        assert_eq!(&*shop.worst().unwrap().name, "shop-b");
        assert!(!groups[1].is_failing());
    }
}
