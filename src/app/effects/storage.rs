//! Work on claims: made, changed, deleted.

use super::Effects;
use crate::clients::kubernetes;
use crate::rack::node::Uid;
use crate::rack::storage::ClaimName;

impl Effects {
    pub(super) fn create_claim(&self, context: &str, claim: ClaimName, body: serde_json::Value) {
        let target = self.target_in(context);
        let done = format!("claim {claim} is made");
        let not_done = format!("claim {claim} was not made");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::claims::create(&connection, &claim, &body).await
        });
    }

    /// Changes the claim, or deletes it where there is no change.
    pub(super) fn change_claim(
        &self,
        context: &str,
        claim: ClaimName,
        uid: Uid,
        change: Option<serde_json::Value>,
    ) {
        let target = self.target_in(context);
        let (done, not_done) = match &change {
            Some(_) => (
                format!("claim {claim} is changed"),
                format!("claim {claim} was not changed"),
            ),
            None => (
                format!("claim {claim} is deleted, or goes with the last pod that uses it"),
                format!("claim {claim} was not deleted"),
            ),
        };
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            match change {
                Some(change) => {
                    kubernetes::claims::change(&connection, &claim, &uid, &change).await
                }
                None => kubernetes::claims::delete(&connection, &claim, &uid).await,
            }
        });
    }
}
