//! From a kubeconfig to a running connection, and again whenever the kubeconfig changes.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::connection::Connection;
use super::decode::provisioner::Provisioning;
use super::decode::storage::{ClaimEvent, MountEvent};
use super::decode::workload::{DaemonSet, Deployment};
use super::dial::dial;
use super::error::Error;
use super::kubeconfig::{self, Chosen, Found, Stamps};
use super::line::{Dial, Line};
use super::place::Place;
use super::supervisor::Supervisor;
use super::{Target, Wants, discovery, metrics, source};
use crate::rack::announcement::{BgpStatus, L2Status};
use crate::rack::config_object::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, ConfigurationState, IpAddressPool,
    L2Advertisement, PoolConfigMap,
};
use crate::rack::endpoints::EndpointSlice;
use crate::rack::event::{NodeEvent, ServiceEvent};
use crate::rack::facts::{ClusterInfo, Fact};
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::namespace::Namespace;
use crate::rack::node::{Lease, Node};
use crate::rack::pod::Pod;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::service::Service;
use crate::rack::storage::{Claim, StorageClass, Volume};

/// A file that is being written is read a moment later.
const SETTLE: Duration = Duration::from_millis(300);
const RETRY: Duration = Duration::from_secs(15);

/// One kubeconfig after the other. Never ends.
///
/// A session stays with the context it began with: `kubectl config use-context` in another shell moves nobody.
pub(super) async fn follow(
    mut target: Target,
    wants: watch::Receiver<Wants>,
    out: mpsc::Sender<Fact>,
) {
    loop {
        let found = find(&target).await;
        if target.context.is_none() && found.chosen.is_ok() {
            target.context = Some(found.info.context.clone());
        }
        tokio::select! {
            () = found.stamps.changed() => sleep(SETTLE).await,
            () = one(found.info, found.chosen, wants.clone(), out.clone()) => {}
        }
    }
}

/// Reads the kubeconfig on a blocking thread: it may lie on a network disk.
pub(super) async fn find(target: &Target) -> Found {
    let wanted = target.clone();
    let reading = tokio::task::spawn_blocking(move || kubeconfig::find(&wanted));
    reading.await.unwrap_or_else(|_| Found {
        info: ClusterInfo::default(),
        chosen: Err(Problem::new(
            Severity::Critical,
            Subject::Kubeconfig,
            "the kubeconfig cannot be read",
        )
        .why("reading it failed in an unforeseen way")
        .into()),
        stamps: Stamps::none(),
    })
}

/// Follows one reading of the kubeconfig. Never ends.
async fn one(
    info: ClusterInfo,
    chosen: Result<Chosen, Box<Problem>>,
    wants: watch::Receiver<Wants>,
    out: mpsc::Sender<Fact>,
) {
    let tell = async |fact| {
        let _ = out.send(fact).await;
    };
    tell(Fact::Cluster(info.clone())).await;
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(problem) => {
            tell(Fact::Link(LinkState::Nowhere(*problem))).await;
            return std::future::pending().await;
        }
    };
    tell(Fact::Link(LinkState::Connecting)).await;
    for source in Source::ALL {
        tell(Fact::Source(source, SourceState::Waiting)).await;
    }
    let connection = loop {
        match dial(&chosen).await {
            Ok(connection) => break connection,
            Err(error @ Error::Kubeconfig(_)) => {
                tell(Fact::Link(LinkState::Nowhere(error.problem()))).await;
                return std::future::pending().await;
            }
            Err(error) => {
                let problem = error.problem();
                tell(Fact::Link(LinkState::Denied { problem })).await;
                sleep(RETRY).await;
            }
        }
    };
    Box::pin(connected(chosen, info, connection, wants, out)).await;
}

/// All parts of a connection, as one future.
async fn connected(
    chosen: Chosen,
    info: ClusterInfo,
    connection: Connection,
    wants: watch::Receiver<Wants>,
    out: mpsc::Sender<Fact>,
) {
    let (dials, following) = watch::channel(Dial {
        epoch: 0,
        connection,
        is_up: true,
        has_nodes: false,
        place: Place::default(),
    });
    let (reports, reported) = mpsc::channel(64);
    let line = Line::new(out, reports, following);
    tokio::join!(
        Supervisor::new(chosen, info, line.clone(), dials).run(reported),
        discovery::follow(line.clone()),
        core(line.clone()),
        services(line.clone()),
        metallb(line.clone()),
        storage(line.clone()),
        metrics::follow(line, wants),
    );
}

async fn core(line: Line) {
    tokio::join!(
        source::follow::<Node>(line.clone()),
        source::follow::<Lease>(line.clone()),
        source::follow::<Pod>(line.clone()),
        source::follow::<NodeEvent>(line),
    );
}

async fn services(line: Line) {
    tokio::join!(
        source::follow::<Service>(line.clone()),
        source::follow::<EndpointSlice>(line.clone()),
        source::follow::<ServiceEvent>(line.clone()),
        source::follow::<DaemonSet>(line.clone()),
        source::follow::<Deployment>(line.clone()),
        source::follow::<Namespace>(line),
    );
}

async fn storage(line: Line) {
    tokio::join!(
        source::follow::<StorageClass>(line.clone()),
        source::follow::<Claim>(line.clone()),
        source::follow::<Volume>(line.clone()),
        source::follow::<Provisioning>(line.clone()),
        source::follow::<ClaimEvent>(line.clone()),
        source::follow::<MountEvent>(line),
    );
}

/// None of these asks anything before the server is known to serve it.
async fn metallb(line: Line) {
    tokio::join!(
        source::follow::<PoolConfigMap>(line.clone()),
        source::follow::<IpAddressPool>(line.clone()),
        source::follow::<L2Advertisement>(line.clone()),
        source::follow::<BgpAdvertisement>(line.clone()),
        source::follow::<BgpPeer>(line.clone()),
        source::follow::<BfdProfile>(line.clone()),
        source::follow::<Community>(line.clone()),
        source::follow::<L2Status>(line.clone()),
        source::follow::<BgpStatus>(line.clone()),
        source::follow::<ConfigurationState>(line),
    );
}
