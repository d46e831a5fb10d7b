//! A shell in a pod with the terminal handed over: `kubectl exec` as a child, until it ends.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use futures::Stream;
use tokio::process::Command;

use crate::app::event_loop::Exit;
use crate::cli::shell::{End, Program, wait};
use crate::rack::pod::PodName;

/// The first shell that is there: small images have no bash.
const SHELL: &str = "command -v bash >/dev/null && exec bash || exec sh";

/// Runs `kubectl exec` on the terminal, which must have been left.
pub(super) async fn run<S>(
    program: &mut Program<'_, S>,
    kubeconfig: Option<&Path>,
    context: &str,
    pod: &PodName,
) -> io::Result<End>
where
    S: Stream<Item = Exit> + Unpin,
{
    let started = Command::new("kubectl")
        .args(arguments(kubeconfig, context, pod))
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = "there is no kubectl on this machine; a shell in a pod needs it";
            return Ok(End::Back(Some(text.to_owned())));
        }
        Err(error) => {
            return Ok(End::Back(Some(format!("kubectl cannot be run: {error}"))));
        }
    };
    Ok(match wait(program, &mut child).await? {
        None => End::Leave,
        Some(status) if status.success() => End::Back(None),
        Some(_) => End::Back(Some(format!(
            "the shell in pod {pod} has ended with an error"
        ))),
    })
}

/// Each value stands behind its flag in one word, so that no name is taken for a flag.
fn arguments(kubeconfig: Option<&Path>, context: &str, pod: &PodName) -> Vec<OsString> {
    let mut arguments = Vec::new();
    if let Some(file) = kubeconfig {
        let mut flag = OsString::from("--kubeconfig=");
        flag.push(file);
        arguments.push(flag);
    }
    arguments.extend(
        [
            format!("--context={context}"),
            format!("--namespace={}", pod.namespace),
            "exec".to_owned(),
            "-it".to_owned(),
            format!("pod/{}", pod.name),
            "--".to_owned(),
            "sh".to_owned(),
            "-c".to_owned(),
            SHELL.to_owned(),
        ]
        .map(Into::into),
    );
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_no_flag() {
        let pod = PodName {
            namespace: "--as=root".into(),
            name: "--token=x".into(),
        };
        let arguments = arguments(Some(Path::new("/k")), "-office", &pod);
        let words: Vec<&str> = arguments.iter().filter_map(|it| it.to_str()).collect();
        assert_eq!(
            words[..4],
            [
                "--kubeconfig=/k",
                "--context=-office",
                "--namespace=--as=root",
                "exec"
            ]
        );
        assert_eq!(words[5], "pod/--token=x");
    }
}
