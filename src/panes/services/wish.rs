//! What can be asked of a Service, and exposing a Deployment: the forms, and the question before anything is written.
//!
//! What is wrong with their answers is said in `fault`.

use std::net::IpAddr;

use serde_json::Value;

use crate::action::Action;
use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::rack::Rack;
use crate::rack::node::Uid;
use crate::rack::pools::range::Family;
use crate::rack::problem::Subject;
use crate::rack::service::{Protocol, Service, ServiceName, Wish};
use crate::rack::vip::pools::Pools;
use crate::rack::vip::wish::{self, Exposure};

pub(super) const ADDRESS: &str = "address";
pub(super) const POOL: &str = "pool";
pub(super) const WITH: &str = "with";
pub(super) const KEY: &str = "key";
pub(super) const DEPLOYMENT: &str = "deployment";
pub(super) const NAME: &str = "name";
pub(super) const PORTS: &str = "ports";

/// Free addresses offered of each pool.
const OFFERED: usize = 64;

/// The form, or the question, for what an action wants of a Service.
pub(super) fn ask(action: Action, service: &Service, rack: &Rack) -> Msg {
    if !service.is_load_balancer() {
        let kind = service.kind.word();
        return Msg::warn(format!(
            "service {} is of type {kind}: it has no address to ask for",
            service.name
        ));
    }
    match action {
        Action::ServiceRelease => release(service, rack),
        Action::ServicePool => Msg::Fill(pool_form(service, rack)),
        Action::ServiceShare => Msg::Fill(share_form(service, rack)),
        _ => Msg::Fill(address_form(service, rack)),
    }
}

fn id(kind: fn(ServiceName, Uid) -> FormId, service: &Service) -> FormId {
    kind(service.name.clone(), service.uid.clone())
}

fn address_form(service: &Service, rack: &Rack) -> Form {
    let now = requested(service);
    let address = Input::Text {
        text: now.clone().unwrap_or_default(),
        offered: free(rack),
    };
    Form {
        id: id(
            |service, uid| FormId::ServiceAddress { service, uid },
            service,
        ),
        title: format!("Address of service {}", service.name),
        lines: vec![format!("It has {} now.", addresses(service))],
        fields: vec![
            FormField::new(ADDRESS, "address", address)
                .help("a free one is offered, right takes it; empty asks for none in particular"),
        ],
        otherwise: Vec::new(),
    }
}

fn pool_form(service: &Service, rack: &Rack) -> Form {
    let options = pool_options(rack);
    let asked = service.annotation(Wish::Pool).map(|it| it.value);
    let chosen = options
        .iter()
        .position(|it| Some(it.as_str()) == asked)
        .unwrap_or(0);
    Form {
        id: id(|service, uid| FormId::ServicePool { service, uid }, service),
        title: format!("Pool of service {}", service.name),
        lines: vec![format!(
            "It has {} now. Another pool means another address.",
            addresses(service)
        )],
        fields: vec![FormField::new(
            POOL,
            "pool",
            Input::Choice { options, chosen },
        )],
        otherwise: Vec::new(),
    }
}

fn share_form(service: &Service, rack: &Rack) -> Form {
    let others = rack
        .services
        .iter()
        .filter(|it| it.name != service.name && !it.ingress.is_empty());
    let offered = others
        .filter(|it| it.is_load_balancer())
        .map(|it| it.name.to_string());
    let with = Input::Text {
        text: String::new(),
        offered: offered.collect(),
    };
    let key = service
        .annotation(Wish::SharingKey)
        .map_or(String::new(), |it| it.value.to_owned());
    Form {
        id: id(
            |service, uid| FormId::ServiceShare { service, uid },
            service,
        ),
        title: format!("Share an address with service {}", service.name),
        lines: vec!["Both get the same key, and this one asks for the other's address.".to_owned()],
        fields: vec![
            FormField::new(WITH, "with service", with)
                .help("namespace/name; right takes what is offered"),
            FormField::text(KEY, "key", key).help("empty takes the other's key, else its name"),
        ],
        otherwise: Vec::new(),
    }
}

/// The form for a Deployment.
pub(super) fn expose_form(rack: &Rack) -> Form {
    let deployment = Input::Text {
        text: String::new(),
        offered: deployments(rack),
    };
    let address = Input::Text {
        text: String::new(),
        offered: free(rack),
    };
    let pools = Input::Choice {
        options: pool_options(rack),
        chosen: 0,
    };
    Form {
        id: FormId::Expose,
        title: "Expose a Deployment".to_owned(),
        lines: vec!["Makes a Service of type LoadBalancer.".to_owned()],
        fields: vec![
            FormField::new(DEPLOYMENT, "deployment", deployment)
                .help("namespace/name; right takes what is offered"),
            FormField::text(NAME, "service", "")
                .help("the new Service's name; empty: as the Deployment"),
            FormField::text(PORTS, "ports", "80").help("such as 80:8080 443:https 53/tcp+udp"),
            FormField::new(POOL, "pool", pools),
            FormField::new(ADDRESS, "address", address).help("empty: any; a free one is offered"),
            FormField::text(KEY, "sharing key", "").help("empty: the address is not shared"),
        ],
        otherwise: Vec::new(),
    }
}

/// Asks before what the form wants is done.
pub(in crate::panes) fn filled_in(form: &FormId, answers: &Answers, cx: &mut Cx<'_>) {
    let rack = cx.rack;
    let prefix = wish::prefix(rack.metallb.version());
    let msg = match form {
        FormId::Expose => match exposure(answers, rack) {
            Some(Ok(exposure)) => Some(Msg::Ask(expose_question(rack, exposure))),
            Some(Err(fault)) => Some(Msg::warn(fault)),
            None => None,
        },
        FormId::ServiceAddress { service, uid } => same(rack, service, uid).map(|it| {
            let address: Option<IpAddr> = answers.text(ADDRESS).parse().ok();
            let change = wish::ask_for_address(it, prefix, address);
            let words = match address {
                Some(address) => format!("It asks for {address}."),
                None => "It asks for no address in particular any more; it keeps the one it has."
                    .to_owned(),
            };
            change_question(
                rack,
                it,
                &format!("Change the address of service {}?", it.name),
                vec![words],
                change,
            )
        }),
        FormId::ServicePool { service, uid } => same(rack, service, uid).map(|it| {
            let options = pool_options(rack);
            let chosen = answers.choice(POOL);
            let pool = options
                .get(chosen)
                .filter(|_| chosen > 0)
                .map(String::as_str);
            let change = wish::ask_for_pool(it, prefix, pool);
            let words = match pool {
                Some(pool) => format!("It asks for an address of pool {pool}."),
                None => "It takes an address of any pool.".to_owned(),
            };
            change_question(
                rack,
                it,
                &format!("Change the pool of service {}?", it.name),
                vec![words],
                change,
            )
        }),
        FormId::ServiceShare { service, uid } => {
            let other = found(answers.text(WITH), rack);
            let us = same(rack, service, uid);
            us.zip(other)
                .map(|(us, other)| share_question(rack, us, other, answers.text(KEY), prefix))
        }
        _ => None,
    };
    let gone = || Msg::warn("the service is gone or was replaced: nothing was done");
    cx.msgs.push(msg.unwrap_or_else(gone));
}

fn change_question(
    rack: &Rack,
    service: &Service,
    title: &str,
    mut lines: Vec<String>,
    change: Value,
) -> Msg {
    if !service.ingress.is_empty() {
        lines.push(format!(
            "It has {} now; who uses that may lose it.",
            addresses(service)
        ));
    }
    lines.push("The server tries it first; nothing is written when it refuses.".to_owned());
    lines.push(format!("Cluster: {}", rack.cluster.context));
    Msg::Ask(Question {
        about: vec![(Subject::Service(service.name.clone()), service.uid.clone())],
        then: vec![effect(rack, service, change)],
        ..Question::new(title, lines)
    })
}

fn effect(rack: &Rack, service: &Service, change: Value) -> Effect {
    Effect::ChangeService {
        context: rack.cluster.context.clone(),
        service: service.name.clone(),
        uid: service.uid.clone(),
        change,
    }
}

fn share_question(rack: &Rack, us: &Service, other: &Service, key: &str, prefix: &str) -> Msg {
    let theirs = other
        .annotation(Wish::SharingKey)
        .map(|it| it.value)
        .filter(|it| !it.is_empty());
    let key = match (key, theirs) {
        ("", Some(theirs)) => theirs.to_owned(),
        ("", None) => other.name.name.to_string(),
        (key, _) => key.to_owned(),
    };
    let address = other.addresses().next();
    let shown = address.map_or(String::new(), |it| it.to_string());
    let mut then = Vec::new();
    let mut lines = vec![format!(
        "Service {} asks for {shown} under the key \"{key}\".",
        us.name
    )];
    if theirs != Some(key.as_str()) {
        lines.push(format!("Service {} gets that key too.", other.name));
        then.push(effect(rack, other, wish::share(other, prefix, &key, None)));
    }
    then.push(effect(rack, us, wish::share(us, prefix, &key, address)));
    lines.push("The server tries each first; nothing is written when it refuses.".to_owned());
    lines.push(format!("Cluster: {}", rack.cluster.context));
    let about = |it: &Service| (Subject::Service(it.name.clone()), it.uid.clone());
    Msg::Ask(Question {
        about: vec![about(us), about(other)],
        then,
        ..Question::new(
            format!("Share {shown} between {} and {}?", us.name, other.name),
            lines,
        )
    })
}

fn release(service: &Service, rack: &Rack) -> Msg {
    let lines = vec![
        format!(
            "{} goes back to its pool and answers no more.",
            addresses(service)
        ),
        "The service becomes of type ClusterIP and goes on inside the cluster.".to_owned(),
        format!("Cluster: {}", rack.cluster.context),
    ];
    Msg::Ask(Question {
        about: vec![(Subject::Service(service.name.clone()), service.uid.clone())],
        typed: Some(service.name.name.to_string()),
        then: vec![effect(rack, service, wish::release())],
        ..Question::new(
            format!("Release the address of service {}?", service.name),
            lines,
        )
    })
}

fn expose_question(rack: &Rack, exposure: Exposure) -> Question {
    let has = |protocol| exposure.ports.iter().any(|it| it.protocol == protocol);
    let count = usize::from(exposure.is_split && has(Protocol::Tcp) && has(Protocol::Udp)) + 1;
    let ports = exposure.ports.iter().map(|it| {
        format!(
            "{}/{} to {}",
            it.port,
            it.protocol.word().to_lowercase(),
            it.target
        )
    });
    let what = if count == 1 {
        "one service"
    } else {
        "two services that share the address"
    };
    let mut lines = vec![
        format!(
            "Makes {what} of type LoadBalancer: {}.",
            ports.collect::<Vec<_>>().join(", ")
        ),
        match (exposure.address, &exposure.pool) {
            (Some(address), _) => format!("It asks for {address}."),
            (None, Some(pool)) => format!("It asks for an address of pool {pool}."),
            (None, None) => "It takes any address.".to_owned(),
        },
    ];
    if rack.link.is_stale() {
        lines.push("The API server does not answer now: this will probably fail.".to_owned());
    }
    lines.push("The server tries it first; nothing is made when it refuses.".to_owned());
    lines.push(format!("Cluster: {}", rack.cluster.context));
    let title = format!(
        "Expose deployment {} as service {}?",
        exposure.deployment, exposure.name
    );
    Question {
        then: vec![Effect::Expose {
            context: rack.cluster.context.clone(),
            exposure,
        }],
        ..Question::new(title, lines)
    }
}

/// What the form says; `None` as long as it names no Deployment.
pub(super) fn exposure(answers: &Answers, rack: &Rack) -> Option<Result<Exposure, String>> {
    let (namespace, deployment) = split(answers.text(DEPLOYMENT))?;
    let ports = match wish::parse_ports(answers.text(PORTS)) {
        Ok(ports) => ports,
        Err(fault) => return Some(Err(fault)),
    };
    let version = rack.metallb.version();
    let is_split = wish::needs_two(rack.cluster.version.as_deref(), version);
    let has = |protocol| ports.iter().any(|it| it.protocol == protocol);
    let are_two = is_split && has(Protocol::Tcp) && has(Protocol::Udp);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let chosen = answers.choice(POOL);
    let pool = pool_options(rack)
        .get(chosen)
        .filter(|_| chosen > 0)
        .cloned();
    let name = service_name(answers);
    let address: Option<IpAddr> = answers.text(ADDRESS).parse().ok();
    // Two Services get one address only when both ask for it by key and number.
    let first_free = || {
        free_in(rack, pool.as_deref())
            .first()
            .and_then(|it| it.parse().ok())
    };
    Some(Ok(Exposure {
        deployment: ServiceName::new(namespace, deployment),
        key: some(answers.text(KEY)).or_else(|| are_two.then(|| name.clone())),
        address: address.or_else(|| are_two.then(first_free).flatten()),
        name,
        ports,
        pool,
        prefix: wish::prefix(version),
        is_split,
    }))
}

pub(super) fn service_name(answers: &Answers) -> String {
    match (answers.text(NAME), split(answers.text(DEPLOYMENT))) {
        ("", Some((_, deployment))) => deployment.to_owned(),
        (name, _) => name.to_owned(),
    }
}

pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let (namespace, name) = text.split_once('/')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains('/')).then_some((namespace, name))
}

/// Another Service with an address, by `namespace/name`.
pub(super) fn found<'a>(text: &str, rack: &'a Rack) -> Option<&'a Service> {
    let (namespace, name) = split(text)?;
    let service = rack.services.get(&ServiceName::new(namespace, name))?;
    service.addresses().next().is_some().then_some(service)
}

fn same<'a>(rack: &'a Rack, name: &ServiceName, uid: &Uid) -> Option<&'a Service> {
    rack.services.get(name).filter(|it| it.uid == *uid)
}

fn requested(service: &Service) -> Option<String> {
    let annotation = service
        .annotation(Wish::Addresses)
        .map(|it| it.value.to_owned());
    annotation.or_else(|| service.load_balancer_ip.as_ref().map(ToString::to_string))
}

fn addresses(service: &Service) -> String {
    let all: Vec<String> = service.addresses().map(|it| it.to_string()).collect();
    if all.is_empty() {
        "no address".to_owned()
    } else {
        all.join(" and ")
    }
}

fn pool_options(rack: &Rack) -> Vec<String> {
    let names = Pools::of(rack)
        .all
        .into_iter()
        .map(|it| it.name.into_owned());
    std::iter::once("any".to_owned()).chain(names).collect()
}

fn free(rack: &Rack) -> Vec<String> {
    free_in(rack, None)
}

/// Free addresses of one pool, or of all.
fn free_in(rack: &Rack, name: Option<&str>) -> Vec<String> {
    let pools = Pools::of(rack);
    let chosen = pools
        .all
        .iter()
        .filter(|it| name.is_none_or(|name| it.name == name));
    let free = chosen.flat_map(|pool| {
        let v4 = pools.free(pool, Family::V4, OFFERED);
        v4.into_iter().chain(pools.free(pool, Family::V6, OFFERED))
    });
    free.map(|it| it.to_string()).collect()
}

/// Deployments as far as their pods betray them: `NAME-HASH-ID`, owned by a ReplicaSet.
fn deployments(rack: &Rack) -> Vec<String> {
    let of_sets = rack
        .pods()
        .filter(|pod| pod.owner.as_deref() == Some("ReplicaSet"));
    let names = of_sets.filter_map(|pod| {
        let (rest, _) = pod.name.rsplit_once('-')?;
        let (name, _) = rest.rsplit_once('-')?;
        Some(format!("{}/{name}", pod.namespace))
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}
