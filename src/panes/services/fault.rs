//! What is wrong with the answers in a form of this pane, said while they are typed.
//!
//! Only what is sure to be refused is a fault: everything else is the server's to say.

use std::net::IpAddr;

use super::wish::{
    ADDRESS, DEPLOYMENT, KEY, NAME, PORTS, WITH, exposure, found, service_name, split,
};
use crate::form::{Answers, FormId};
use crate::rack::Rack;
use crate::rack::label::value_fault;
use crate::rack::selector::Labels;
use crate::rack::service::{Service, ServiceName};
use crate::rack::vip::pools::Pools;
use crate::rack::vip::sharing::{Sharer, may_share};
use crate::rack::vip::wish::Exposure;

/// A field, and a sentence.
type Fault = (&'static str, String);

/// What is wrong with the answers.
pub(in crate::panes) fn complaint(form: &FormId, answers: &Answers, rack: &Rack) -> Option<Fault> {
    match form {
        FormId::ServiceAddress { service, .. } => {
            let us = rack.services.get(service)?;
            of_address(answers.text(ADDRESS), rack, |address, pools| {
                let ours = Sharer::of(us, reads_new_prefix(rack));
                taken(address, &us.name, &ours, pools, rack)
            })
        }
        FormId::ServiceShare { service, .. } => {
            let name = answers.text(WITH);
            let Some(other) = found(name, rack) else {
                let text = format!("there is no service \"{name}\" with an address");
                return Some((WITH, text));
            };
            let us = rack.services.get(service)?;
            of_pair(us, other).map(|fault| (WITH, fault))
        }
        FormId::Expose => of_exposure(answers, rack),
        _ => None,
    }
}

fn of_exposure(answers: &Answers, rack: &Rack) -> Option<Fault> {
    let deployment = answers.text(DEPLOYMENT);
    if split(deployment).is_none() {
        return Some((DEPLOYMENT, "write namespace/name".to_owned()));
    }
    let exposure = match exposure(answers, rack)? {
        Ok(exposure) => exposure,
        Err(fault) => return Some((PORTS, fault)),
    };
    let name = ServiceName::new(split(deployment)?.0, &service_name(answers));
    if let Some(fault) = of_name(&name.name) {
        return Some((NAME, fault));
    }
    if rack.services.get(&name).is_some() {
        return Some((NAME, format!("there is a service {name} already")));
    }
    if let Some(fault) = value_fault(answers.text(KEY)) {
        return Some((KEY, fault));
    }
    of_address(answers.text(ADDRESS), rack, |address, pools| {
        let pool = pools.holding(address)?;
        if let Some(wanted) = exposure.pool.as_ref().filter(|it| **it != pool.name) {
            let text = format!("{address} is in pool {}, not in {wanted}", pool.name);
            return Some(text);
        }
        let labels = Labels::default();
        taken(address, &name, &sharer(&exposure, &labels), pools, rack)
    })
}

/// The new Service as others on its address would see it.
fn sharer<'a>(exposure: &'a Exposure, selector: &'a Labels) -> Sharer<'a> {
    Sharer {
        key: exposure.key.as_deref(),
        ports: (exposure.ports.iter())
            .map(|it| (it.protocol, it.port))
            .collect(),
        is_local: false,
        selector,
    }
}

fn of_address(
    text: &str,
    rack: &Rack,
    more: impl FnOnce(IpAddr, &Pools<'_>) -> Option<String>,
) -> Option<Fault> {
    if text.is_empty() {
        return None;
    }
    let Ok(address) = text.parse::<IpAddr>() else {
        return Some((ADDRESS, format!("\"{text}\" is no address")));
    };
    let pools = Pools::of(rack);
    if !pools.all.is_empty() && pools.holding(address).is_none() {
        let names: Vec<&str> = pools.all.iter().map(|it| &*it.name).collect();
        let text = format!("{address} is in no pool; there are {}", names.join(", "));
        return Some((ADDRESS, text));
    }
    more(address, &pools).map(|fault| (ADDRESS, fault))
}

/// Somebody else has the address and may not share it with us.
fn taken(
    address: IpAddr,
    us: &ServiceName,
    ours: &Sharer<'_>,
    pools: &Pools<'_>,
    rack: &Rack,
) -> Option<String> {
    let reads_new = reads_new_prefix(rack);
    pools.sharers(address, us).find_map(|other| {
        may_share(ours, &Sharer::of(other, reads_new)).err()?;
        let other = &other.name;
        Some(format!(
            "{address} is taken by {other}; sharing needs the same key on both, and other ports"
        ))
    })
}

fn reads_new_prefix(rack: &Rack) -> bool {
    let version = rack.metallb.version();
    version.is_none_or(|it| it.is_at_least(14, 9))
}

fn of_pair(us: &Service, other: &Service) -> Option<String> {
    // Both will have the same key.
    let sharer = |service| Sharer {
        key: Some("same"),
        ..Sharer::of(service, true)
    };
    let refusal = may_share(&sharer(us), &sharer(other)).err()?;
    Some(refusal.words(&us.name.to_string(), &other.name.to_string()))
}

fn of_name(name: &str) -> Option<String> {
    let is_fine = !name.is_empty()
        && name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
    (!is_fine).then(|| format!("\"{name}\" is no name of a Service: a-z, 0-9 and -"))
}
