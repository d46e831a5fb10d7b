//! Which of MetalLB's kinds the server serves: one small question for all of them, asked rarely.
//!
//! A list of a kind that is not installed is a 404; asking for nine of them again and again would be a poll. The list
//! of the group's resources is one request, and says when a kind appears or vanishes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::sleep;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::line::{Line, Report};

const PATH: &str = "/apis/metallb.io/v1beta1";
/// While nothing is there: how soon a fresh installation is seen.
const ABSENT: Duration = Duration::from_secs(60);
/// While it is there: a new version may bring new kinds, which is no hurry.
const PRESENT: Duration = Duration::from_secs(300);
/// The server could not say.
const FAILED: Duration = Duration::from_secs(30);

/// Asks for ever. Never ends; dropped with the future it is part of.
pub(super) async fn follow(mut line: Line) {
    loop {
        let dial = line.dial(|dial| dial.has_nodes).await;
        let mut streams = line.clone();
        let answer = tokio::select! {
            () = streams.is_over(dial.epoch) => continue,
            answer = served(&dial.connection) => answer,
        };
        let pause = match answer {
            Ok(served) => {
                line.bytes_came().await;
                let pause = if served.is_empty() { ABSENT } else { PRESENT };
                line.report(Report::Served(served)).await;
                pause
            }
            Err(_) => FAILED,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = line.kinds_changed() => {}
            () = streams.is_over(dial.epoch) => {}
        }
    }
}

/// The plurals of the group; empty when the server does not know it.
async fn served(connection: &Connection) -> Result<BTreeSet<Box<str>>, Error> {
    #[derive(Deserialize)]
    struct List {
        resources: Vec<Resource>,
    }
    #[derive(Deserialize)]
    struct Resource {
        name: Box<str>,
    }
    static RULE: Rule = Rule {
        verbs: "get",
        resource: PATH,
        group: "",
        namespace: None,
    };
    let asking = Asking {
        rule: &RULE,
        what: PATH,
    };
    let body = match connection.get(PATH, asking).await {
        Err(Error::Missing { .. }) => return Ok(BTreeSet::new()),
        answer => answer?,
    };
    let list: List = serde_json::from_slice(&body)
        .map_err(|error| connection.not_kubernetes(error.to_string()))?;
    let names = list.resources.into_iter().map(|it| it.name);
    // `ipaddresspools/status` is no kind of its own.
    Ok(names.filter(|name| !name.contains('/')).collect())
}
