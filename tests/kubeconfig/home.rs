//! A home directory of its own, and the two programs that work in it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".kube")).unwrap();
        Home { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join(".kube/config")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.config()).unwrap()
    }

    /// Everything beside the kubeconfig that is no backup.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join(".kube")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| {
                name != "config" && Path::new(name).extension().is_none_or(|it| it != "bak")
            })
            .collect()
    }

    /// `bramble kubeconfig …`, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bramble"));
        command.arg("kubeconfig").args(arguments);
        self.at_home(&mut command);
        command
    }

    pub(crate) fn bramble(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The program with a kubeconfig on standard input.
    pub(crate) fn bramble_reading(&self, arguments: &[&str], text: &str) -> Output {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have refused its arguments already.
        let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("kubectl");
        command.arg("config").args(arguments);
        self.at_home(&mut command);
        command.output().unwrap()
    }

    fn at_home(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
    }
}

/// Standard output of a run that went well.
#[track_caller]
pub(crate) fn done(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The sentence of a run that refused with this exit code.
#[track_caller]
pub(crate) fn refused(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.starts_with("bramble: "), "{text}");
    text
}

/// True when kubectl is here; says aloud what is skipped when it is not.
pub(crate) fn has_kubectl() -> bool {
    static FOUND: LazyLock<bool> = LazyLock::new(|| {
        let found = Command::new("kubectl")
            .args(["version", "--client"])
            .output();
        found.is_ok_and(|output| output.status.success())
    });
    if !*FOUND {
        skip("there is no kubectl");
    }
    *FOUND
}

/// Something cannot be tried here. With `CI=true` that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(
        std::env::var("CI").is_ok_and(|it| it != "true") || std::env::var("CI").is_err(),
        "{why}, and CI may skip nothing"
    );
    eprintln!("skipped: {why}");
}

/// What k3s writes, for a cluster without an authority so that no certificate has to be made.
pub(crate) fn rack(server: &str, token: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    server: {server}\n\
         contexts:\n- name: default\n  context:\n    cluster: default\n    user: default\n\
         users:\n- name: default\n  user:\n    token: {token}\ncurrent-context: default\n"
    )
}
