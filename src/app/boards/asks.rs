//! What a connection must know of the person: host keys, passwords, passphrases.

use std::collections::VecDeque;

use crate::effect::{Effect, RequestId};
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Msg, Question};
use crate::rack::secret::Secret;
use crate::rack::ssh::{self, Answer};

/// Fields of a form for what a server asks; more than it may ask at once.
const FIELDS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];

/// Asks the person on behalf of a connection.
pub(in crate::app) fn ssh_asks(
    request: RequestId,
    question: ssh::Question,
    queue: &mut VecDeque<Msg>,
) {
    let no = vec![Effect::AnswerSsh {
        request,
        answer: Answer::No,
    }];
    let again = |again: bool| {
        if again {
            vec!["That was not right.".to_owned()]
        } else {
            Vec::new()
        }
    };
    let secret = |title: String, lines: Vec<String>, label: &'static str| Form {
        id: FormId::Ssh { request },
        title,
        lines,
        fields: vec![
            FormField::new("1", label, Input::Secret)
                .help("kept in memory only, until bramble ends"),
        ],
        otherwise: no.clone(),
    };
    let msg = match question {
        ssh::Question::NewHostKey {
            name,
            address,
            through,
            key,
            others,
            file,
        } => {
            let mut lines = vec![format!("{} {}", key.algorithm, key.fingerprint())];
            if let Some(address) = address {
                lines.push(format!("It answers at {address}."));
            }
            if !through.is_empty() {
                lines.push(format!("By way of {}.", through.join(", ")));
            }
            for other in others {
                lines.push(format!(
                    "Known by another key so far: {} {}",
                    other.algorithm,
                    other.fingerprint()
                ));
            }
            lines.push("Compare it with what the board shows at its first start: nobody vouches for it yet.".to_owned());
            lines.push(match file {
                Some(file) => format!("Yes writes it into {}.", file.display()),
                None => "Yes trusts it until bramble ends.".to_owned(),
            });
            Msg::Ask(Question {
                then: vec![Effect::AnswerSsh {
                    request,
                    answer: Answer::Yes,
                }],
                otherwise: no,
                ..Question::new(format!("Is this the host key of {name}?"), lines)
            })
        }
        ssh::Question::Passphrase {
            file,
            again: is_again,
        } => Msg::Fill(secret(
            format!("Passphrase of {file}"),
            again(is_again),
            "passphrase",
        )),
        ssh::Question::Password {
            user,
            host,
            again: is_again,
        } => Msg::Fill(secret(
            format!("Password of {user} on {host}"),
            again(is_again),
            "password",
        )),
        ssh::Question::Sudo {
            user,
            host,
            again: is_again,
        } => {
            let mut lines = again(is_again);
            lines.push("sudo on the board asks for it; it is sent over stdin.".to_owned());
            Msg::Fill(secret(
                format!("sudo password of {user} on {host}"),
                lines,
                "password",
            ))
        }
        ssh::Question::Interactive {
            user,
            host,
            title,
            text,
            prompts,
        } => {
            let mut lines: Vec<String> = [title, text]
                .into_iter()
                .filter(|it| !it.is_empty())
                .collect();
            let mut fields = Vec::new();
            for (key, prompt) in FIELDS.into_iter().zip(prompts) {
                lines.push(format!("{key}: {}", prompt.text));
                let input = if prompt.echo {
                    Input::Text {
                        text: String::new(),
                        offered: Vec::new(),
                    }
                } else {
                    Input::Secret
                };
                fields.push(FormField::new(key, key, input));
            }
            Msg::Fill(Form {
                id: FormId::Ssh { request },
                title: format!("{host} asks {user}"),
                lines,
                fields,
                otherwise: no,
            })
        }
    };
    queue.push_back(msg);
}

/// The secrets of a form that a connection waits for.
pub(in crate::app) fn ssh_answered(
    request: RequestId,
    answers: &Answers,
    effects: &mut Vec<Effect>,
) {
    let typed = |key| Some(Secret::new(answers.text(key))).filter(|it| !it.expose().is_empty());
    let secret = |key| answers.secret(key).cloned().or_else(|| typed(key));
    let mut secrets: Vec<Secret> = FIELDS.into_iter().map_while(secret).collect();
    let answer = match secrets.len() {
        0 | 1 => secrets.pop().map_or(Answer::No, Answer::Secret),
        _ => Answer::Secrets(secrets),
    };
    effects.push(Effect::AnswerSsh { request, answer });
}
