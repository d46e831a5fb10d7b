//! A rack with MetalLB and many Services: filled once, changed 200 times a second, and looked at in the Services pane.
//!
//! Nothing here allocates or announces: the bench writes what MetalLB would. Half of the changes are of Services, half
//! of their endpoints.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http::Method;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::cluster::{Cluster, at_once, create, send};
use crate::cockpit::Cockpit;
use crate::relay::Relay;
use crate::scenes::{self, Quiet};
use crate::table::{Table, millis, quantile};
use crate::{objects, vips};

const SERVICES: usize = 2_000;
/// Changes in each step of 100 ms.
const CHANGES: usize = 20;
/// Addresses that are taken away, to see how long it takes until that is seen.
const LOSSES: usize = 40;
const LONG: Duration = Duration::from_secs(60);

pub(crate) fn measure(
    table: &mut Table,
    cluster: &mut Cluster,
    relay: &Relay,
    home: &Path,
) -> Result<()> {
    fill(cluster)?;
    let mut cockpit = scenes::settled(cluster, relay.kubeconfig(), home)?;
    cockpit.press("2")?;
    let first = vips::address(0);
    let is_there =
        |shown: &crate::cockpit::Shown<'_>| shown.rows().iter().any(|row| row.contains(&first));
    let seen = cockpit.until(LONG, is_there);
    seen.context("no services on the screen")?;
    losses(table, cluster, &mut cockpit)?;
    let churn = churn(cluster);
    let must = Quiet {
        what: "2,000 services",
        terminal: None,
        cpu: 6.0,
        memory: Some(120.0),
        api: None,
    };
    scenes::quiet(table, cluster, &mut cockpit, relay, &must)?;
    scenes::keys(table, &mut cockpit)?;
    churn.abort();
    Ok(())
}

fn fill(cluster: &Cluster) -> Result<()> {
    eprintln!("filling: {SERVICES} services …");
    let client = cluster.client();
    let nodes: Vec<String> = (0..cluster.nodes()).map(objects::node_name).collect();
    cluster.runtime().block_on(async {
        for (kind, plural, version) in vips::KINDS {
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            create(&client, path, &vips::definition(kind, plural, version)).await?;
        }
        let namespace = json!({ "metadata": { "name": vips::NAMESPACE } });
        create(&client, "/api/v1/namespaces", &namespace).await?;
        let metallb = |plural: &str| {
            format!(
                "/apis/metallb.io/v1beta1/namespaces/{}/{plural}",
                vips::NAMESPACE
            )
        };
        // The kinds are served a moment after they were defined: `create` tries again.
        create(&client, &metallb("ipaddresspools"), &vips::pool()).await?;
        create(
            &client,
            &metallb("l2advertisements"),
            &vips::advertisement(),
        )
        .await?;
        let apps = format!("/apis/apps/v1/namespaces/{}", vips::NAMESPACE);
        let mut speaker = vips::workload("DaemonSet", "speaker", nodes.len());
        // Nothing is to be scheduled: there would be nobody to run it.
        speaker["spec"]["template"]["spec"]["nodeSelector"] = json!({ "none": "at-all" });
        create(&client, &format!("{apps}/daemonsets"), &speaker).await?;
        let services = (0..SERVICES).map(|index| {
            let (client, nodes) = (client.clone(), nodes.clone());
            let statuses = metallb("servicel2statuses");
            async move {
                let namespace = objects::namespace(index);
                let path = format!("/api/v1/namespaces/{namespace}/services");
                create(&client, &path, &vips::service(index, &namespace, 0)).await?;
                let status = format!("{path}/{}/status", vips::name(index));
                send(&client, Method::PATCH, &status, &vips::ingress(index)).await?;
                let slices = slices(&namespace);
                create(&client, &slices, &vips::slice(index, &namespace, &nodes, 3)).await?;
                create(
                    &client,
                    &statuses,
                    &vips::l2_status(index, &namespace, &nodes),
                )
                .await
            }
        });
        at_once(services).await
    })
}

fn slices(namespace: &str) -> String {
    format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices")
}

/// 200 changes a second until it is aborted. A request that takes long does not hold up the next.
fn churn(cluster: &Cluster) -> JoinHandle<()> {
    let client = cluster.client();
    let nodes: Vec<String> = (0..cluster.nodes()).map(objects::node_name).collect();
    let (nodes, written) = (Arc::new(nodes), cluster.counter());
    cluster.runtime().spawn(async move {
        let mut steps = interval(Duration::from_millis(100));
        steps.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let under_way = Arc::new(AtomicUsize::new(0));
        for step in 0.. {
            steps.tick().await;
            for number in 0..CHANGES {
                let at = step * CHANGES + number;
                let (client, nodes) = (client.clone(), Arc::clone(&nodes));
                let (written, under_way) = (Arc::clone(&written), Arc::clone(&under_way));
                if under_way.fetch_add(1, Ordering::Relaxed) > 100 {
                    under_way.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                tokio::spawn(async move {
                    let index = at * 37 % SERVICES;
                    let namespace = objects::namespace(index);
                    let name = vips::name(index);
                    let done = if number % 2 == 0 {
                        let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
                        let body = json!({ "metadata": { "labels": { "turn": at.to_string() } } });
                        send(&client, Method::PATCH, &path, &body).await
                    } else {
                        let slice = vips::slice(index, &namespace, &nodes, at % 4);
                        let path = format!("{}/{name}-x", slices(&namespace));
                        let body = json!({ "endpoints": slice["endpoints"] });
                        send(&client, Method::PATCH, &path, &body).await
                    };
                    if done.is_ok() {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                    under_way.fetch_sub(1, Ordering::Relaxed);
                });
            }
        }
    })
}

/// An address is taken away at the API, and given back: until the row says so.
fn losses(table: &mut Table, cluster: &Cluster, cockpit: &mut Cockpit) -> Result<()> {
    let mut times = Vec::new();
    let client = cluster.client();
    let (name, namespace) = (vips::name(0), objects::namespace(0));
    let path = format!("/api/v1/namespaces/{namespace}/services/{name}/status");
    for turn in 0..LOSSES + 2 {
        cockpit.pass(Duration::from_millis(250 + turn as u64 * 37 % 110));
        let is_lost = turn % 2 == 0;
        let body = if is_lost {
            json!({ "status": { "loadBalancer": { "ingress": null } } })
        } else {
            vips::ingress(0)
        };
        let (client, path) = (client.clone(), path.clone());
        let begun = Instant::now();
        let request = cluster
            .runtime()
            .spawn(async move { send(&client, Method::PATCH, &path, &body).await });
        let shown = cockpit.until(Duration::from_secs(10), |shown| {
            let rows = shown.rows();
            let row = rows.iter().find(|row| row.contains(&format!("/{name} ")));
            row.is_some_and(|row| row.contains("pending") == is_lost)
        });
        let Some(shown) = shown else {
            bail!(
                "a lost address is not seen:\n{}",
                cockpit.shown().rows().join("\n")
            );
        };
        cluster.runtime().block_on(request)??;
        // The first two only open the connection.
        if turn >= 2 {
            times.push(shown - begun);
        }
    }
    let median = millis(quantile(&times, 0.5));
    table.told(
        "VIP lost at the API to screen",
        format!("median {median:.1} ms"),
    );
    table.quicker(
        "VIP lost at the API to screen, p95 of 40",
        Duration::from_millis(100),
        Some(quantile(&times, 0.95)),
    );
    Ok(())
}
