//! What a connection must know of the person: host keys, passwords, passphrases.

use std::collections::VecDeque;

use crate::app::Model;
use crate::effect::{Effect, RequestId};
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Level, Msg, Question};
use crate::rack::secret::Secret;
use crate::rack::ssh::{self, Answer};

/// Fields of a form for what a server asks; more than it may ask at once.
const FIELDS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];

const COMPARE: &str =
    "Compare it with what the board shows at its first start: nobody vouches for it yet.";

/// Asks the person on behalf of a connection.
pub(in crate::app) fn ssh_asks(
    request: RequestId,
    question: ssh::Question,
    queue: &mut VecDeque<Msg>,
) {
    let form = |title: String, again: bool, lines: &[&str], label: &'static str| {
        let told_off = again.then_some("That was not right.");
        let lines = told_off.iter().chain(lines).map(ToString::to_string);
        let field = FormField::new("1", label, Input::Secret);
        Msg::Fill(Form {
            lines: lines.collect(),
            fields: vec![field.help("kept in memory only, until bramble ends")],
            ..empty_form(request, title)
        })
    };
    queue.push_back(match question {
        ssh::Question::NewHostKey { .. } => host_key(request, question),
        ssh::Question::ChangedHostKey {
            host,
            address,
            changed,
        } => changed_key(request, &host, address, &changed),
        ssh::Question::Passphrase { file, again } => {
            form(format!("Passphrase of {file}"), again, &[], "passphrase")
        }
        ssh::Question::Password { user, host, again } => {
            let title = format!("Password of {user} on {host}");
            form(title, again, &[], "password")
        }
        ssh::Question::Sudo { user, host, again } => {
            let title = format!("sudo password of {user} on {host}");
            let how = "sudo on the board asks for it; it is sent over stdin.";
            form(title, again, &[how], "password")
        }
        ssh::Question::Interactive {
            user,
            host,
            title,
            text,
            prompts,
        } => interactive(
            request,
            format!("{host} asks {user}"),
            &[title, text],
            prompts,
        ),
    });
}

/// Closes the question of a connection that has ended: an answer would go nowhere.
pub(in crate::app) fn ssh_ended(model: &mut Model, request: RequestId) {
    model.waiting.retain(|it| !it.answers(request));
    if model
        .popup
        .take_if(|popup| popup.answers(request))
        .is_some()
    {
        let text = "the connection that asked has ended: its question is closed";
        model.notify(Level::Warning, text);
    }
}

/// What leaving a question sets off.
fn no(request: RequestId) -> Vec<Effect> {
    let answer = Answer::No;
    vec![Effect::AnswerSsh { request, answer }]
}

fn empty_form(request: RequestId, title: String) -> Form {
    Form {
        id: FormId::Ssh { request },
        title,
        lines: Vec::new(),
        fields: Vec::new(),
        otherwise: no(request),
    }
}

/// First contact: nobody vouches for the key but the person.
fn host_key(request: RequestId, question: ssh::Question) -> Msg {
    let title = format!("Is this the host key of {}?", question.about());
    let mut lines = Vec::new();
    if let ssh::Question::NewHostKey {
        address,
        through,
        key,
        others,
        file,
        ..
    } = question
    {
        lines.push(format!("{} {}", key.algorithm, key.fingerprint()));
        lines.extend(address.map(|address| format!("It answers at {address}.")));
        if !through.is_empty() {
            lines.push(format!("By way of {}.", through.join(", ")));
        }
        lines.extend(others.into_iter().map(|other| {
            let (algorithm, fingerprint) = (&other.algorithm, other.fingerprint());
            format!("Known by another key so far: {algorithm} {fingerprint}")
        }));
        lines.push(COMPARE.to_owned());
        lines.push(match file {
            Some(file) => format!("Yes writes it into {}.", file.display()),
            None => "Yes trusts it until bramble ends.".to_owned(),
        });
    }
    let answer = Answer::Yes;
    Msg::Ask(Question {
        then: vec![Effect::AnswerSsh { request, answer }],
        otherwise: no(request),
        ..Question::new(title, lines)
    })
}

/// Another key than the known one: refused, unless the person types the name of the host they reflashed.
fn changed_key(
    request: RequestId,
    host: &str,
    address: Option<String>,
    changed: &ssh::ChangedKey,
) -> Msg {
    let shown = |words: &str, key: &ssh::HostKey| {
        let (kind, fingerprint) = (key.kind(), key.fingerprint());
        [format!("{words} {kind}"), format!("  {fingerprint}")]
    };
    let mut lines: Vec<String> = Vec::new();
    for old in &changed.old {
        let words = format!("{} line {} knows", old.file.display(), old.line);
        lines.extend(shown(&words, &old.key));
    }
    let now = match address {
        Some(address) if address != changed.name => format!("{} at {address} shows", changed.name),
        _ => format!("{} shows", changed.name),
    };
    lines.extend(shown(&now, &changed.new));
    lines.push(
        "Right only if you reflashed this board or put another in its place. Otherwise somebody may be listening in."
            .to_owned(),
    );
    lines.push(match &changed.file {
        Some(file) => {
            let file = file.display();
            format!("Yes replaces the lines of this host in {file}; {file}.old keeps them.")
        }
        None => "Yes trusts it until bramble ends.".to_owned(),
    });
    let answer = Answer::Yes;
    Msg::Ask(Question {
        typed: Some(host.to_owned()),
        then: vec![Effect::AnswerSsh { request, answer }],
        otherwise: no(request),
        ..Question::new(format!("Accept a changed host key of {host}?"), lines)
    })
}

/// The server's own questions, in its own words.
fn interactive(
    request: RequestId,
    title: String,
    words: &[String; 2],
    prompts: Vec<ssh::Prompt>,
) -> Msg {
    let mut form = empty_form(request, title);
    let lines = words.iter().flat_map(|text| text.lines());
    form.lines = lines
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    for (key, prompt) in FIELDS.into_iter().zip(prompts) {
        form.lines.push(format!("{key}: {}", prompt.text));
        form.fields.push(if prompt.echo {
            FormField::text(key, key, "")
        } else {
            FormField::new(key, key, Input::Secret)
        });
    }
    Msg::Fill(form)
}

/// The secrets of a form that a connection waits for.
pub(in crate::app) fn ssh_answered(
    request: RequestId,
    answers: &Answers,
    effects: &mut Vec<Effect>,
) {
    let typed = |key| Secret::new(answers.text(key));
    let secret = |key| answers.secret(key).cloned().unwrap_or_else(|| typed(key));
    // In their places, the empty ones too; what is missing at the end is taken as empty.
    let mut secrets: Vec<Secret> = FIELDS.into_iter().map(secret).collect();
    while secrets.len() > 1 && secrets.last().is_some_and(|it| it.expose().is_empty()) {
        secrets.pop();
    }
    let answer = match secrets.pop() {
        Some(only) if secrets.is_empty() => Answer::Secret(only),
        Some(last) => Answer::Secrets(secrets.into_iter().chain([last]).collect()),
        None => Answer::No,
    };
    effects.push(Effect::AnswerSsh { request, answer });
}
