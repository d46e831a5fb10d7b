//! Claims, made, widened and deleted: each tried by the server before it is written, and only if it is still the one that
//! was looked at.

use http::Method;
use serde_json::Value;

use super::connection::{Asking, Connection};
use super::error::{Error, Rule};
use super::write;
use crate::rack::node::Uid;
use crate::rack::problem::Subject;
use crate::rack::storage::ClaimName;

static CREATE: Rule = Rule {
    verbs: "create",
    resource: "persistentvolumeclaims",
    group: "",
    namespace: None,
};
static ASKING: Asking = Asking {
    rule: &CREATE,
    what: "such namespace",
};

/// Makes a claim; one of that name that is there is an error.
pub async fn create(connection: &Connection, claim: &ClaimName, body: &Value) -> Result<(), Error> {
    let mut path = "/api/v1/namespaces/".to_owned();
    super::source::push_encoded(&mut path, &claim.namespace);
    path.push_str("/persistentvolumeclaims?fieldManager=bramble&fieldValidation=Strict");
    let body = body.to_string().into_bytes();
    for trial in ["&dryRun=All", ""] {
        let path = format!("{path}{trial}");
        let write = connection.write(Method::POST, &path, write::JSON, body.clone(), ASKING);
        write.await?;
    }
    Ok(())
}

/// A merge patch of the claim with this uid.
pub async fn change(
    connection: &Connection,
    claim: &ClaimName,
    uid: &Uid,
    change: &Value,
) -> Result<(), Error> {
    let object = Subject::Claim(claim.clone());
    write::try_change(connection, &object, uid, change).await?;
    write::change_guarded(connection, &object, uid, change).await
}

/// Deletes the claim with this uid.
pub async fn delete(connection: &Connection, claim: &ClaimName, uid: &Uid) -> Result<(), Error> {
    write::delete_guarded(connection, &Subject::Claim(claim.clone()), uid).await
}
