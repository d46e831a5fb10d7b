//! CPU and memory of the nodes from metrics.k8s.io, asked every 15 seconds and only while somebody looks: there is no
//! watch for it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::Wants;
use super::connection::Connection;
use super::decode::usage;
use super::error::Error;
use super::line::{Line, Report};
use super::source::asking;
use crate::rack::facts::{Fact, Usage};
use crate::rack::link::Source;

const EVERY: Duration = Duration::from_secs(15);
const ABSENT: Duration = Duration::from_secs(60);

/// Asks for ever while wanted. Never ends; dropped with the future it is part of.
pub(super) async fn follow(mut line: Line, mut wants: watch::Receiver<Wants>) {
    let mut tries = 0;
    loop {
        if wants.wait_for(|wants| wants.metrics).await.is_err() {
            // Nobody can want it any more.
            std::future::pending::<()>().await;
        }
        let dial = line.dial(|dial| dial.has_nodes).await;
        let mut pause = EVERY;
        match once(&dial.connection).await {
            Ok(usage) => {
                tries = 0;
                line.bytes_came().await;
                line.tell(Fact::Usage(usage)).await;
                line.report(Report::Live(Source::Metrics)).await;
            }
            Err(error) => {
                tries += 1;
                if !error.is_line() {
                    pause = ABSENT;
                }
                let source = Source::Metrics;
                line.report(Report::Failed {
                    source,
                    error: absent(error),
                    tries,
                })
                .await;
            }
        }
        sleep(pause).await;
    }
}

/// The usage of all nodes, once.
pub(super) async fn once(connection: &Connection) -> Result<Vec<Usage>, Error> {
    let body = connection.get(usage::PATH, asking(Source::Metrics)).await?;
    usage::list(&body).map_err(|error| Error::Unreadable {
        what: "metrics of nodes".to_owned(),
        why: error.to_string(),
    })
}

/// 503 is what the server says when metrics-server is installed and not there.
fn absent(error: Error) -> Error {
    match error {
        Error::Busy { code: 503, .. } => Error::Missing {
            what: asking(Source::Metrics).what.to_owned(),
        },
        error => error,
    }
}
