//! Setting up a provisioner: what the server would store, then the objects, then a test claim that is bound, written, read
//! and removed.
//!
//! Invariant: nothing but its namespace is made before the server has accepted all of it in a trial (`dryRun`); the test
//! claim and its pod go again, whatever happened, and who cannot remove them says so.

use std::collections::HashMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use super::error::Error;
use super::install::{self, ASKING, place};
use super::source::push_encoded;
use super::write::JSON;
use crate::rack::manifest::{Manifest, ManifestObject};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::storage::setup::{Outcome, Setup, Trial, Tried};

/// Long enough for two images to be pulled over a slow line.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(500);

/// What of an object is the server's own and no difference.
const OWN: [&str; 5] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
];

/// Lets the server try everything, and stores nothing.
pub async fn try_out(connection: &Connection, manifest: &Manifest) -> Result<Vec<Tried>, Problem> {
    let mut known = HashMap::new();
    let mut tried = Vec::new();
    for (done, object) in manifest.objects.iter().enumerate() {
        let outcome = try_one(connection, object, &mut known).await;
        let outcome = outcome.map_err(|error| install::stopped(manifest, done, object, &error))?;
        let name = if object.id.namespace.is_empty() {
            object.id.name.clone()
        } else {
            format!("{}/{}", object.id.namespace, object.id.name)
        };
        tried.push(Tried {
            object: format!("{} {name}", object.id.kind),
            outcome,
        });
    }
    Ok(tried)
}

async fn try_one(
    connection: &Connection,
    object: &ManifestObject,
    known: &mut HashMap<String, install::Kinds>,
) -> Result<Outcome, Error> {
    let path = place(connection, object, known).await?;
    let before = match connection.get(&path, ASKING).await {
        Ok(body) => Some(body),
        Err(Error::Missing { .. }) => None,
        Err(error) => return Err(error),
    };
    let path = format!("{path}?fieldManager=bramble&fieldValidation=Strict&dryRun=All");
    let kind = "application/apply-patch+yaml";
    let body = object.body.to_string().into_bytes();
    let after = match connection
        .write(Method::PATCH, &path, kind, body, ASKING)
        .await
    {
        Ok(body) => body,
        // Objects of a namespace cannot be tried before it is there.
        Err(Error::Missing { .. }) if before.is_none() => {
            return Ok(Outcome::Later(yaml(object.body.clone())));
        }
        Err(error) => return Err(error),
    };
    let read = |body: &[u8]| -> Result<String, Error> {
        let value = serde_json::from_slice(body).map_err(|error| Error::Unreadable {
            what: object.id.to_string(),
            why: error.to_string(),
        })?;
        Ok(yaml(value))
    };
    Ok(match before {
        None => Outcome::New(yaml(object.body.clone())),
        Some(before) => Outcome::There {
            before: read(&before)?,
            after: read(&after)?,
        },
    })
}

/// An object as a person reads it.
fn yaml(mut value: Value) -> String {
    if let Some(object) = value.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.retain(|key, _| !OWN.contains(&key.as_str()));
    }
    serde_yaml::to_string(&value).unwrap_or_default()
}

/// Applies everything and proves it. `said` hears a sentence for each step.
pub async fn set_up(
    connection: &Connection,
    manifest: &Manifest,
    setup: &Setup,
    said: mpsc::Sender<String>,
) -> Result<(), Problem> {
    let said = &said;
    // The namespace alone, so that the rest can be tried.
    let (first, rest) = manifest.objects.split_at(1.min(manifest.objects.len()));
    let part = |objects: &[ManifestObject]| Manifest {
        file: manifest.file.clone(),
        objects: objects.to_vec(),
    };
    apply(connection, &part(first), said).await?;
    try_out(connection, manifest).await?;
    say(said, "the server has tried all of it and accepts it").await;
    apply(connection, &part(rest), said).await?;
    prove(connection, setup, said).await
}

async fn apply(
    connection: &Connection,
    manifest: &Manifest,
    said: &mpsc::Sender<String>,
) -> Result<(), Problem> {
    let (steps, mut told) = mpsc::channel(4);
    let tell = async {
        while let Some((_, object)) = told.recv().await {
            say(said, format!("applies {object}")).await;
        }
    };
    let work = install::install(connection, manifest, steps);
    let (result, ()) = tokio::join!(work, tell);
    result
}

async fn say(said: &mpsc::Sender<String>, sentence: impl Into<String>) {
    // Who does not listen any more wants it done all the same.
    let _ = said.send(sentence.into()).await;
}

/// Makes a claim, has a pod write and read in its volume, and removes both.
async fn prove(
    connection: &Connection,
    setup: &Setup,
    said: &mpsc::Sender<String>,
) -> Result<(), Problem> {
    let trial = setup.trial();
    let places = Places::of(&trial);
    // What an attempt that was cut off has left.
    places.remove(connection).await?;
    let worked = written_and_read(connection, setup, &trial, &places, said).await;
    let removed = places.remove(connection).await;
    let volume = match (worked, removed) {
        (Ok(volume), removed) => removed.map(|()| Some(volume))?,
        (Err(problem), Ok(())) => return Err(problem),
        (Err(problem), Err(left)) => {
            let left = format!("the test claim is left behind: {}", left.sentence());
            return Err(problem.evidence(left));
        }
    };
    if let Some(volume) = volume {
        places.volume_goes(connection, &volume, setup).await?;
    }
    let folder = if trial.leaves_folder {
        "; its folder stays on the server as archived-…, as that of every claim will"
    } else {
        ""
    };
    say(said, format!("the test claim is removed{folder}")).await;
    Ok(())
}

/// Answers with the name of the volume.
async fn written_and_read(
    connection: &Connection,
    setup: &Setup,
    trial: &Trial,
    places: &Places,
    said: &mpsc::Sender<String>,
) -> Result<String, Problem> {
    let failed = |what: &str| {
        let what = format!("storage class {} is set up, but {what}", setup.class);
        let about = Subject::StorageClass(setup.class.as_str().into());
        Problem::new(Severity::Warning, about, what)
    };
    let write_error =
        |error: Error| failed("the test claim cannot be made").why(error.problem().sentence());
    let create = |list: &str, body: &Value| {
        let path = format!("{list}?fieldManager=bramble");
        let body = body.to_string().into_bytes();
        async move {
            let write = connection.write(Method::POST, &path, JSON, body, ASKING);
            write.await.map(drop)
        }
    };
    let start = Instant::now();
    create(&places.claims, &trial.claim_body)
        .await
        .map_err(write_error)?;
    say(said, "a test claim of 1Mi is made; waiting for its volume").await;
    let is_bound = |claim: &Value| claim["status"]["phase"] == "Bound";
    let claim = places.wait(connection, &places.claim, is_bound).await;
    let Some(claim) = claim.map_err(write_error)? else {
        let why = places.last_warning(connection, setup).await;
        return Err(failed("no volume is made for the test claim")
            .why(
                why.unwrap_or_else(|| {
                    format!("after {} s nobody has said why", PATIENCE.as_secs())
                }),
            )
            .next(format!(
                "look at the pod of Deployment {}/{}: its events and its log; then set it up again",
                setup.namespace,
                setup.name()
            )));
    };
    let seconds = start.elapsed().as_secs();
    say(said, format!("the test claim is bound after {seconds} s")).await;
    create(&places.pods, &trial.pod_body)
        .await
        .map_err(write_error)?;
    say(said, "a pod mounts it, writes a file and reads it").await;
    let has_ended = |pod: &Value| {
        ["Succeeded", "Failed"]
            .iter()
            .any(|it| pod["status"]["phase"] == *it)
    };
    let pod = places.wait(connection, &places.pod, has_ended).await;
    match pod.map_err(write_error)? {
        Some(pod) if pod["status"]["phase"] == "Succeeded" => {
            say(said, "written and read: what came back is what was written").await;
            Ok(claim["spec"]["volumeName"].as_str().unwrap_or_default().to_owned())
        }
        Some(_) => Err(failed("its volume could not be written and read")
            .why("the pod that tried ended with an error")
            .next("look at the rights of the export on the server: its folder must be writable for root, or for everybody")),
        None => {
            let why = places.last_warning(connection, setup).await;
            Err(failed("no pod could mount its volume")
                .why(why.unwrap_or_else(|| format!("after {} s nobody has said why", PATIENCE.as_secs())))
                .next("install nfs-common on every board, and let the export in for the boards' addresses"))
        }
    }
}

/// Where the parts of the trial stand on the server.
struct Places {
    claims: String,
    claim: String,
    pods: String,
    pod: String,
    events: String,
    name: String,
}

impl Places {
    fn of(trial: &Trial) -> Places {
        let mut space = "/api/v1/namespaces/".to_owned();
        push_encoded(&mut space, &trial.claim.namespace);
        let list = |kind: &str| format!("{space}/{kind}");
        let one = |kind: &str| {
            let mut path = format!("{space}/{kind}/");
            push_encoded(&mut path, &trial.claim.name);
            path
        };
        Places {
            claims: list("persistentvolumeclaims"),
            claim: one("persistentvolumeclaims"),
            pods: list("pods"),
            pod: one("pods"),
            events: list("events"),
            name: trial.claim.name.to_string(),
        }
    }

    /// Waits until an object is as wanted; `None` when that takes too long.
    async fn wait(
        &self,
        connection: &Connection,
        path: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, Error> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let object = read(connection, path).await?;
            if let Some(object) = object.filter(&is_so) {
                return Ok(Some(object));
            }
            sleep(PAUSE).await;
        }
        Ok(None)
    }

    /// Removes pod and claim, and waits until they are gone. Only what is ours by its label.
    async fn remove(&self, connection: &Connection) -> Result<(), Problem> {
        for path in [&self.pod, &self.claim] {
            self.remove_one(connection, path).await.map_err(|why| {
                let what = format!("the test claim {} is left behind", self.name);
                Problem::new(Severity::Warning, Subject::Storage, what)
                    .why(why)
                    .next("delete the pod and the claim of that name by hand")
            })?;
        }
        Ok(())
    }

    async fn remove_one(&self, connection: &Connection, path: &str) -> Result<(), String> {
        let words = |error: Error| error.problem().sentence();
        let Some(object) = read(connection, path).await.map_err(words)? else {
            return Ok(());
        };
        if object["metadata"]["labels"]["app.kubernetes.io/managed-by"] != "bramble" {
            return Err("there is something of that name that is not ours".to_owned());
        }
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": { "uid": object["metadata"]["uid"] },
        });
        let body = options.to_string().into_bytes();
        match connection
            .write(Method::DELETE, path, JSON, body, ASKING)
            .await
        {
            Ok(_) | Err(Error::Missing { .. }) => {}
            Err(error) => return Err(words(error)),
        }
        self.goes(connection, path)
            .await
            .map_err(words)?
            .then_some(())
            .ok_or_else(|| {
                format!(
                    "it does not go, {} s after it was deleted",
                    PATIENCE.as_secs()
                )
            })
    }

    async fn goes(&self, connection: &Connection, path: &str) -> Result<bool, Error> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if read(connection, path).await?.is_none() {
                return Ok(true);
            }
            sleep(PAUSE).await;
        }
        Ok(false)
    }

    /// A provisioner that makes volumes and does not remove them is not whole.
    async fn volume_goes(
        &self,
        connection: &Connection,
        volume: &str,
        setup: &Setup,
    ) -> Result<(), Problem> {
        let mut path = "/api/v1/persistentvolumes/".to_owned();
        push_encoded(&mut path, volume);
        let what = format!(
            "storage class {} works, but volume {volume} of the test is not removed",
            setup.class
        );
        let problem = Problem::new(Severity::Warning, Subject::Volume(volume.into()), what);
        match self.goes(connection, &path).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(problem.next("look at what the volume says, and delete it by hand")),
            Err(error) => Err(problem.why(error.problem().sentence())),
        }
    }

    /// The newest warning about the claim, its pod, or the provisioner's own.
    async fn last_warning(&self, connection: &Connection, setup: &Setup) -> Option<String> {
        let body = connection.get(&self.events, ASKING).await.ok()?;
        let list: Value = serde_json::from_slice(&body).ok()?;
        let provisioner = format!("{}-", setup.name());
        let is_about = |it: &&Value| {
            let name = it["involvedObject"]["name"].as_str().unwrap_or_default();
            name == self.name || name.starts_with(&provisioner)
        };
        let events = list["items"].as_array()?.iter();
        let warnings = events.filter(|it| it["type"] == "Warning").filter(is_about);
        let newest = warnings.max_by_key(|it| it["lastTimestamp"].to_string())?;
        newest["message"].as_str().map(str::to_owned)
    }
}

/// An object; `None` when it is not there.
async fn read(connection: &Connection, path: &str) -> Result<Option<Value>, Error> {
    match connection.get(path, ASKING).await {
        Ok(body) => serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| Error::Unreadable {
                what: path.to_owned(),
                why: error.to_string(),
            }),
        Err(Error::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
