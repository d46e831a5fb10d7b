//! The way of a pull secret: a deploy token is made, tried at the registry, put into a Secret, and its name to who pulls.
//!
//! Invariant: a token that does not get into its Secret is revoked, and the one before it only after the new one works.

use crate::app::effects::Effects;
use crate::clients::gitlab::{self, Gitlab, Settings};
use crate::clients::kubernetes::{self, Target};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::image::name::ImageName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::pull_secret::{Holder, NewToken, Wanted};

impl Effects {
    pub(super) fn make_pull_secret(&self, context: &str, wanted: Wanted) {
        let target = self.target_in(context);
        let of = |it: &&Settings| *it.name == *wanted.project.instance;
        let settings = self.builds.settings.iter().find(of).cloned();
        let inbox = self.inbox.clone();
        self.write(TaskKey::Write, async move {
            let result = match settings {
                Some(settings) => make(&target, &settings, &wanted).await,
                None => Err(Problem::new(
                    Severity::Warning,
                    Subject::Gitlab,
                    format!("the settings have no GitLab {}", wanted.project.instance),
                )),
            };
            let result = result.map_err(|mut problem| {
                let name = format!("{}/{}", wanted.namespace, wanted.name);
                problem.what = format!("no pull secret {name}: {}", problem.what);
                problem
            });
            let _ = inbox.send(Msg::Written { result }).await;
        });
    }
}

async fn make(target: &Target, settings: &Settings, wanted: &Wanted) -> Result<String, Problem> {
    let of_cluster = |error: kubernetes::Error| error.problem();
    let of_gitlab = |error: gitlab::Error| error.problem();
    let connection = kubernetes::connect(target).await.map_err(of_cluster)?;
    // Everything that can refuse without a trace is asked first.
    let standing = kubernetes::pull_secret(&connection, wanted)
        .await
        .map_err(of_cluster)?;
    let gitlab = gitlab::connect(settings).await.map_err(of_gitlab)?;
    let project = wanted.project.project;
    let token = gitlab
        .make_deploy_token(project, &wanted.token_name(), wanted.ends)
        .await
        .map_err(of_gitlab)?;
    let stored = async {
        tried(&gitlab, &token, wanted).await?;
        let manifest = wanted.manifest(&token);
        kubernetes::store_pull_secret(&connection, wanted, standing.as_ref(), &manifest)
            .await
            .map_err(of_cluster)
    };
    if let Err(mut problem) = stored.await {
        if let Err(error) = gitlab.revoke_deploy_token(project, token.id).await {
            let left = format!("deploy token #{} stayed behind: {error}", token.id);
            problem = problem.evidence(left);
        }
        return Err(problem);
    }
    // The new one was tried, and nobody has the number of the one before any more.
    let mut left = String::new();
    if let Some(before) = standing
        && gitlab
            .revoke_deploy_token(project, before.token)
            .await
            .is_err()
    {
        left = format!("; the old token #{} could not be revoked", before.token);
    }
    let is_new = kubernetes::attach_pull_secret(&connection, wanted)
        .await
        .map_err(|error| {
            let mut problem = of_cluster(error);
            problem.why = format!(
                "the secret is there, {} does not use it: {}{left}",
                wanted.holder, problem.why
            );
            problem
        })?;
    let mut done = format!("{}/{}", wanted.namespace, wanted.name);
    done = match (&wanted.holder, is_new) {
        (Holder::Account(name), _) => {
            format!("secret {done} may pull; new pods of service account {name} use it")
        }
        (holder, true) => format!("secret {done} may pull; {holder} makes its pods anew with it"),
        (holder, false) => format!("secret {done} has a new token; {holder} used it already"),
    };
    Ok(format!("{done}{left}"))
}

/// Asks the registry with the token alone, as a node will.
async fn tried(gitlab: &Gitlab, token: &NewToken, wanted: &Wanted) -> Result<(), Problem> {
    let image = ImageName::parse(&wanted.registry).map_err(|why| {
        Problem::new(
            Severity::Warning,
            Subject::Gitlab,
            "the registry has no name",
        )
        .why(why)
    })?;
    let pull = gitlab.registry_with(token).may_pull(&image).await;
    pull.map_err(|error| {
        let what = format!("the registry refuses the new token of {}", wanted.path);
        Problem::new(Severity::Warning, Subject::Gitlab, what)
            .why(error.fault.to_string())
            .next("look whether the project's container registry is on")
    })
}
