//! The sentences for a server that gave no answer: one per cause, each with its own next step.

use crate::clients::kubernetes::cause::Cause;
use crate::clients::kubernetes::error::{FRESH_CERTIFICATE, Server};
use crate::rack::problem::{Problem, Severity, Subject};

pub(super) fn problem(server: &Server, cause: &Cause) -> Problem {
    let url = &server.url;
    let mut problem = Problem::new(severity(cause), Subject::Link, what(url, cause))
        .why(why(cause))
        .next(next(cause));
    if let (Cause::ClientRefused(_), Some(end)) = (cause, server.certificate_ends) {
        problem = problem.evidence(format!("our client certificate is valid until {end}"));
    }
    problem.evidence(format!("server {url} of context {:?}", server.context))
}

/// Critical is what does not pass by itself.
fn severity(cause: &Cause) -> Severity {
    match cause {
        Cause::Refused
        | Cause::Silent(_)
        | Cause::UnknownHost
        | Cause::NoRoute
        | Cause::Closed
        | Cause::Other(_) => Severity::Warning,
        Cause::UnknownIssuer
        | Cause::WrongName(_)
        | Cause::ServerExpired(_)
        | Cause::ServerNotYet(_)
        | Cause::ClientRefused(_)
        | Cause::NotTls
        | Cause::WantsTls
        | Cause::BadCertificate(_) => Severity::Critical,
    }
}

fn what(url: &str, cause: &Cause) -> String {
    match cause {
        Cause::Refused => format!("{url} refuses connections"),
        Cause::Silent(_)
        | Cause::UnknownHost
        | Cause::NoRoute
        | Cause::Closed
        | Cause::Other(_) => format!("no answer from {url}"),
        Cause::UnknownIssuer
        | Cause::WrongName(_)
        | Cause::ServerExpired(_)
        | Cause::ServerNotYet(_)
        | Cause::BadCertificate(_) => format!("cannot trust {url}"),
        Cause::ClientRefused(_) => format!("{url} refuses our client certificate"),
        Cause::NotTls => format!("{url} does not speak TLS"),
        Cause::WantsTls => format!("{url} does not answer in plain HTTP"),
    }
}

fn why(cause: &Cause) -> String {
    let words = match cause {
        Cause::Silent(seconds) => return format!("nothing came for {seconds} seconds"),
        Cause::WrongName(names) if !names.is_empty() => {
            return format!("its certificate is only for {}", names.join(", "));
        }
        Cause::ServerExpired(Some(end)) => return format!("its certificate ended {end}"),
        Cause::ServerNotYet(Some(begin)) => {
            return format!("its certificate holds only from {begin} on");
        }
        Cause::BadCertificate(why) => return format!("its certificate cannot be used: {why}"),
        Cause::ClientRefused(why) | Cause::Other(why) => why,
        Cause::Refused => {
            "nothing listens there: the API server is down, or address or port are wrong"
        }
        Cause::UnknownHost => "its name is not known to DNS",
        Cause::NoRoute => "there is no route to it",
        Cause::Closed => "the connection was closed",
        Cause::UnknownIssuer => {
            "its certificate is signed by another authority than the kubeconfig names"
        }
        Cause::WrongName(_) => "its certificate is for another name",
        Cause::ServerExpired(None) => "its certificate has ended",
        Cause::ServerNotYet(None) => "its certificate does not hold yet",
        Cause::NotTls => "something else listens on that port",
        Cause::WantsTls => "it probably wants TLS",
    };
    words.to_owned()
}

fn next(cause: &Cause) -> &'static str {
    match cause {
        Cause::Refused | Cause::Closed => {
            "bramble keeps trying; on the server: systemctl status k3s"
        }
        Cause::Silent(_) => "bramble keeps trying; check power, cable and firewall of the server",
        Cause::UnknownHost => "check server in the kubeconfig, or the name service of this machine",
        Cause::NoRoute => "bramble keeps trying; check the network of this machine, or the VPN",
        Cause::UnknownIssuer => {
            "is it another cluster, or was k3s installed anew? take a fresh kubeconfig from the \
             server"
        }
        Cause::WrongName(_) => {
            "add the name to tls-san of the k3s server, or set tls-server-name in the kubeconfig \
             to one it has"
        }
        Cause::ServerExpired(_) => {
            "restart k3s on the server, which renews it; or is the clock of this machine wrong?"
        }
        Cause::ServerNotYet(_) => "check the clock of this machine and of the server",
        Cause::ClientRefused(_) => FRESH_CERTIFICATE,
        Cause::NotTls => "check server in the kubeconfig: port, or http:// instead of https://",
        Cause::WantsTls => "write https:// in server of the kubeconfig",
        Cause::BadCertificate(_) => {
            "take a fresh kubeconfig from the server, or have its certificate made anew"
        }
        Cause::Other(_) => "bramble keeps trying",
    }
}
