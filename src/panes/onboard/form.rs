//! The forms: boards to add, with the server they join and what they become; another name for a node.

use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::rack::Rack;
use crate::rack::node::Node;
use crate::rack::onboard::machine::Stage;
use crate::rack::onboard::runs::Run;
use crate::rack::onboard::wish::{Asked, Role, ServerUrl, unfit_name};
use crate::rack::ssh::Destination;

const HOSTS: &str = "hosts";
const SERVER: &str = "server";
const URL: &str = "url";
const ROLE: &str = "role";
const ETCD: &str = "etcd";
const NAME: &str = "name";
const VERSION: &str = "version";
const LABELS: &str = "labels";
const TAINTS: &str = "taints";
const ROLES: [&str; 3] = ["agent", "server", "blank again"];

/// The server of the cluster on the screen, whose version new boards take.
fn known_server(rack: &Rack) -> Option<&Node> {
    let is_server = |node: &&Node| {
        node.labels
            .contains_key("node-role.kubernetes.io/control-plane")
    };
    rack.nodes().find(is_server)
}

pub(super) fn add(rack: &Rack, mut offered: Vec<String>) -> Form {
    // All at once first, then each alone.
    offered.insert(0, offered.join(" "));
    let server = known_server(rack);
    let version = server.map(|node| node.info.kubelet_version.to_string());
    let name = server.map(|node| node.name.to_string());
    let boards = Input::Text {
        text: String::new(),
        offered,
    };
    let role = Input::Choice {
        options: ROLES.map(str::to_owned).to_vec(),
        chosen: 0,
    };
    Form {
        id: FormId::Onboard,
        title: "Onboard boards".to_owned(),
        lines: vec![
            "They are checked first; nothing is changed before you accept a plan.".to_owned(),
        ],
        fields: vec![
            FormField::new(HOSTS, "boards", boards)
                .help("as ssh knows them, blanks between: pi@rpi-04 pi@rpi-05"),
            FormField::text(SERVER, "server", name.unwrap_or_default())
                .help("as ssh knows it; when it is one of the boards, a cluster is made"),
            FormField::text(VERSION, "version", version.unwrap_or_default())
                .help("v1.33.4+k3s1, or a channel; empty: stable"),
            FormField::new(ROLE, "become", role)
                .help("space: a further server (needs embedded etcd); blank: out of the cluster"),
            FormField::new(ETCD, "etcd", Input::Toggle(false))
                .help("space: a new first server keeps its data in etcd, for more servers later"),
            FormField::text(URL, "joined at", "")
                .help("https://host:6443; empty: the server's address from ssh"),
            FormField::text(NAME, "node name", "").help("for one board; empty: its own"),
            FormField::text(LABELS, "labels", "")
                .help("key=value, blanks between; set when it registers"),
            FormField::text(TAINTS, "taints", "").help("key=value:NoSchedule, blanks between"),
        ],
        otherwise: Vec::new(),
    }
}

pub(super) fn rename(run: &Run) -> Form {
    let wish = &run.board.journal.wish;
    let now = match &run.board.stage {
        Stage::Planned(plan) => plan.node.clone(),
        _ => wish.name.clone().unwrap_or_default(),
    };
    Form {
        id: FormId::OnboardName {
            host: wish.host.clone(),
        },
        title: format!("Name of the node of board {}", wish.host),
        lines: vec!["The board is checked and planned again under it.".to_owned()],
        fields: vec![
            FormField::text(NAME, "node name", now).help("small letters, digits, - and . between"),
        ],
        otherwise: Vec::new(),
    }
}

fn words(answers: &Answers, key: &str) -> Vec<String> {
    let text = answers.text(key).replace(',', " ");
    text.split_whitespace().map(str::to_owned).collect()
}

pub(super) fn complaint(form: &FormId, answers: &Answers) -> Option<(&'static str, String)> {
    let name = answers.text(NAME);
    let fault = || {
        Some((
            NAME,
            format!("no node can have that name: {}", unfit_name(name)?),
        ))
    };
    match form {
        FormId::OnboardName { .. } if name.is_empty() => Some((NAME, "say its name".to_owned())),
        FormId::OnboardName { .. } => fault(),
        _ => {
            let is_named = !name.is_empty();
            of_boards(answers, is_named).or_else(|| is_named.then(fault).flatten())
        }
    }
}

fn of_boards(answers: &Answers, is_named: bool) -> Option<(&'static str, String)> {
    let hosts = words(answers, HOSTS);
    if hosts.is_empty() {
        return Some((HOSTS, "name at least one board".to_owned()));
    }
    let server = answers.text(SERVER);
    if server.is_empty() {
        return Some((SERVER, "name the server they join".to_owned()));
    }
    let boards = hosts.iter().map(|host| (HOSTS, host.as_str()));
    for (key, host) in boards.chain([(SERVER, server)]) {
        if let Err(why) = Destination::parse(host) {
            return Some((key, format!("{host}: {why}")));
        }
    }
    let url = answers.text(URL);
    if !url.is_empty()
        && let Err(why) = ServerUrl::parse(url)
    {
        return Some((URL, why));
    }
    if is_named && hosts.len() > 1 {
        return Some((NAME, "a name is for one board".to_owned()));
    }
    for (key, shape) in [(LABELS, "key=value"), (TAINTS, "key=value:effect")] {
        let ends = |word: &String| key == LABELS || word.contains(':');
        let bad = words(answers, key)
            .into_iter()
            .find(|word| !(word.contains('=') && ends(word)));
        if let Some(bad) = bad {
            return Some((key, format!("{bad} is no {shape}")));
        }
    }
    None
}

pub(super) fn new_name(answers: &Answers) -> String {
    answers.text(NAME).to_owned()
}

/// What was asked for; versions and addresses are found out later.
pub(super) fn asked(answers: &Answers, rack: &Rack) -> Asked {
    let text = |key: &str| Some(answers.text(key).to_owned()).filter(|text| !text.is_empty());
    let mut hosts = words(answers, HOSTS);
    let mut seen = std::collections::BTreeSet::new();
    hosts.retain(|host| seen.insert(host.clone()));
    let server = answers.text(SERVER).to_owned();
    let name = Destination::parse(&server).map_or_else(|_| server.clone(), |to| to.host);
    let node = rack.nodes().find(|node| node.name.as_str() == name);
    let address = node.and_then(|node| {
        let mut internal = node.addresses.iter();
        let internal = internal.find(|it| &*it.kind == "InternalIP")?;
        Some(internal.address.to_string())
    });
    Asked {
        hosts,
        server,
        url: text(URL),
        known_address: address,
        role: match answers.choice(ROLE) {
            1 => Role::Server,
            _ => Role::Agent,
        },
        etcd: answers.is_on(ETCD),
        name: text(NAME),
        version: text(VERSION),
        labels: words(answers, LABELS),
        taints: words(answers, TAINTS),
        leaves: answers.choice(ROLE) == 2,
    }
}
