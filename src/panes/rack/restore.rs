//! Putting a backup back onto a board: the form, and what its answers ask for. Nothing is changed before the rehearsal.

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::Msg;
use crate::panes::Cx;
use crate::rack::Rack;
use crate::rack::backup::restore::{Opens, Wish};
use crate::rack::node::NodeName;
use crate::rack::ssh::Destination;

const FILE: &str = "file";
const IDENTITY: &str = "identity";
const PASSPHRASE: &str = "passphrase";

/// The newest backup of the board is what is probably meant.
pub(crate) fn form(rack: &Rack, node: &NodeName, to: Destination) -> Form {
    let newest = rack.backups.newest(node.as_str());
    let file = newest.map_or_else(String::new, |it| rack.backups.file_of(it));
    let is_for_keys = newest.is_some_and(|it| !it.recipients.is_empty());
    let opens = if is_for_keys {
        "It is encrypted for a key: name the file that age-keygen wrote."
    } else {
        "It opens with its passphrase, or with the file that age-keygen wrote."
    };
    Form {
        id: FormId::Restore {
            node: node.clone(),
            to,
        },
        title: format!("Restore board {node} from a backup"),
        lines: vec![
            "First a rehearsal: the backup is opened, the board looked at, every step said."
                .to_owned(),
            opens.to_owned(),
        ],
        fields: vec![
            FormField::text(FILE, "backup", file).help("a file that bramble backup list shows"),
            FormField::text(IDENTITY, "key file", "").help("leave it empty for a passphrase"),
            FormField::new(PASSPHRASE, "passphrase", Input::Secret)
                .help("leave it empty for a key"),
        ],
        otherwise: Vec::new(),
    }
}

pub(in crate::panes) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    if answers.text(FILE).trim().is_empty() {
        return Some((FILE, "name a backup".to_owned()));
    }
    let has_identity = !answers.text(IDENTITY).trim().is_empty();
    let has_passphrase = answers
        .secret(PASSPHRASE)
        .is_some_and(|it| !it.expose().is_empty());
    match (has_identity, has_passphrase) {
        (false, false) => Some((IDENTITY, "a key file or a passphrase".to_owned())),
        (true, true) => Some((IDENTITY, "a key file or a passphrase, not both".to_owned())),
        _ => None,
    }
}

pub(in crate::panes) fn filled_in(
    node: &NodeName,
    to: &Destination,
    answers: &Answers,
    cx: &mut Cx<'_>,
) {
    let identity = answers.text(IDENTITY).trim();
    let opens = match answers.secret(PASSPHRASE) {
        Some(passphrase) if identity.is_empty() => Opens::Passphrase(passphrase.clone()),
        _ => Opens::Identity(identity.to_owned()),
    };
    let wish = Wish {
        context: cx.rack.cluster.context.clone(),
        node: node.clone(),
        to: to.clone(),
        file: answers.text(FILE).trim().to_owned(),
        opens,
    };
    cx.msgs.push(Msg::info(
        "the rehearsal runs: the backup is opened, and the board looked at",
    ));
    cx.effects.push(Effect::RehearseRestore(Box::new(wish)));
}
