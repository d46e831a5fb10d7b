//! Logins by what a person types: a password, or answers to the server's own questions.

use russh::MethodKind;
use russh::client::KeyboardInteractiveAuthResponse;

use super::{Failure, Login, Said, within};
use crate::clients::ssh::Error;
use crate::clients::ssh::asking::declined;
use crate::rack::secret::Secret;
use crate::rack::ssh::{Answer, Prompt, Question};

/// Tries with a password, as in OpenSSH.
const TRIES: usize = 3;

impl Login<'_> {
    pub(super) async fn password(&mut self, tried: &mut Vec<String>) -> Result<Said, Failure> {
        let mut again = false;
        for _ in 0..TRIES {
            let password = match self.password.take() {
                Some(password) => password,
                None => self.ask_password(again).await.map_err(Failure::Fatal)?,
            };
            let (user, word) = (self.resolved.user.clone(), password.expose().to_owned());
            let result = within(self.handle.authenticate_password(user, word)).await;
            let result = result.ok_or_else(|| Failure::Fatal(self.timed_out()))?;
            let result = result.map_err(|error| Failure::Fatal(self.lost(&error)))?;
            match self.said(result).map_err(Failure::Fatal)? {
                Said::No(methods) if methods.contains(&MethodKind::Password) => again = true,
                Said::No(methods) => {
                    tried.push("password: refused".to_owned());
                    return Ok(Said::No(methods));
                }
                said => {
                    *self.password = Some(password);
                    return Ok(said);
                }
            }
        }
        tried.push(format!("password: refused {TRIES} times"));
        Err(Failure::Next)
    }

    async fn ask_password(&self, again: bool) -> Result<Secret, Error> {
        let question = Question::Password {
            user: self.resolved.user.clone(),
            host: self.at(),
            again,
        };
        let what = format!("the password of {} on {}", self.resolved.user, self.at());
        self.asker
            .secret(question)
            .await
            .ok_or_else(|| declined(&self.at(), what))
    }

    pub(super) async fn interactive(&mut self, tried: &mut Vec<String>) -> Result<Said, Failure> {
        let mut last = None;
        for _ in 0..TRIES {
            let user = self.resolved.user.clone();
            let mut reply = within(
                self.handle
                    .authenticate_keyboard_interactive_start(user, None),
            )
            .await;
            loop {
                let answers = match self.stepped(reply)? {
                    KeyboardInteractiveAuthResponse::Success => {
                        *self.password = last;
                        return Ok(Said::Welcome);
                    }
                    KeyboardInteractiveAuthResponse::Failure {
                        remaining_methods,
                        partial_success,
                    } => {
                        if partial_success {
                            return Ok(Said::More(remaining_methods));
                        }
                        if !remaining_methods.contains(&MethodKind::KeyboardInteractive) {
                            tried.push("keyboard-interactive: refused".to_owned());
                            return Ok(Said::No(remaining_methods));
                        }
                        break;
                    }
                    KeyboardInteractiveAuthResponse::InfoRequest {
                        name,
                        instructions,
                        prompts,
                    } => {
                        let asked_for_password = asks_for_password(&prompts);
                        let secrets = match self.password.take().filter(|_| asked_for_password) {
                            Some(password) => vec![password],
                            None => self
                                .ask_interactive(name, instructions, &prompts)
                                .await
                                .map_err(Failure::Fatal)?,
                        };
                        last = secrets.first().filter(|_| asked_for_password).cloned();
                        secrets
                    }
                };
                // The protocol engine takes the answers as plain text.
                let answers = answers
                    .iter()
                    .map(|secret| secret.expose().to_owned())
                    .collect();
                reply = within(
                    self.handle
                        .authenticate_keyboard_interactive_respond(answers),
                )
                .await;
            }
        }
        tried.push(format!("keyboard-interactive: refused {TRIES} times"));
        Err(Failure::Next)
    }

    async fn ask_interactive(
        &self,
        title: String,
        text: String,
        prompts: &[russh::client::Prompt],
    ) -> Result<Vec<Secret>, Error> {
        if prompts.is_empty() {
            return Ok(Vec::new());
        }
        let fields = prompts.iter().map(|prompt| Prompt {
            text: prompt.prompt.clone(),
            echo: prompt.echo,
        });
        let question = Question::Interactive {
            user: self.resolved.user.clone(),
            host: self.at(),
            title,
            text,
            prompts: fields.collect(),
        };
        let mut secrets = match self.asker.ask(question).await {
            Answer::Secrets(secrets) => secrets,
            Answer::Secret(secret) => vec![secret],
            Answer::Yes | Answer::No => {
                return Err(declined(&self.at(), format!("an answer for {}", self.at())));
            }
        };
        secrets.resize(prompts.len(), Secret::default());
        Ok(secrets)
    }

    fn stepped(
        &self,
        reply: Option<Result<KeyboardInteractiveAuthResponse, russh::Error>>,
    ) -> Result<KeyboardInteractiveAuthResponse, Failure> {
        match reply {
            None => Err(Failure::Fatal(self.timed_out())),
            Some(Err(error)) => Err(Failure::Fatal(self.lost(&error))),
            Some(Ok(reply)) => Ok(reply),
        }
    }
}

/// One hidden field that names a password: what was right the last time is tried before the person is asked again.
fn asks_for_password(prompts: &[russh::client::Prompt]) -> bool {
    matches!(prompts, [prompt] if !prompt.echo && prompt.prompt.to_lowercase().contains("password"))
}
