//! Images: asked about when somebody wants to know, shown as a page, and remembered for the list of problems.

use crate::action::PaneId;
use crate::app::Model;
use crate::app::popup::Popup;
use crate::app::update::yaml_read;
use crate::effect::{Effect, RequestId};
use crate::rack::Rack;
use crate::rack::image::{self, Builder, Found, Running, Wish, page};
use crate::rack::problem::{Problem, Subject};
use crate::rack::workload::WorkloadRef;
use crate::rack::workloads::BARE;

/// Opens a page that is filled when the answers are there.
pub(super) fn ask(model: &mut Model, wish: Wish, effects: &mut Vec<Effect>) {
    let request = model.request();
    model.awaited_yaml = Some(request);
    let title = match &wish {
        Wish::Object(object) => format!("Images of {object}"),
        Wish::Job(_, named) => format!("Images of {named}"),
    };
    model.popup = Some(Popup::loading(title));
    effects.push(Effect::ReadImages {
        request,
        context: model.rack.cluster.context.clone(),
        wish,
    });
}

/// Fills the page, if it is still waited for, and keeps what was found.
pub(super) fn heard(
    model: &mut Model,
    request: RequestId,
    context: &str,
    result: Result<Box<Found>, Problem>,
) {
    if context != model.rack.cluster.context {
        return;
    }
    let text = result.map(|mut found| {
        place(&mut found, &model.rack);
        model.rack.images.take(&found);
        // The list of problems is made anew with it.
        model.surveyed = None;
        page::text(&found, &image::architectures(&model.rack))
    });
    yaml_read(model, request, text);
}

/// Says of each pod which workload it belongs to; of a workload, only its own pods stay.
fn place(found: &mut Found, rack: &Rack) {
    match found {
        Found::Object(object) => {
            let about = object.object.clone();
            object.running.retain_mut(|running| {
                running.workload = workload(running, rack);
                match &about {
                    Subject::Workload(it) => running.workload.as_ref() == Some(it),
                    Subject::Pod(it) => running.pod == *it,
                    _ => false,
                }
            });
        }
        Found::Job(job) => {
            for running in job.images.iter_mut().flat_map(|(_, running)| running) {
                running.workload = workload(running, rack);
            }
        }
    }
}

fn workload(running: &Running, rack: &Rack) -> Option<WorkloadRef> {
    let pod = Subject::Pod(running.pod.clone());
    let pod = rack.pod_by_uid(rack.uid(&pod)?)?;
    let by = pod.workload.as_ref()?;
    let is_made = &*by.kind != BARE;
    is_made.then(|| WorkloadRef {
        kind: by.kind.clone(),
        namespace: pod.namespace.clone(),
        name: by.name.clone(),
    })
}

/// Turns to the log of the job that built an image.
pub(super) fn show_job(model: &mut Model, builder: &Builder) {
    model.show(PaneId::Pipelines);
    let pipelines = &mut model.panes.pipelines;
    pipelines.show_job(&builder.job, builder.pipeline);
}
