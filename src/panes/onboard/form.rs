//! The form that adds boards: hosts, the server they join, what they become.

use crate::form::{Answers, Form, FormField, Input};
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
const ROLES: [&str; 2] = ["agent", "server"];

pub(super) fn form() -> Form {
    let role = Input::Choice {
        options: ROLES.map(str::to_owned).to_vec(),
        chosen: 0,
    };
    Form {
        id: super::FORM,
        title: "Onboard boards".to_owned(),
        lines: vec![
            "They are checked first; nothing is changed before you accept a plan.".to_owned(),
        ],
        fields: vec![
            FormField::text(HOSTS, "boards", "")
                .help("as ssh knows them, blanks between: pi@rpi-04 pi@rpi-05"),
            FormField::text(SERVER, "server", "")
                .help("as ssh knows it; when it is one of the boards, a cluster is made"),
            FormField::text(URL, "joined at", "")
                .help("https://host:6443; empty: the server's address from ssh"),
            FormField::new(ROLE, "become", role)
                .help("a further server needs a cluster with embedded etcd"),
            FormField::new(ETCD, "etcd", Input::Toggle(false))
                .help("a new first server keeps its data in etcd, for more servers later"),
            FormField::text(NAME, "node name", "").help("for one board; empty: its own"),
            FormField::text(VERSION, "version", "")
                .help("v1.33.4+k3s1, or a channel; empty: stable"),
            FormField::text(LABELS, "labels", "")
                .help("key=value, blanks between; set when it registers"),
        ],
        otherwise: Vec::new(),
    }
}

fn words(answers: &Answers, key: &str) -> Vec<String> {
    let text = answers.text(key).replace(',', " ");
    text.split_whitespace().map(str::to_owned).collect()
}

pub(super) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    let hosts = words(answers, HOSTS);
    if hosts.is_empty() {
        return Some((HOSTS, "name at least one board".to_owned()));
    }
    let server = answers.text(SERVER);
    if server.is_empty() {
        return Some((SERVER, "name the server they join".to_owned()));
    }
    for (key, host) in (hosts.iter().map(|host| (HOSTS, host.as_str()))).chain([(SERVER, server)]) {
        if let Err(why) = Destination::parse(host) {
            return Some((key, format!("{host}: {why}")));
        }
    }
    let (url, name) = (answers.text(URL), answers.text(NAME));
    if !url.is_empty()
        && let Err(why) = ServerUrl::parse(url)
    {
        return Some((URL, why));
    }
    if !name.is_empty() {
        if hosts.len() > 1 {
            return Some((NAME, "a name is for one board".to_owned()));
        }
        if let Some(why) = unfit_name(name) {
            return Some((NAME, why));
        }
    }
    let mut labels = words(answers, LABELS).into_iter();
    let bad = labels.find(|label| !label.contains('='));
    bad.map(|label| (LABELS, format!("{label} is no key=value")))
}

/// What was asked for; versions and addresses are found out later.
pub(super) fn asked(answers: &Answers) -> Asked {
    let text = |key: &str| Some(answers.text(key).to_owned()).filter(|text| !text.is_empty());
    Asked {
        hosts: words(answers, HOSTS),
        server: answers.text(SERVER).to_owned(),
        url: text(URL),
        role: match answers.choice(ROLE) {
            1 => Role::Server,
            _ => Role::Agent,
        },
        etcd: answers.is_on(ETCD),
        name: text(NAME),
        version: text(VERSION),
        labels: words(answers, LABELS),
    }
}
