//! Credential plugins: what they say is used, and what they are told stays hidden.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;

use super::server::Server;
use super::{Follower, TOKEN, kubeconfig, target};
use crate::rack::facts::Fact;
use crate::rack::link::LinkState;

/// Follows a server with a plugin that is this shell script.
fn follower(server: &Server, script: &str) -> Follower {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("plugin");
    std::fs::write(&plugin, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o700)).unwrap();
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, \
         command: ./plugin, args: [\"{TOKEN}\"], env: [{{name: SECRET, value: {TOKEN}}}]}}"
    );
    let cluster = format!("server: \"http://{}\"", server.address);
    let path = folder.path().join("config");
    std::fs::write(&path, kubeconfig(&cluster, &user)).unwrap();
    Follower::with_target(folder, target(path))
}

#[tokio::test]
async fn the_credential_of_a_plugin_is_used() {
    let server = Server::start().await;
    let credential = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",
        "status":{"token":"from-the-plugin"}}"#;
    let mut follower = follower(&server, &format!("cat <<'END'\n{credential}\nEND"));
    follower.until_live().await;
    let heads = server.requests("list nodes").concat();
    assert!(heads.contains("Bearer from-the-plugin"), "{heads}");
}

#[tokio::test]
async fn a_plugin_that_fails_is_told_without_its_arguments() {
    for (script, why) in [
        (
            "echo \"$1 $SECRET\" >&2; exit 1",
            "the credential plugin failed",
        ),
        ("echo \"$1\"", "gave no credential"),
        (
            r#"printf '{"status":{"token":"a\\u0001%s"}}' "$1""#,
            "make no valid header",
        ),
    ] {
        let server = Server::start().await;
        let mut follower = follower(&server, script);
        let mut said = String::new();
        let problem = follower
            .until(|fact| {
                write!(said, "{fact:?}").unwrap();
                match fact {
                    Fact::Link(LinkState::Denied { problem }) => Some(problem.clone()),
                    _ => None,
                }
            })
            .await;
        assert!(problem.why.contains(why), "{problem:?}");
        assert!(!said.contains(TOKEN), "{said}");
    }
}
