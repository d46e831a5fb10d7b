//! Deploy tokens: made for a cluster to pull with, listed to see when they end, and revoked.
//!
//! Invariant: the token itself is in the answer to its making, and leaves it as a [`Secret`].

use ::http::Method;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

use super::http::Ask;
use super::{Error, Fault, Gitlab, JSON_MOST};
use crate::clients::registry::{Login, Registry};
use crate::rack::pipeline::ProjectId;
use crate::rack::pull_secret::{DeployToken, NewToken};
use crate::rack::secret::Secret;

#[derive(Deserialize)]
pub(super) struct Wire {
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    scopes: Vec<String>,
    expires_at: Option<Timestamp>,
    #[serde(default)]
    expired: bool,
    #[serde(default)]
    revoked: bool,
    token: Option<String>,
}

impl Gitlab {
    /// The deploy tokens of a project. Who is no Maintainer is not told: then there are none.
    pub async fn deploy_tokens(&self, project: ProjectId) -> Result<Vec<DeployToken>, Error> {
        let path = format!("/projects/{project}/deploy_tokens?per_page=100");
        let asking = format!("the deploy tokens of project #{project}");
        let list = match self.pages::<Wire>(&path, &asking, 5).await {
            Ok(list) => list,
            Err(error) => match error.fault {
                Fault::Forbidden(_) | Fault::Scope(_) | Fault::NotFound(_) => return Ok(Vec::new()),
                _ => return Err(error),
            },
        };
        let token = |wire: Wire| DeployToken {
            id: wire.id,
            name: wire.name,
            scopes: wire.scopes,
            expires: wire.expires_at,
            is_expired: wire.expired,
            is_revoked: wire.revoked,
        };
        Ok(list.into_iter().map(token).collect())
    }

    /// Makes a token that may pull from the project's registry and nothing else, until `ends`.
    pub async fn make_deploy_token(
        &self,
        project: ProjectId,
        name: &str,
        ends: Date,
    ) -> Result<NewToken, Error> {
        let asking = format!("a deploy token of project #{project}");
        let body =
            json!({ "name": name, "scopes": ["read_registry"], "expires_at": ends.to_string() });
        let ask = Ask {
            method: Method::POST,
            path: &format!("/projects/{project}/deploy_tokens"),
            body: Some(body.to_string().into_bytes()),
            unless: None,
            most: JSON_MOST,
        };
        let answer = self.ask(ask, &asking).await?;
        let garbled = |why: &str| self.error(&asking, Fault::Garbled(why.to_owned()));
        // The error of a decoder may quote what it read.
        let wire: Wire = serde_json::from_slice(&answer.body)
            .map_err(|_| garbled("the new token cannot be read"))?;
        let secret = wire.token.ok_or_else(|| garbled("it sent no token"))?;
        Ok(NewToken {
            id: wire.id,
            user: wire.username,
            secret: Secret::new(secret),
        })
    }

    /// Ends a token at once.
    pub async fn revoke_deploy_token(&self, project: ProjectId, id: u64) -> Result<(), Error> {
        let asking = format!("the end of deploy token #{id}");
        let ask = Ask {
            method: Method::DELETE,
            path: &format!("/projects/{project}/deploy_tokens/{id}"),
            body: None,
            unless: None,
            most: JSON_MOST,
        };
        self.ask(ask, &asking).await.map(drop)
    }

    /// A way to the registry as the cluster will go it: with the new token alone.
    pub fn registry_with(&self, token: &NewToken) -> Registry {
        let login = Login {
            user: token.user.clone(),
            password: token.secret.clone(),
            hosts: vec![self.http.host().to_owned()],
        };
        Registry::with(self.http.web().clone(), login)
    }
}
