//! Images that a job has pushed, as its log tells: docker push, buildx and kaniko each say it in their way.

use super::Trace;
use crate::rack::image::name::{ImageName, is_digest};

/// An image that was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    pub image: ImageName,
    pub digest: String,
}

/// The images in the order in which they were pushed, each once.
pub fn pushed(trace: &Trace) -> Vec<Pushed> {
    let mut found: Vec<Pushed> = Vec::new();
    let mut repository: Option<String> = None;
    for row in trace.rows() {
        let line = trace.plain(row);
        if let Some(rest) = after(&line, "The push refers to repository [") {
            repository = rest.split(']').next().map(str::to_owned);
            continue;
        }
        let pushed = named(&line).or_else(|| by_docker(&line, repository.as_deref()));
        if let Some(pushed) = pushed.filter(|it| !found.contains(it)) {
            found.push(pushed);
        }
    }
    found
}

/// buildx: `#12 pushing manifest for NAME:TAG@sha256:… 0.4s done`; kaniko: `Pushed NAME:TAG@sha256:…` or
/// `Pushed image to …` without a digest, which tells nothing.
fn named(line: &str) -> Option<Pushed> {
    let rest = after(line, "pushing manifest for ").or_else(|| after(line, "Pushed "))?;
    let word = rest.split_whitespace().next()?;
    let mut image = ImageName::parse(word).ok()?;
    let digest = image.digest.take()?;
    Some(Pushed { image, digest })
}

/// docker: `1.2: digest: sha256:… size: 1234`, after the repository was named.
fn by_docker(line: &str, repository: Option<&str>) -> Option<Pushed> {
    let (tag, rest) = line.split_once(": digest: ")?;
    let tag = tag.split_whitespace().next_back()?;
    let digest = rest.split_whitespace().next().filter(|it| is_digest(it))?;
    let image = ImageName::parse(&format!("{}:{tag}", repository?)).ok()?;
    Some(Pushed {
        image,
        digest: digest.to_owned(),
    })
}

fn after<'a>(line: &'a str, words: &str) -> Option<&'a str> {
    line.find(words).and_then(|at| line.get(at + words.len()..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(log: &str) -> Vec<String> {
        let mut trace = Trace::new();
        trace.take(log.as_bytes(), true);
        let all = pushed(&trace).into_iter();
        all.map(|it| format!("{} {}", it.image, it.digest.get(..10).unwrap()))
            .collect()
    }

    #[test]
    fn every_builder_names_what_it_pushed_in_its_own_way() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let buildx = format!("#21 pushing manifest for reg.lan/ops/hub:1@{digest} 0.4s done\n");
        assert_eq!(found(&buildx.repeat(2)), ["reg.lan/ops/hub:1 sha256:aba"]);
        let docker = format!(
            "The push refers to repository [reg.lan:5000/ops/hub]\n5f70: Pushed\n1.2: digest: {digest} size: 1234\n"
        );
        assert_eq!(found(&docker), ["reg.lan:5000/ops/hub:1.2 sha256:aba"]);
        let kaniko = format!("INFO[0042] Pushed reg.lan/ops/hub@{digest}\n");
        assert_eq!(found(&kaniko), ["reg.lan/ops/hub sha256:aba"]);
    }

    #[test]
    fn what_is_no_push_is_none() {
        for log in [
            "digest: sha256:12 size: 3\n",
            "1.2: digest: sha256:abc size: 1\n",
            "Pushed image to reg.lan/x\n",
            "pushing manifest for \u{1b}]0;x\u{7}@sha256:\n",
        ] {
            assert!(found(log).is_empty(), "{log:?}");
        }
    }
}
