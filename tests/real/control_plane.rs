//! The real control plane as a child process: found, started, ordered about, and gone when nobody needs it.
//!
//! It is never built here, that takes minutes: `tests/run` does it. Invariant: the child ends when this process does,
//! however that ends, because its standard input ends then; a shell between us removes its folder after it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Ctrl-C is for us: the child sees the end of its input, and its folder must still go away.
const SHELL: &str = r#"trap "" INT HUP; "$1" --dir "$2"; rm -rf "$2""#;

/// A running control plane. Dropping it ends it.
pub(crate) struct ControlPlane {
    folder: PathBuf,
    process: Mutex<Process>,
}

struct Process {
    child: Child,
    /// `None` once it was told to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl ControlPlane {
    /// Starts one in a new folder and waits until it can be used, some three seconds.
    pub(crate) fn start(binary: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("bramble-control-plane-")
            .tempdir()
            .unwrap()
            .keep();
        let mut child = Command::new("sh")
            .args(["-c", SHELL, "sh"])
            .arg(binary)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut process = Process {
            orders: child.stdin.take(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        let ready = process.answer();
        assert!(ready.starts_with("ready "), "{ready}");
        Self {
            folder,
            process: Mutex::new(process),
        }
    }

    /// The one that all questions share that break nothing.
    pub(crate) fn shared(binary: &Path) -> &'static Self {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(binary))
    }

    /// Gives an order of `control-plane/main.go` and waits for its answer.
    pub(crate) fn order(&self, order: &str) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let orders = process.orders.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        let answer = process.answer();
        assert!(!answer.starts_with("error"), "{order}: {answer}");
    }

    /// Where it keeps everything.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The text of one of its kubeconfigs.
    pub(crate) fn kubeconfig(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap()
    }
}

impl Process {
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        if line.is_empty() {
            return "error: the control plane has ended; its last words stand above".to_owned();
        }
        line.trim_end().to_owned()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        process.orders = None;
        // It cannot be asked why it will not end, and the test is over.
        let _ = process.child.wait();
    }
}

/// The built program. `None` skips the real half, aloud; where everything is meant to be there that is a failure.
pub(crate) fn binary() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let found = find();
        if let Err(reason) = &found {
            // Past the test harness, which keeps the words of tests that pass to itself.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: all questions to a real control plane: {reason}"
            );
        }
        found
    });
    match found {
        Ok(path) => Some(path),
        Err(reason) => {
            let is_required = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_required, "CI=true needs the control plane: {reason}");
            None
        }
    }
}

fn find() -> Result<PathBuf, String> {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/control-plane/build");
    let output = Command::new(&build)
        .arg("--if-built")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", build.display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(PathBuf::from(text(&output.stdout)))
    } else {
        Err(text(&output.stderr))
    }
}
