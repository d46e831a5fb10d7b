//! The registry of the simulated GitLab: images as manifests with true digests, logins by token, and deploy tokens.
//!
//! An image exists by being in [`IMAGES`]; nothing can be pushed.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::answers::Answer;
use super::{PATH, SHA, TOKEN};

/// A repository below the project, a tag, its platforms, and the commit in its labels.
struct Image {
    repository: &'static str,
    tag: &'static str,
    platforms: &'static [(&'static str, &'static str)],
    commit: Option<usize>,
}

const IMAGES: [Image; 3] = [
    Image {
        repository: "web",
        tag: "356a192b",
        platforms: &[("arm64", "v8"), ("arm", "v7")],
        commit: Some(0),
    },
    Image {
        repository: "labels",
        tag: "0.9",
        platforms: &[("amd64", "")],
        commit: None,
    },
    Image {
        repository: "web",
        tag: "main",
        platforms: &[("arm64", "v8"), ("arm", "v7")],
        commit: Some(0),
    },
];
const CACHE: &str = "cache";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A token for machines, as the API makes them.
#[derive(Debug, Clone)]
struct DeployToken {
    id: u64,
    name: String,
    user: String,
    secret: String,
    expires: Option<String>,
    scopes: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    tokens: Vec<DeployToken>,
    made: u64,
}

fn digest_of(text: &str) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref() {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

impl Image {
    fn config(&self, (architecture, variant): (&str, &str)) -> String {
        let mut labels = json!({});
        if let Some(commit) = self.commit.and_then(|at| SHA.get(at)) {
            labels["org.opencontainers.image.revision"] = json!(commit);
        }
        let name = self.repository;
        json!({
            "os": "linux", "architecture": architecture, "variant": variant, "author": name,
            "config": { "Labels": labels }, "rootfs": { "type": "layers", "diff_ids": [] },
        })
        .to_string()
    }

    fn manifest(&self, platform: (&str, &str)) -> String {
        let config = self.config(platform);
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": { "mediaType": CONFIG, "digest": digest_of(&config), "size": config.len() },
        })
        .to_string()
    }

    /// What the tag stands for: an index, with the papers builders put between the platforms.
    fn index(&self) -> String {
        let mut manifests: Vec<Value> = Vec::new();
        for platform in self.platforms {
            let manifest = self.manifest(*platform);
            let mut about = json!({ "os": "linux", "architecture": platform.0 });
            if !platform.1.is_empty() {
                about["variant"] = json!(platform.1);
            }
            manifests.push(json!({
                "mediaType": MANIFEST, "digest": digest_of(&manifest), "size": manifest.len(),
                "platform": about,
            }));
        }
        manifests.push(json!({
            "mediaType": MANIFEST, "digest": digest_of("papers"), "size": 6,
            "platform": { "os": "unknown", "architecture": "unknown" },
            "annotations": { "vnd.docker.reference.type": "attestation-manifest" },
        }));
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string()
    }
}

/// The digest of an image that the registry has; `name` may begin with any host.
pub(in crate::sim) fn digest(name: &str) -> Option<String> {
    let (name, tag) = name.rsplit_once(':')?;
    let image = IMAGES
        .iter()
        .find(|it| it.tag == tag && name.ends_with(&format!("/{PATH}/{}", it.repository)))?;
    Some(digest_of(&image.index()))
}

impl Registry {
    /// Answers below `/v2/`; `None` for what is none of its paths.
    pub(super) fn answer(address: &str, path: &str, authorization: Option<&str>) -> Option<Answer> {
        let rest = path.strip_prefix("/v2/")?;
        let below = rest
            .strip_prefix(PATH)?
            .strip_prefix('/')
            .unwrap_or_default();
        let mut parts = below.rsplitn(3, '/');
        let (reference, what, repository) = (parts.next()?, parts.next()?, parts.next());
        let (reference, what, repository) = match repository {
            Some(repository) => (reference, what, repository),
            None => (reference, what, ""),
        };
        let scope = format!("{PATH}/{repository}");
        let scope = scope.trim_end_matches('/');
        if authorization != Some(format!("Bearer pull:{scope}").as_str()) {
            let mut answer = Answer::json(401, &json!({ "errors": [{ "code": "UNAUTHORIZED" }] }));
            answer.headers.push((
                "www-authenticate",
                format!(
                    "Bearer realm=\"http://{address}/gitlab/jwt/auth\",service=\"container_registry\",scope=\"repository:{scope}:pull\""
                ),
            ));
            return Some(answer);
        }
        let images = || IMAGES.iter().filter(|it| it.repository == repository);
        let none = Answer::json(404, &json!({ "errors": [{ "code": "MANIFEST_UNKNOWN" }] }));
        Some(match (what, reference) {
            ("tags", _) => {
                let tags: Vec<&str> = images().map(|it| it.tag).collect();
                Answer::json(200, &json!({ "name": scope, "tags": tags }))
            }
            ("manifests", CACHE) => manifest(INDEX, cache()),
            ("manifests", wanted) => {
                let mut found = none;
                for image in images() {
                    if image.tag == wanted || digest_of(&image.index()) == wanted {
                        found = manifest(INDEX, image.index());
                    }
                    for platform in image.platforms {
                        let text = image.manifest(*platform);
                        if digest_of(&text) == wanted {
                            found = manifest(MANIFEST, text);
                        }
                    }
                }
                found
            }
            ("blobs", wanted) => {
                let configs = images().flat_map(|image| {
                    let of = move |platform: &(&str, &str)| image.config(*platform);
                    image.platforms.iter().map(of)
                });
                let found = configs.into_iter().find(|it| digest_of(it) == wanted);
                found.map_or(none, |text| manifest(CONFIG, text))
            }
            _ => none,
        })
    }

    /// The token service: `GET /gitlab/jwt/auth?service=…&scope=repository:NAME:pull` with a login.
    pub(super) fn token(&self, query: &str, authorization: Option<&str>, today: Date) -> Answer {
        let login = authorization
            .and_then(|it| it.strip_prefix("Basic "))
            .and_then(|it| STANDARD.decode(it).ok())
            .and_then(|it| String::from_utf8(it).ok());
        let Some((user, secret)) = login.as_deref().and_then(|it| it.split_once(':')) else {
            return Answer::json(401, &json!({ "errors": [{ "code": "UNAUTHORIZED" }] }));
        };
        let is_own = secret == TOKEN;
        let is_over = |it: &DeployToken| {
            let ends = it.expires.as_deref().and_then(|it| it.parse::<Date>().ok());
            ends.is_some_and(|ends| ends <= today)
        };
        let known = self.tokens.iter();
        let known = known.filter(|it| it.user == user && it.secret == secret && !is_over(it));
        let may = |it: &DeployToken| it.scopes.iter().any(|it| it == "read_registry");
        match known.map(may).next() {
            None if !is_own => {
                return Answer::json(401, &json!({ "errors": [{ "code": "UNAUTHORIZED" }] }));
            }
            Some(false) => {
                return Answer::json(403, &json!({ "errors": [{ "code": "DENIED" }] }));
            }
            _ => {}
        }
        let scope = query.split("scope=repository:").nth(1).unwrap_or_default();
        let scope = scope.split([':', '&']).next().unwrap_or_default();
        Answer::json(
            200,
            &json!({ "token": format!("pull:{scope}"), "expires_in": 300 }),
        )
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.tokens.iter().map(|it| it.id).collect()
    }

    pub(super) fn list(&self, today: Date) -> Answer {
        let all = self.tokens.iter().map(|it| it.about(today));
        Answer::json(200, &Value::Array(all.collect()))
    }

    pub(super) fn make(&mut self, body: &Value, today: Date) -> Answer {
        let name = body["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Answer::json(400, &json!({ "error": "name is missing" }));
        }
        self.made += 1;
        let scopes = body["scopes"].as_array().into_iter().flatten();
        let token = DeployToken {
            id: self.made,
            name: name.to_owned(),
            user: format!("gitlab+deploy-token-{}", self.made),
            secret: format!("gldt-demo-{:04}", self.made),
            expires: body["expires_at"].as_str().map(str::to_owned),
            scopes: scopes
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
        };
        let mut about = token.about(today);
        about["token"] = json!(token.secret);
        self.tokens.push(token);
        Answer::json(201, &about)
    }

    pub(super) fn revoke(&mut self, id: u64) -> Answer {
        let before = self.tokens.len();
        self.tokens.retain(|it| it.id != id);
        if self.tokens.len() == before {
            return Answer::not_found("DeployToken");
        }
        Answer::json(204, &Value::Null)
    }
}

impl DeployToken {
    fn about(&self, today: Date) -> Value {
        let ends = self
            .expires
            .as_deref()
            .and_then(|it| it.parse::<Date>().ok());
        json!({
            "id": self.id, "name": self.name, "username": self.user, "scopes": self.scopes,
            "expires_at": self.expires.as_ref().map(|it| format!("{it}T00:00:00.000Z")),
            "revoked": false, "expired": ends.is_some_and(|it| it <= today),
        })
    }
}

fn manifest(kind: &'static str, text: String) -> Answer {
    let digest = digest_of(&text);
    Answer {
        kind,
        headers: vec![("docker-content-digest", digest)],
        body: text,
        ..Answer::json(200, &Value::Null)
    }
}

/// What `--cache-to` leaves.
fn cache() -> String {
    json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [
            { "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest_of("layer"), "size": 5 },
            { "mediaType": "application/vnd.buildkit.cacheconfig.v0", "digest": digest_of("config"), "size": 6 },
        ],
    })
    .to_string()
}
