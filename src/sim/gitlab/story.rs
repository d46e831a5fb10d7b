//! What happens in the simulated project: a pipeline that has failed, one that runs, and what people do to their jobs.

use jiff::{SignedDuration, Timestamp};

use super::PATH;
use super::log::{Form, Said, section, written};
use super::registry::digest;

/// Runners report so seldom; GitLab's own page makes it every three seconds.
const REPORTS_EVERY: i64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Succeeds,
    Fails,
    /// No runner has its tags.
    Waits,
    /// Somebody has to start it.
    Manual,
    Canceled,
}

#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) pipeline: u64,
    pub(super) name: &'static str,
    pub(super) stage: &'static str,
    pub(super) tags: Vec<&'static str>,
    pub(super) fate: Fate,
    pub(super) created: Timestamp,
    pub(super) started: Option<Timestamp>,
    /// Seconds it takes.
    takes: i64,
    form: Form,
}

#[derive(Debug)]
pub(super) struct Project {
    pub(super) jobs: Vec<Job>,
    next: u64,
}

impl Project {
    pub(super) fn begun(now: Timestamp) -> Project {
        use Fate::{Fails, Manual, Succeeds, Waits};
        let earlier = now - SignedDuration::from_secs(1_800);
        let mut project = Project {
            jobs: Vec::new(),
            next: 500_001,
        };
        project.add(
            (9310, "build", "build"),
            &["arm64"],
            Succeeds,
            Some(earlier),
            190,
            Form::Plain,
        );
        let broken = earlier + SignedDuration::from_secs(200);
        project.add(
            (9310, "image", "release"),
            &["arm64"],
            Fails,
            Some(broken),
            40,
            Form::StampedOld,
        );
        let lint = now - SignedDuration::from_secs(120);
        project.add(
            (9311, "lint", "build"),
            &[],
            Succeeds,
            Some(lint),
            30,
            Form::StampedOld,
        );
        let build = now - SignedDuration::from_secs(60);
        project.add(
            (9311, "build", "build"),
            &["arm64"],
            Succeeds,
            Some(build),
            180,
            Form::StampedNew,
        );
        project.add(
            (9311, "train", "test"),
            &["arm64", "gpu"],
            Waits,
            None,
            60,
            Form::StampedNew,
        );
        project.add(
            (9311, "deploy", "release"),
            &["arm64"],
            Manual,
            None,
            30,
            Form::StampedNew,
        );
        project
    }

    fn add(
        &mut self,
        (pipeline, name, stage): (u64, &'static str, &'static str),
        tags: &[&'static str],
        fate: Fate,
        started: Option<Timestamp>,
        takes: i64,
        form: Form,
    ) {
        let id = self.next;
        self.next += 1;
        self.jobs.push(Job {
            id,
            pipeline,
            name,
            stage,
            tags: tags.to_vec(),
            fate,
            created: started.unwrap_or_else(Timestamp::now),
            started,
            takes,
            form,
        });
    }

    pub(super) fn job(&self, id: u64) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    pub(super) fn pipelines(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.jobs.iter().map(|job| job.pipeline).collect();
        all.dedup();
        all.reverse();
        all
    }

    /// GitLab's word for a pipeline with these jobs.
    pub(super) fn status(&self, pipeline: u64, now: Timestamp) -> &'static str {
        let of = self.jobs.iter().filter(|job| job.pipeline == pipeline);
        let all: Vec<&str> = of.map(|job| job.status(now)).collect();
        ["running", "pending", "failed", "canceled", "manual"]
            .into_iter()
            .find(|word| all.contains(word))
            .map_or(
                "success",
                |word| if word == "pending" { "running" } else { word },
            )
    }

    /// Runs a job anew, under another number.
    pub(super) fn retry(&mut self, id: u64, now: Timestamp) -> Option<u64> {
        let job = self.job(id)?.clone();
        let new = self.next;
        self.next += 1;
        self.jobs.push(Job {
            id: new,
            created: now,
            started: Some(now),
            fate: match job.fate {
                Fate::Waits => Fate::Waits,
                _ => Fate::Succeeds,
            },
            ..job
        });
        Some(new)
    }

    /// Starts or stops a job; false when it is not in a state for that.
    pub(super) fn act(&mut self, id: u64, is_play: bool, now: Timestamp) -> bool {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else {
            return false;
        };
        match (is_play, job.status(now)) {
            (true, "manual") => {
                job.fate = Fate::Succeeds;
                job.started = Some(now);
                true
            }
            (false, "running" | "pending") => {
                job.fate = Fate::Canceled;
                true
            }
            _ => false,
        }
    }
}

impl Job {
    pub(super) fn ends(&self) -> Option<Timestamp> {
        Some(self.started? + SignedDuration::from_secs(self.takes))
    }

    /// GitLab's word.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match (self.fate, self.ends()) {
            (Fate::Manual, _) => "manual",
            (Fate::Canceled, _) => "canceled",
            (Fate::Waits, _) | (_, None) => "pending",
            (_, Some(ends)) if ends > now => "running",
            (Fate::Fails, _) => "failed",
            (Fate::Succeeds, _) => "success",
        }
    }

    /// What has reached the server of its log.
    pub(super) fn log(&self, now: Timestamp, address: &str) -> String {
        let Some(started) = self.started.filter(|_| self.fate != Fate::Waits) else {
            return String::new();
        };
        let reported = match self.status(now) {
            "running" => {
                let since = now.as_second() - started.as_second();
                started + SignedDuration::from_secs(since / REPORTS_EVERY * REPORTS_EVERY)
            }
            _ => now,
        };
        written(&self.says(started, address), started, reported, self.form)
    }

    fn says(&self, started: Timestamp, address: &str) -> Vec<Said> {
        let say = |after: i64, stream: &'static str, text: String| Said {
            after,
            stream,
            text,
        };
        let mut lines = vec![say(
            0,
            "00O",
            "\x1b[0KRunning with gitlab-runner 19.4.0\x1b[0;m".into(),
        )];
        lines.push(say(0, "00O", "\x1b[0K  on pi-builder-01\x1b[0;m".into()));
        let prepare = vec![say(
            1,
            "00O",
            "\x1b[0KUsing Docker executor with image docker:28-cli ...\x1b[0;m".into(),
        )];
        let title = ("prepare_executor", "Preparing the \"docker\" executor");
        lines.extend(section(title, (0, 6), started, prepare));
        let end = self.takes - 1;
        let mut script = vec![say(
            7,
            "01O",
            format!("\x1b[32;1m$ make {}\x1b[0;m", self.name),
        )];
        for (step, after) in (1..).zip((8..end).step_by(5)) {
            script.push(say(
                after,
                "01O",
                format!("#{step} [linux/arm64] RUN step {step}"),
            ));
            if step % 4 == 0 {
                script.push(say(after, "01E", format!("#{step} warning: slow card")));
            }
        }
        // The first pipeline's image is the one that the rack runs.
        let image = format!("{address}/{PATH}/web:356a192b");
        if let ("build", 9310, Some(digest)) = (self.name, self.pipeline, digest(&image)) {
            let text = format!("#21 pushing manifest for {image}@{digest} 0.4s done");
            script.push(say(end, "01O", text));
        }
        if self.fate == Fate::Fails {
            let text = "#9 0.182 exec /bin/sh: exec format error".to_owned();
            script.push(say(end, "01O", text));
        }
        let title = (
            "step_script",
            "Executing \"step_script\" stage of the job script",
        );
        lines.extend(section(title, (6, end), started, script));
        let verdict = match self.fate {
            Fate::Fails => "\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m",
            _ => "\x1b[32;1mJob succeeded\x1b[0;m",
        };
        lines.push(say(self.takes, "00O", verdict.to_owned()));
        lines
    }
}
