//! Removing a node from the cluster, and what k3s remembers of it.
//!
//! The server keeps a hash of each node's password in `kube-system/<node>.node-password.k3s`, so that no other board takes
//! the name. It is meant to go with the Node; where it stays, a reflashed board of that name is refused for ever.
//! The content of the secret is never kept.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::sleep;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::write;
use crate::rack::node::{NodeName, PasswordSecret, Uid};
use crate::rack::problem::Subject;

/// k3s takes the secret away a moment after the node.
const LOOKS: usize = 12;
const PAUSE: Duration = Duration::from_millis(400);

static READ_SECRET: Rule = secret_rule("get");
static DELETE_SECRET: Rule = secret_rule("delete");

const fn secret_rule(verbs: &'static str) -> Rule {
    Rule {
        verbs,
        resource: "secrets",
        group: "",
        namespace: Some("kube-system"),
    }
}

/// Deletes the Node with this uid, and says what became of its password.
pub async fn node(
    connection: &Connection,
    node: &NodeName,
    uid: &Uid,
) -> Result<PasswordSecret, Error> {
    write::delete_guarded(connection, &Subject::Node(node.clone()), uid).await?;
    Ok(password_after(connection, node).await)
}

async fn password_after(connection: &Connection, node: &NodeName) -> PasswordSecret {
    for look in 0..LOOKS {
        if look > 0 {
            sleep(PAUSE).await;
        }
        let asking = Asking {
            rule: &READ_SECRET,
            what: "such secret",
        };
        match connection.get(&secret_path(node), asking).await {
            Ok(_) => {}
            Err(Error::Missing { .. }) => return PasswordSecret::Gone,
            Err(error) => return PasswordSecret::Unknown(error.problem().what),
        }
    }
    PasswordSecret::Left
}

/// Deletes the password of a node that is gone; refused when a node of that name is there again, which needs it.
pub async fn password(connection: &Connection, node: &NodeName) -> Result<(), Error> {
    let object = Subject::Node(node.clone());
    if write::exists(connection, &object).await? {
        return Err(Error::Replaced(object));
    }
    let asking = Asking {
        rule: &DELETE_SECRET,
        what: "such secret",
    };
    let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    let body = options.to_string().into_bytes();
    let path = secret_path(node);
    match connection
        .write(Method::DELETE, &path, write::JSON, body, asking)
        .await
    {
        Ok(_) | Err(Error::Missing { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn secret_path(node: &NodeName) -> String {
    let mut path = "/api/v1/namespaces/kube-system/secrets/".to_owned();
    super::source::push_encoded(&mut path, node.as_str());
    path.push_str(".node-password.k3s");
    path
}
