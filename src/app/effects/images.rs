//! Effects about images: what runs in the cluster, what registries say of it, and which job built it.

use std::collections::HashMap;

use crate::app::effects::Effects;
use crate::clients::gitlab::{self, Gitlab, Settings};
use crate::clients::kubernetes::{self, Target};
use crate::clients::registry::{self, Registry};
use crate::clients::scaffold;
use crate::effect::{RequestId, TaskKey};
use crate::msg::Msg;
use crate::rack::image::name::ImageName;
use crate::rack::image::{Checked, Found, OfJob, OfObject, Wish};
use crate::rack::pipeline::state::JobRef;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::scaffold::{Form, Plan};

/// Images of one object that are asked about.
const MOST: usize = 12;

impl Effects {
    pub(super) fn read_images(&mut self, request: RequestId, context: String, wish: Wish) {
        let target = self.target_in(&context);
        let settings = self.builds.settings.clone();
        let inbox = self.inbox.clone();
        self.read(TaskKey::Yaml, async move {
            let found = match wish {
                Wish::Object(object) => of_object(&target, settings, object).await,
                Wish::Job(job, named) => of_job(&target, &settings, job, named).await,
            };
            let _ = inbox
                .send(Msg::ImagesRead {
                    request,
                    context,
                    result: found.map(Box::new),
                })
                .await;
        });
    }
}

impl Effects {
    pub(super) fn plan_scaffold(&mut self, folder: String, form: Form) {
        let inbox = self.inbox.clone();
        self.read(TaskKey::Manifest, async move {
            let reading = tokio::task::spawn_blocking(move || scaffold::read(&folder, form));
            let Ok(result) = reading.await else { return };
            let result = result.map_err(|error| {
                let what = "the folder of the project cannot be used";
                Problem::new(Severity::Warning, Subject::Program, what).why(error.to_string())
            });
            let _ = inbox.send(Msg::ScaffoldPlanned(result)).await;
        });
    }

    pub(super) fn write_scaffold(&self, plan: Plan) {
        let inbox = self.inbox.clone();
        self.write(TaskKey::Write, async move {
            let writing = tokio::task::spawn_blocking(move || scaffold::write(&plan));
            let Ok(result) = writing.await else { return };
            let result = result.map_err(|error| {
                let what = "the files were not written";
                Problem::new(Severity::Warning, Subject::Program, what).why(error.to_string())
            });
            let _ = inbox.send(Msg::Written { result }).await;
        });
    }
}

/// The GitLab servers of the settings, connected to when one is needed.
struct Builds {
    settings: Vec<Settings>,
    connected: HashMap<String, Gitlab>,
}

async fn of_object(
    target: &Target,
    settings: Vec<Settings>,
    object: Subject,
) -> Result<Found, Problem> {
    let connection = kubernetes::connect(target)
        .await
        .map_err(|error| error.problem())?;
    let named = kubernetes::named_images(&connection, &object)
        .await
        .map_err(|error| error.problem())?;
    let namespace = match &object {
        Subject::Workload(it) => Some(&*it.namespace),
        Subject::Pod(it) => Some(&*it.namespace),
        _ => None,
    };
    // A runtime writes names out in full: nginx is docker.io/library/nginx:latest there.
    let full = |text: &str| {
        ImageName::parse(text)
            .ok()
            .map(|it| (it.place(), it.reference().to_owned()))
    };
    let wanted: Vec<_> = named.images.iter().map(|it| full(it)).collect();
    let place = |image: &str| {
        let image = full(image);
        wanted.iter().position(|it| *it == image && image.is_some())
    };
    let mut running =
        kubernetes::running_images(&connection, namespace, |image| place(image).is_some())
            .await
            .map_err(|error| error.problem())?;
    for running in &mut running {
        if let Some(image) = place(&running.image).and_then(|at| named.images.get(at)) {
            running.image = image.clone();
        }
    }
    let mut builds = Builds {
        settings,
        connected: HashMap::new(),
    };
    let mut images = Vec::new();
    for image in named.images.iter().take(MOST) {
        images.push(builds.check(image).await);
    }
    Ok(Found::Object(OfObject {
        object,
        only: named.only,
        images,
        running,
    }))
}

impl Builds {
    /// What the registry of an image says of it, and which job built it.
    async fn check(&mut self, text: &str) -> Checked {
        let image = match ImageName::parse(text) {
            Ok(image) => image,
            Err(why) => {
                let fault = registry::Fault::Name(why);
                let image = text.to_owned();
                return registry::unknown(text, &registry::Error { image, fault });
            }
        };
        for settings in self.settings.clone() {
            // A GitLab that does not answer says so in its own pane; the image is asked about all the same.
            let Some(gitlab) = self.connected(&settings).await else {
                continue;
            };
            let Ok(Some(project)) = gitlab.project_of(&image, &settings.projects).await else {
                continue;
            };
            let mut checked = checked(&gitlab.registry(), &image, text).await;
            if !checked.digests.is_empty()
                && let Ok(builder) = gitlab.builder(&project, &image, &checked).await
            {
                checked.builder = builder;
            }
            return checked;
        }
        match Registry::anonymous() {
            Ok(registry) => checked(&registry, &image, text).await,
            Err(error) => registry::unknown(text, &error),
        }
    }

    async fn connected(&mut self, settings: &Settings) -> Option<&Gitlab> {
        if !self.connected.contains_key(&settings.name) {
            let gitlab = gitlab::connect(settings).await.ok()?;
            self.connected.insert(settings.name.clone(), gitlab);
        }
        self.connected.get(&settings.name)
    }
}

/// Under the name it was asked about.
async fn checked(registry: &Registry, image: &ImageName, text: &str) -> Checked {
    match registry.check(image).await {
        Ok(checked) => Checked {
            image: text.into(),
            ..checked
        },
        Err(error) => registry::unknown(text, &error),
    }
}

async fn of_job(
    target: &Target,
    settings: &[Settings],
    job: JobRef,
    named: String,
) -> Result<Found, Problem> {
    let of = |it: &&Settings| *it.name == *job.project.instance;
    let Some(settings) = settings.iter().find(of) else {
        let what = format!("the settings have no GitLab {}", job.project.instance);
        return Err(Problem::new(Severity::Warning, Subject::Gitlab, what));
    };
    let gitlab = gitlab::connect(settings)
        .await
        .map_err(|error| error.problem())?;
    let pushed = gitlab
        .pushed(job.project.project, job.job)
        .await
        .map_err(|error| error.problem())?;
    let registry = gitlab.registry();
    let mut images = Vec::new();
    for pushed in pushed.into_iter().take(MOST) {
        let text = pushed.image.to_string();
        let by_digest = ImageName {
            digest: Some(pushed.digest.clone()),
            ..pushed.image.clone()
        };
        let mut checked = checked(&registry, &by_digest, &text).await;
        if checked.digests.is_empty() {
            // The log names it, even where the registry does not answer.
            checked.digests.push(pushed.digest.into());
        }
        images.push((pushed.image, checked));
    }
    let mut running = Vec::new();
    if !images.is_empty() {
        let connection = kubernetes::connect(target)
            .await
            .map_err(|error| error.problem())?;
        let is_of = |text: &str| {
            ImageName::parse(text)
                .is_ok_and(|it| images.iter().any(|(of, _)| it.place() == of.place()))
        };
        running = kubernetes::running_images(&connection, None, is_of)
            .await
            .map_err(|error| error.problem())?;
    }
    let images = images.into_iter().map(|(name, checked)| {
        let of_name =
            |text: &str| ImageName::parse(text).is_ok_and(|it| it.place() == name.place());
        let running = running.iter().filter(|it| of_name(&it.image)).cloned();
        let running = running.collect();
        (checked, running)
    });
    Ok(Found::Job(OfJob {
        job,
        named,
        images: images.collect(),
    }))
}
