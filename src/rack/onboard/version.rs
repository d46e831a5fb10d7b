//! Versions of k3s: `v1.33.4+k3s1`, as tags are written, and who may be older than whom.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A tag. The parts stand in the order in which they count.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    numbers: [u32; 3],
    /// `-rc1`; a release has none and is newer than its candidates.
    candidate: Option<String>,
    k3s: u32,
}

impl Version {
    /// Reads `v1.33.4+k3s1`, `v1.33.4-rc1+k3s1`, or the `+` as image tags and file names have it (`v1.33.4-k3s1`).
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim().strip_prefix('v')?;
        let (kubernetes, k3s) = text
            .split_once("+k3s")
            .or_else(|| text.split_once("-k3s"))?;
        let (plain, candidate) = match kubernetes.split_once('-') {
            Some((plain, candidate)) if !candidate.is_empty() => (plain, Some(candidate)),
            Some(_) => return None,
            None => (kubernetes, None),
        };
        let mut parts = plain.split('.').map(number);
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        if parts.next().is_some()
            || candidate.is_some_and(|it| !it.chars().all(|c| c.is_ascii_alphanumeric()))
        {
            return None;
        }
        Some(Version {
            numbers,
            candidate: candidate.map(str::to_owned),
            k3s: number(k3s)?,
        })
    }

    /// As a part of a URL, where `+` would be a blank.
    pub fn in_url(&self) -> String {
        self.to_string().replace('+', "%2B")
    }

    /// Why an agent of this version may not join a server of that one: a kubelet may be up to three minors older than the
    /// API server and never newer.
    pub fn refused_by_server(&self, server: &Version) -> Option<String> {
        let (own, theirs) = (self.numbers, server.numbers);
        if own[0] != theirs[0] || own[1] > theirs[1] {
            return Some(format!(
                "an agent may not be newer than its server, which is {server}"
            ));
        }
        if own[1] + 3 < theirs[1] {
            return Some(format!(
                "an agent may be three minor versions older than its server, which is {server}, and no more"
            ));
        }
        None
    }
}

fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "v{major}.{minor}.{patch}")?;
        if let Some(candidate) = &self.candidate {
            write!(f, "-{candidate}")?;
        }
        write!(f, "+k3s{}", self.k3s)
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Version, String> {
        Version::parse(&text)
            .ok_or_else(|| format!("{text} is no version of k3s such as v1.33.4+k3s1"))
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_and_said_back() {
        for text in ["v1.33.4+k3s1", "v1.27.10+k3s2", "v1.33.0-rc1+k3s1"] {
            assert_eq!(Version::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Version::parse("v1.33.4-k3s1").unwrap().to_string(),
            "v1.33.4+k3s1"
        );
        assert_eq!(
            Version::parse("v1.33.4+k3s1").unwrap().in_url(),
            "v1.33.4%2Bk3s1"
        );
        for text in [
            "1.33.4+k3s1",
            "v1.33+k3s1",
            "v1.33.4",
            "v1.33.4+k3s",
            "v1.33.4.5+k3s1",
            "v1.33.4+k3s1; rm",
            "stable",
            "v1.33.-4+k3s1",
            "",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_agent_may_be_older_but_not_newer() {
        let version = |text: &str| Version::parse(text).unwrap();
        let server = version("v1.33.4+k3s1");
        for (agent, is_fine) in [
            ("v1.33.4+k3s1", true),
            ("v1.33.9+k3s1", true),
            ("v1.30.1+k3s1", true),
            ("v1.29.1+k3s1", false),
            ("v1.34.0+k3s1", false),
        ] {
            assert_eq!(
                version(agent).refused_by_server(&server).is_none(),
                is_fine,
                "{agent}"
            );
        }
    }
}
