//! A manifest file that a person has named, read from disk.

use crate::rack::manifest::Manifest;
use crate::rack::problem::{Problem, Severity, Subject};

/// Larger files are no manifests.
const LONGEST: u64 = 16 << 20;

/// Reads and parses `file`; `~/` is the home directory. Waits for the disk.
pub fn read(file: &str) -> Result<Manifest, Box<Problem>> {
    let refused = |why: String| {
        let problem = Problem::new(
            Severity::Warning,
            Subject::Program,
            format!("cannot use the manifest {file}"),
        )
        .why(why)
        .next("name a file of Kubernetes objects, such as metallb-native.yaml of a release");
        Box::new(problem)
    };
    let path = super::in_home(file);
    let about = std::fs::metadata(&path).map_err(|error| refused(error.to_string()))?;
    if !about.is_file() {
        return Err(refused("it is no file".to_owned()));
    }
    if about.len() > LONGEST {
        return Err(refused(format!("it has {} bytes", about.len())));
    }
    let bytes = std::fs::read(&path).map_err(|error| refused(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".to_owned()))?;
    Manifest::parse(file, &text)
        .map_err(|flaw| refused(format!("line {}: {}", flaw.line + 1, flaw.what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_or_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.display().to_string()
        };
        let good = put(
            "good",
            b"apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n",
        );
        assert_eq!(read(&good).unwrap().objects.len(), 1);
        let folder_name = folder.path().display().to_string();
        for (file, expected) in [
            (put("binary", b"\xff\xfe"), "not UTF-8"),
            (
                put("wrong", b"\n---\na: 1\n"),
                "line 2: an object needs kind",
            ),
            (folder_name.clone(), "no file"),
            (format!("{folder_name}/none"), "No such file"),
        ] {
            let sentence = read(&file).unwrap_err().sentence();
            assert!(sentence.contains(expected), "{sentence}");
        }
    }
}
