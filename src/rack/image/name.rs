//! The name of an image, read as container runtimes read it: registry, repository, tag and digest.

use std::fmt;

/// Where images without a registry in their name come from.
pub const DOCKER_HUB: &str = "docker.io";

/// `registry.example.com:5000/ops/thermo-hub:1.2@sha256:…`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName {
    /// With its port, if it has one.
    pub registry: String,
    pub repository: String,
    pub tag: Option<String>,
    /// `sha256:…`; it decides when there is a tag too.
    pub digest: Option<String>,
}

impl ImageName {
    /// The name as a pod has it; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<ImageName, String> {
        let wrong = |why: &str| format!("{text:?} is no name of an image: {why}");
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|it| !is_digest(it)) {
            return Err(wrong("what stands behind @ is no digest such as sha256:…"));
        }
        let after_path = rest.rfind('/').map_or(0, |at| at + 1);
        let (path, tag) = match rest.get(after_path..).and_then(|last| last.rfind(':')) {
            Some(at) => {
                let (path, tag) = rest.split_at(after_path + at);
                (path, tag.get(1..))
            }
            None => (rest, None),
        };
        let is_word = |word: &str| {
            let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !word.is_empty() && word.bytes().all(is_sign)
        };
        if tag.is_some_and(|tag| !is_word(tag) || tag.len() > 128) {
            return Err(wrong(
                "its tag has other signs than letters, digits, ., _ and -",
            ));
        }
        let (registry, repository) = match path.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, rest.to_owned())
            }
            Some(_) => (DOCKER_HUB, path.to_owned()),
            None => (DOCKER_HUB, format!("library/{path}")),
        };
        let is_path = repository.split('/').all(is_word) && repository.len() <= 255;
        let is_lower = !repository.bytes().any(|byte| byte.is_ascii_uppercase());
        if path.is_empty() || !is_path || !is_lower {
            return Err(wrong(
                "a repository is lower case letters, digits, ., _, - and /",
            ));
        }
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if !registry.bytes().all(is_host) {
            return Err(wrong("its registry is no host"));
        }
        Ok(ImageName {
            registry: registry.to_owned(),
            repository,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// What the registry is asked for: the digest, else the tag, else `latest`.
    pub fn reference(&self) -> &str {
        let named = self.digest.as_deref().or(self.tag.as_deref());
        named.unwrap_or("latest")
    }

    /// Registry and repository: what the images of one project begin with.
    pub fn place(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// True when it lies in `prefix`, as GitLab names the part of its registry that belongs to a project.
    pub fn is_below(&self, prefix: &str) -> bool {
        let place = self.place();
        let rest = place.strip_prefix(prefix.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// `sha256:` and its digits; of other algorithms the form is the same.
pub fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, digits)| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        !kind.is_empty()
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && digits.len() >= 32
            && digits.bytes().all(is_hex)
    })
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}
