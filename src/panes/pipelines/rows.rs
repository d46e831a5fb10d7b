//! The rows of the three tables: projects, pipelines, jobs. They share their columns, so that the eye stays in place
//! while one goes inwards.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use crate::panes::listing::{TableColumn, Tone};
use crate::rack::Rack;
use crate::rack::pipeline::state::{JobRef, PipelineRef, ProjectRef};
use crate::rack::pipeline::{
    Group, Job, JobId, JobKind, Pipeline, PipelineId, Project, ProjectId, Status, clock, stages,
};
use crate::rack::time::short;
use crate::ui::table::layout::Column as Layout;
use crate::ui::text::clean;

/// What a row is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Project(std::sync::Arc<str>, ProjectId),
    Pipeline(PipelineId),
    Job(JobId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Status,
    Name,
    What,
    Took,
    Age,
    By,
}

impl TableColumn for Column {
    const ALL: &'static [Column] = &[
        Column::Status,
        Column::Name,
        Column::What,
        Column::Took,
        Column::Age,
        Column::By,
    ];

    fn layout(self) -> Layout {
        match self {
            Column::Status => Layout::words("STATUS", 9, 22, 0),
            Column::Name => Layout::words("NAME", 12, 48, 0).keeping_the_end(),
            Column::What => Layout::words("WHAT", 10, 48, 1),
            Column::Took => Layout::numbers("TOOK", 5, 8, 2),
            Column::Age => Layout::numbers("AGE", 3, 4, 3),
            Column::By => Layout::words("BY", 6, 24, 4),
        }
    }

    fn is_wide_only(self) -> bool {
        false
    }
}

/// One row.
#[derive(Debug, Clone)]
pub(super) enum Line {
    Project {
        project: ProjectRef,
        about: Project,
        newest: Option<Pipeline>,
        texts: [String; 6],
    },
    Pipeline {
        pipeline: PipelineRef,
        about: Pipeline,
        texts: [String; 6],
    },
    Job {
        at: JobRef,
        job: Job,
        texts: [String; 6],
    },
}

impl Line {
    pub(super) fn key(&self) -> Key {
        match self {
            Line::Project { project, .. } => {
                Key::Project(project.instance.clone(), project.project)
            }
            Line::Pipeline { pipeline, .. } => Key::Pipeline(pipeline.pipeline),
            Line::Job { job, .. } => Key::Job(job.id),
        }
    }

    pub(super) fn texts(&self) -> &[String; 6] {
        match self {
            Line::Project { texts, .. }
            | Line::Pipeline { texts, .. }
            | Line::Job { texts, .. } => texts,
        }
    }

    pub(super) fn status(&self) -> Option<&Status> {
        match self {
            Line::Project { newest, .. } => newest.as_ref().map(|it| &it.status),
            Line::Pipeline { about, .. } => Some(&about.status),
            Line::Job { job, .. } => Some(&job.status),
        }
    }

    /// A failure that is allowed is a warning.
    pub(super) fn tone(&self) -> Tone {
        match (self, self.status()) {
            (Line::Job { job, .. }, _) if job.is_warning() => Tone::Warn,
            (_, Some(status)) => tone(status),
            (_, None) => Tone::Muted,
        }
    }

    pub(super) fn is_faulty(&self) -> bool {
        matches!(self.tone(), Tone::Bad | Tone::Warn)
    }

    pub(super) fn widths(&self) -> impl Iterator<Item = u16> {
        // The sign of the status takes two cells more.
        let width = |(index, text): (usize, &String)| {
            let sign = if index == 0 { 2 } else { 0 };
            u16::try_from(clean(text).width() + sign).unwrap_or(u16::MAX)
        };
        self.texts().iter().enumerate().map(width)
    }

    pub(super) fn sort_key(&self, column: Column) -> (u64, String) {
        let place = Column::ALL.iter().position(|it| *it == column);
        let text = place.and_then(|place| self.texts().get(place));
        let text = text.cloned().unwrap_or_default();
        match (column, self) {
            (Column::Took, Line::Job { job, .. }) => {
                (job.duration.map_or(0, |it| it.as_secs()), text)
            }
            (Column::Age, _) => (0, format!("{:?}", self.key())),
            _ => (0, text),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Line::Project { about, .. } => about.path.clone(),
            Line::Pipeline { about, .. } => format!("#{}", about.id),
            Line::Job { job, .. } => job.name.clone(),
        }
    }

    pub(super) fn url(&self) -> String {
        match self {
            Line::Project { about, .. } => about.url.clone(),
            Line::Pipeline { about, .. } => about.url.clone(),
            Line::Job { job, .. } => job.url.clone(),
        }
    }

    pub(super) fn job_ref(&self) -> Option<JobRef> {
        match self {
            Line::Job { at, .. } => Some(at.clone()),
            _ => None,
        }
    }
}

/// What a state says about health.
pub(super) fn tone(status: &Status) -> Tone {
    match status {
        Status::Success => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Canceled | Status::Canceling => Tone::Warn,
        Status::Skipped => Tone::Muted,
        status if status.group() == Group::Unknown => Tone::Warn,
        _ => Tone::Plain,
    }
}

pub(super) fn projects(rack: &Rack) -> Vec<Line> {
    let several = rack.builds.instances.len() > 1;
    let mut lines = Vec::new();
    for (name, instance) in &rack.builds.instances {
        for about in &instance.projects {
            let project = ProjectRef {
                instance: name.clone(),
                project: about.id,
            };
            let pipelines = rack.builds.pipelines.get(&project);
            let newest = pipelines.and_then(|it| it.first()).cloned();
            let texts = match (&newest, pipelines) {
                (Some(newest), _) => [
                    newest.status.to_string(),
                    about.path.clone(),
                    format!("{} {}", newest.branch, newest.short_sha()),
                    String::new(),
                    age(newest, rack),
                    by(several, name, newest),
                ],
                (None, known) => {
                    let word = if known.is_some() { "no pipeline" } else { "?" };
                    let [status, none] = [word, ""].map(str::to_owned);
                    let path = about.path.clone();
                    [status, path, none.clone(), none.clone(), none.clone(), none]
                }
            };
            lines.push(Line::Project {
                project,
                about: about.clone(),
                newest,
                texts,
            });
        }
    }
    lines
}

fn by(several: bool, instance: &str, newest: &Pipeline) -> String {
    if several {
        instance.to_owned()
    } else {
        newest.source.replace('_', " ")
    }
}

fn age(pipeline: &Pipeline, rack: &Rack) -> String {
    let age = pipeline.created.map(|at| short(rack.now.age_of(at)));
    age.unwrap_or_default()
}

pub(super) fn pipelines(project: &ProjectRef, rack: &Rack) -> Vec<Line> {
    let all = rack.builds.pipelines.get(project);
    let line = |about: &Pipeline| {
        let name = about.name.as_deref().unwrap_or_default();
        let took = match (about.created, about.updated) {
            (Some(created), Some(updated)) if about.status.is_done() => {
                let took = updated.duration_since(created);
                clock(took.try_into().unwrap_or_default())
            }
            (Some(created), _) if about.status == Status::Running => {
                clock(rack.now.age_of(created))
            }
            _ => String::new(),
        };
        let what = format!("{} {} {name}", about.branch, about.short_sha());
        Line::Pipeline {
            pipeline: PipelineRef {
                project: project.clone(),
                pipeline: about.id,
            },
            texts: [
                about.status.to_string(),
                format!("#{}", about.id),
                what.trim_end().to_owned(),
                took,
                age(about, rack),
                about.source.replace('_', " "),
            ],
            about: about.clone(),
        }
    };
    all.into_iter().flatten().map(line).collect()
}

/// The jobs by stage; earlier attempts below the one that counts, when they are wanted.
pub(super) fn jobs(pipeline: &PipelineRef, shows_attempts: bool, rack: &Rack) -> Vec<Line> {
    let Some((all, _)) = rack.builds.jobs.get(pipeline) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for stage in stages(all) {
        for attempts in stage.jobs {
            let count = attempts.earlier.len() + 1;
            lines.push(job(&attempts.latest, count, count, &pipeline.project, rack));
            if shows_attempts {
                let earlier = attempts.earlier.iter().enumerate();
                lines.extend(
                    earlier.map(|(index, it)| {
                        job(it, count - index - 1, count, &pipeline.project, rack)
                    }),
                );
            }
        }
    }
    lines
}

fn job(job: &Job, attempt: usize, of: usize, project: &ProjectRef, rack: &Rack) -> Line {
    let mut what = job.stage.clone();
    if of > 1 {
        let _ = write!(what, " attempt {attempt} of {of}");
    }
    if let JobKind::Bridge(child) = &job.kind {
        let _ = match child {
            Some(child) => write!(what, " starts #{} ({})", child.pipeline, child.status),
            None => write!(what, " starts a pipeline"),
        };
    }
    let status = if job.is_warning() {
        "failed, allowed".to_owned()
    } else {
        job.status.to_string()
    };
    let runner = job.runner.as_ref().map(|it| it.description.clone());
    let took = job.took(rack.now).map(clock);
    let since = job.started.or(job.created);
    Line::Job {
        at: JobRef {
            project: project.clone(),
            job: job.id,
        },
        texts: [
            status,
            job.name.clone(),
            what,
            took.unwrap_or_default(),
            since
                .map(|at| short(rack.now.age_of(at)))
                .unwrap_or_default(),
            runner.unwrap_or_default(),
        ],
        job: job.clone(),
    }
}

/// The row of a job that is known.
pub(super) fn of_job(at: &JobRef, rack: &Rack) -> Option<Line> {
    let found = rack.builds.job(at)?;
    Some(job(found, 1, 1, &at.project, rack))
}
