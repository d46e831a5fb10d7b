//! Why a cluster does not serve us, in the few words that fit into a cell of a table. The whole sentence is
//! [`Error::problem`].

use crate::clients::kubernetes::cause::Cause;
use crate::clients::kubernetes::error::Error;

pub(super) fn words(error: &Error) -> String {
    match error {
        Error::Kubeconfig(_) => "cannot be used".to_owned(),
        Error::Unreachable { cause, .. } => cause_words(cause),
        Error::Unauthorized { .. } => "login not accepted".to_owned(),
        Error::Forbidden { .. } => "not allowed".to_owned(),
        Error::Missing { .. } | Error::NotKubernetes { .. } => "no Kubernetes there".to_owned(),
        Error::Busy { code, .. } => format!("busy ({code})"),
        Error::Server { code, .. } => format!("answers {code}"),
        Error::Expired | Error::Unreadable { .. } | Error::Conflict(_) | Error::Replaced(_) => {
            error.to_string()
        }
    }
}

fn cause_words(cause: &Cause) -> String {
    let words = match cause {
        Cause::Refused => "refuses connections",
        Cause::Silent(seconds) => return format!("no answer for {seconds} s"),
        Cause::UnknownHost => "unknown host",
        Cause::NoRoute => "no route to host",
        Cause::Closed => "closes the connection",
        Cause::UnknownIssuer => "unknown authority",
        Cause::WrongName(names) if !names.is_empty() => {
            return format!("certificate only for {}", names.join(", "));
        }
        Cause::WrongName(_) => "certificate for another name",
        Cause::ServerExpired(_) => "certificate has ended",
        Cause::ServerNotYet(_) => "certificate not yet valid",
        Cause::ClientRefused(_) => "refuses our certificate",
        Cause::NotTls => "does not speak TLS",
        Cause::WantsTls => "wants TLS",
        Cause::BadCertificate(_) => "certificate unusable",
        Cause::Other(_) => "no answer",
    };
    words.to_owned()
}
