//! What was found out about images, as a page of text: from a workload to the jobs that built it, and from a job to the
//! pods that run what it built.

use std::fmt::Write;

use crate::rack::image::platform::{self, Fit};
use crate::rack::image::{Checked, Found, Kind, OfJob, OfObject, Running};
use crate::rack::node::NodeName;

/// The page; `nodes` are those of the cluster with their architectures.
pub fn text(found: &Found, nodes: &[(NodeName, Box<str>)]) -> String {
    match found {
        Found::Object(object) => of_object(object, nodes),
        Found::Job(job) => of_job(job, nodes),
    }
}

fn of_object(object: &OfObject, nodes: &[(NodeName, Box<str>)]) -> String {
    let mut page = String::new();
    if !object.only.is_empty() {
        let _ = writeln!(page, "Placed on   {} only\n", object.only.join(", "));
    }
    for image in &object.images {
        about(&mut page, image, nodes, &object.only);
        let of_image = object.running.iter().filter(|it| it.image == image.image);
        for running in of_image {
            let state = match running.digest.as_deref() {
                None => "nothing pulled yet".to_owned(),
                Some(digest) if image.is(digest) => "this build".to_owned(),
                Some(digest) if image.digests.is_empty() => short(digest).to_owned(),
                Some(digest) => format!("another build: {}", short(digest)),
            };
            let _ = writeln!(
                page,
                "Runs in     pod {}{}: {state}",
                running.pod.name,
                on(running)
            );
        }
        match &image.builder {
            Some(built) => {
                let _ = writeln!(
                    page,
                    "Built by    {} of {}, pipeline #{}, commit {}",
                    built.named, built.project, built.pipeline, built.commit
                );
            }
            None => {
                if let Some(revision) = &image.revision {
                    let _ = writeln!(page, "Built from  commit {revision}, says its label");
                }
            }
        }
        page.push('\n');
    }
    if object.images.is_empty() {
        page.push_str("It names no image.\n");
    }
    page
}

fn of_job(job: &OfJob, nodes: &[(NodeName, Box<str>)]) -> String {
    let mut page = String::new();
    if job.images.is_empty() {
        let _ = writeln!(
            page,
            "The log of {} tells of no image that was pushed: docker push, buildx --push and kaniko name one.",
            job.named
        );
        return page;
    }
    for (image, running) in &job.images {
        about(&mut page, image, nodes, &[]);
        let (same, other): (Vec<&Running>, Vec<&Running>) = running.iter().partition(|running| {
            let digest = running.digest.as_deref();
            digest.is_some_and(|digest| image.is(digest))
        });
        if running.is_empty() {
            page.push_str("Runs in     no pod of this cluster\n");
        }
        for running in same {
            let _ = writeln!(page, "Runs in     {}", place(running));
        }
        for running in other {
            let digest = running.digest.as_deref().map_or("not pulled yet", short);
            let _ = writeln!(page, "Not yet in  {}: {digest}", place(running));
        }
        page.push('\n');
    }
    page
}

fn about(page: &mut String, image: &Checked, nodes: &[(NodeName, Box<str>)], only: &[Box<str>]) {
    let _ = writeln!(page, "Image       {}", image.image);
    if let Some(digest) = image.digests.first() {
        let _ = writeln!(page, "Digest      {digest}");
    }
    match &image.kind {
        Kind::Platforms(platforms) => {
            let _ = writeln!(page, "Platforms   {}", platform::list(platforms));
        }
        Kind::BuildCache => {
            page.push_str("Platforms   none: it is a build cache, not an image\n");
        }
        Kind::Unknown(why) => {
            let _ = writeln!(page, "Platforms   not known: {why}");
        }
    }
    let landings = image.landings(nodes, only);
    for (fit, words) in [
        (Fit::None, "No build"),
        (Fit::Narrow, "32-bit on"),
        (Fit::Fits, "Fits"),
    ] {
        let of = landings.iter().filter(|it| it.fit == fit);
        let names: Vec<String> = of
            .map(|it| format!("{} ({})", it.node, it.architecture))
            .collect();
        if !names.is_empty() {
            let _ = writeln!(page, "{words:<12}{}", joined(&names));
        }
    }
}

/// The first few, and how many more.
fn joined(names: &[String]) -> String {
    const MOST: usize = 6;
    let first = names.iter().take(MOST).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(MOST) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn place(running: &Running) -> String {
    let on = on(running);
    match &running.workload {
        Some(workload) => format!("{workload}, pod {}{on}", running.pod.name),
        None => format!("pod {}{on}", running.pod),
    }
}

fn on(running: &Running) -> String {
    let node = running.node.as_ref();
    node.map_or_else(String::new, |node| format!(" on {node}"))
}

/// `sha256:0123456789ab`.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
