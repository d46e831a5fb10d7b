//! From what a person has asked for to a wish for each board: the version a channel stands for, and where boards join.

use std::net::IpAddr;

use super::Tools;
use crate::rack::onboard::critical;
use crate::rack::onboard::version::Version;
use crate::rack::onboard::wish::{Asked, Role, ServerUrl, Wish};
use crate::rack::problem::{Problem, Subject};
use crate::rack::ssh::Destination;

/// Finds out what was left open. Changes nothing.
pub async fn prepare(tools: &Tools, asked: &Asked) -> Result<Vec<Wish>, Problem> {
    let version = if asked.leaves {
        Version::default()
    } else {
        version(tools, asked.version.as_deref()).await?
    };
    let url = match (&asked.url, &asked.known_address) {
        (Some(text), _) => ServerUrl::parse(text).map_err(|why| wrong(&asked.server, why))?,
        (None, known) => match address(tools, &asked.server).await {
            Err(problem) => match known {
                Some(known) => ServerUrl::parse(known).map_err(|why| wrong(&asked.server, why))?,
                None => return Err(problem),
            },
            Ok(url) => url,
        },
    };
    let wish = |host: &String| {
        let is_first = *host == asked.server;
        let role = if is_first {
            Role::FirstServer { etcd: asked.etcd }
        } else {
            asked.role
        };
        Wish {
            host: host.clone(),
            role,
            name: asked.name.clone(),
            node_ip: None,
            labels: asked.labels.clone(),
            taints: asked.taints.clone(),
            tls_san: Vec::new(),
            server: (!is_first).then(|| asked.server.clone()),
            url: Some(url.clone()),
            version: version.clone(),
            has_images: tools.depot.has_images(),
            may_clean: false,
            may_replace: false,
            may_ignore_warnings: false,
            leaves: asked.leaves,
        }
    };
    Ok(asked.hosts.iter().map(wish).collect())
}

async fn version(tools: &Tools, named: Option<&str>) -> Result<Version, Problem> {
    let named = named.unwrap_or("stable");
    if let Some(version) = Version::parse(named) {
        return Ok(version);
    }
    tools.depot.channel(named).await.map_err(|fault| {
        fault
            .problem(Subject::Program)
            .next("name a version, such as v1.33.4+k3s1")
    })
}

/// The address ssh has for the server, unless boards cannot reach it.
pub async fn address(tools: &Tools, server: &str) -> Result<ServerUrl, Problem> {
    let to = Destination::parse(server).map_err(|why| wrong(server, why))?;
    let resolved = tools.ssh.resolve(&to).await;
    let host = resolved
        .map_err(|error| error.problem(Subject::Board(server.to_owned())))?
        .host_name;
    if is_loopback(&host) {
        let why = format!("it is {host} to ssh, which boards cannot reach");
        return Err(wrong(server, why).next("say at which URL boards join it"));
    }
    ServerUrl::parse(&host).map_err(|why| wrong(server, why))
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn wrong(server: &str, why: impl Into<String>) -> Problem {
    critical(server, format!("boards cannot join {server}")).why(why)
}
