//! What people read when something is wrong.

use super::*;

fn server() -> Server {
    Server {
        url: "https://10.0.0.1:6443".to_owned(),
        context: "office".to_owned(),
        user: "admin".to_owned(),
        certificate_ends: None,
    }
}

const LEASES: Rule = Rule {
    verbs: "list, watch",
    resource: "leases",
    group: "coordination.k8s.io",
    namespace: Some("kube-node-lease"),
};

#[test]
fn every_cause_has_its_own_sentence_and_a_next_step() {
    let causes = [
        Cause::Refused,
        Cause::Silent(9),
        Cause::UnknownHost,
        Cause::NoRoute,
        Cause::Closed,
        Cause::UnknownIssuer,
        Cause::WrongName(vec!["rack".to_owned()]),
        Cause::WrongName(vec![]),
        Cause::ServerExpired(None),
        Cause::ServerNotYet(None),
        Cause::ClientRefused("CertificateExpired".to_owned()),
        Cause::NotTls,
        Cause::WantsTls,
        Cause::BadCertificate("odd".to_owned()),
        Cause::Other("odd".to_owned()),
    ];
    let mut said = std::collections::BTreeSet::new();
    for cause in causes {
        let server = Box::new(server());
        let problem = Error::Unreachable { server, cause }.problem();
        assert!(problem.what.contains("10.0.0.1"), "{problem:?}");
        assert!(!problem.next.is_empty(), "{problem:?}");
        assert!(!problem.sentence().ends_with('.'), "{problem:?}");
        assert!(said.insert(problem.sentence()), "said twice: {problem:?}");
    }
}

#[test]
fn a_missing_right_comes_with_the_command_that_grants_it() {
    let problem = Error::Forbidden {
        rule: LEASES,
        message: "leases is forbidden: User \"jane@x.org\" cannot list".to_owned(),
    }
    .problem();
    assert_eq!(
        problem.what,
        "not allowed: list, watch on leases (coordination.k8s.io) in kube-node-lease"
    );
    assert_eq!(
        problem.next,
        "an administrator can grant it: kubectl create role bramble-leases-coordination-k8s-io \
         -n kube-node-lease --verb=list,watch --resource=leases.coordination.k8s.io && \
         kubectl create rolebinding bramble-leases-coordination-k8s-io -n kube-node-lease \
         --role=bramble-leases-coordination-k8s-io --user=jane@x.org"
    );
}

#[test]
fn a_name_that_could_do_harm_in_a_shell_is_not_put_into_the_command() {
    for name in ["$(reboot)", "a b", "", "x;y"] {
        let message = format!("User \"{name}\" cannot list");
        let problem = Error::Forbidden {
            rule: LEASES,
            message,
        }
        .problem();
        assert!(problem.next.ends_with("--user=USER"), "{problem:?}");
    }
}

#[test]
fn an_expired_client_certificate_is_named_as_the_likely_cause() {
    let mut server = Box::new(server());
    server.certificate_ends = Timestamp::from_second(1_600_000_000).ok();
    let why = "Unauthorized".to_owned();
    let problem = Error::Unauthorized { server, why }.problem();
    assert_eq!(
        problem.evidence,
        ["our client certificate ended 2020-09-13T12:26:40Z"]
    );
    assert!(problem.next.contains("k3s renews"), "{problem:?}");
}
