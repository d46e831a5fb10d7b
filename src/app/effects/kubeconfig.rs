//! Changes of the kubeconfig: what they would do, and doing them. Files block, so all of it runs on blocking threads;
//! a write that has begun is finished whatever happens here.

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::{Effects, INBOX};
use crate::clients::kubeconfig_files::{self as on_disk, Error, Place, Places};
use crate::clients::kubernetes;
use crate::clients::ssh::Ssh;
use crate::effect::{RequestId, TaskKey};
use crate::msg::Msg;
use crate::rack::kubeconfig::{Merge, Plan, Request, Source};
use crate::rack::kubeconfig_change::{
    Asked, Done, LastChange, Lock, MergeForm, Order, Preview, Refusal, Server,
};
use crate::rack::problem::{Problem, Severity, Subject};

impl Effects {
    pub(super) fn follow_fleet(&mut self) {
        let (facts, mut receiver) = mpsc::channel(INBOX);
        let follow = kubernetes::follow_fleet(self.target.clone(), facts);
        let inbox = self.inbox.clone();
        self.read(TaskKey::Fleet, async move {
            let forward = async {
                while let Some(fact) = receiver.recv().await {
                    if inbox.send(Msg::Fleet(fact)).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(follow, forward);
        });
    }

    pub(super) fn preview_change(&mut self, request: RequestId, asked: Asked) {
        let (places, inbox) = (self.places(), self.inbox.clone());
        let ssh = self.ssh();
        self.read(TaskKey::Preview, async move {
            let result = preview(places, asked, &ssh).await;
            let result = result.map(Box::new);
            let msg = Msg::ChangePreviewed { request, result };
            let _ = inbox.send(msg).await;
        });
    }

    pub(super) fn read_last_change(&mut self, request: RequestId) {
        let (places, inbox) = (self.places(), self.inbox.clone());
        self.read(TaskKey::Preview, async move {
            let change = last_change(places).await;
            let _ = inbox.send(Msg::LastChangeRead { request, change }).await;
        });
    }

    pub(super) fn change_kubeconfig(&self, order: Order, unlock: Option<Lock>) {
        let (places, inbox) = (self.places(), self.inbox.clone());
        self.write(TaskKey::Write, async move {
            let result = change(places, order.clone(), unlock).await;
            let (order, result) = (Box::new(order), result.map(Box::new));
            let msg = Msg::KubeconfigChanged { order, result };
            let _ = inbox.send(msg).await;
        });
    }

    pub(super) fn places(&self) -> Places {
        Places {
            target: self.target.clone(),
            notes: self.notes.clone(),
        }
    }
}

/// What a change would do, from the files as they are now; for a merge its servers are asked who they are.
async fn preview(places: Places, asked: Asked, ssh: &Ssh) -> Result<Preview, Box<Problem>> {
    let asked = match asked {
        Asked::Change(request) => Ready::Request(request),
        Asked::Merge(form) => match on_disk::parse_place(&form.source)? {
            Place::Ssh(to) => {
                // A person asks for it: what was declined before is asked again.
                ssh.retry(&to);
                let (source, reached) = on_disk::fetch(ssh, &to).await?;
                Ready::Request(Request::Merge(merge(form, source, Some(reached))))
            }
            place => Ready::Read(form, place),
        },
    };
    let previewing = spawn_blocking(move || {
        let request = match asked {
            Ready::Request(request) => request,
            Ready::Read(form, place) => {
                Request::Merge(merge(form, on_disk::read_source(&place)?, None))
            }
        };
        let plan = on_disk::plan(&places, &request)?;
        Ok(looked_at(request, plan))
    });
    match previewing.await {
        Ok(result) => result,
        Err(_) => Err(unforeseen("the change could not be looked at")),
    }
}

/// What an undo would take back; `None` when there is nothing.
async fn last_change(places: Places) -> Option<LastChange> {
    let looking = spawn_blocking(move || on_disk::last_change(&places));
    looking.await.unwrap_or_default()
}

/// Carries out what a person has said yes to.
async fn change(places: Places, order: Order, unlock: Option<Lock>) -> Result<Done, Refusal> {
    let changing = spawn_blocking(move || {
        if let Some(lock) = &unlock {
            remove(&places, lock).map_err(Refusal::Problem)?;
        }
        // Nobody waits in front of it: there is nothing to call off.
        let cancel = CancellationToken::new();
        match order {
            Order::Write { request, shown } => {
                match on_disk::write(&places, &request, Some(&shown), &cancel) {
                    Ok(written) => Ok(Done::Written {
                        plan: written.plan,
                        notes: written.notes,
                    }),
                    Err(error) => Err(refusal(error, request)),
                }
            }
            Order::Undo { force } => match on_disk::undo(&places, force, &cancel) {
                Ok(undone) => Ok(Done::Undone {
                    what: undone.what,
                    restored: undone.restored,
                    removed: undone.removed,
                    kept: undone.kept,
                }),
                Err(Error::Locked(lock)) => Err(Refusal::Locked(held(lock))),
                Err(error) => Err(Refusal::Problem(Box::new(error.problem()))),
            },
        }
    });
    changing.await.unwrap_or_else(|_| {
        let problem = unforeseen("the kubeconfig was perhaps not changed");
        Err(Refusal::Problem(problem))
    })
}

/// What is left to do on the way to a request.
enum Ready {
    Request(Request),
    /// A file, still to be read.
    Read(MergeForm, Place),
}

/// `reached`: the address of the board it came from, which is its server's unless the person says another.
fn merge(form: MergeForm, source: Source, reached: Option<String>) -> Merge {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    Merge {
        source,
        only: None,
        name: filled(form.name),
        server: filled(form.server).or(reached),
        tls_server_name: filled(form.certificate_name),
        on_conflict: form.on_conflict,
        set_current: form.set_current,
    }
}

fn looked_at(request: Request, plan: Plan) -> Preview {
    let checks = on_disk::check_servers(&plan.servers);
    let servers = plan.servers.iter().zip(checks).map(|(server, check)| {
        let problem = check.problem(server);
        Server {
            url: server.url.clone(),
            problem,
            names: check.names().to_vec(),
        }
    });
    Preview {
        servers: servers.collect(),
        request,
        plan,
    }
}

fn refusal(error: Error, request: Request) -> Refusal {
    match error {
        Error::Locked(lock) => Refusal::Locked(held(lock)),
        Error::Conflict(plan) | Error::Changed(plan) => {
            Refusal::Changed(Box::new(looked_at(request, *plan)))
        }
        Error::Problem(problem) => Refusal::Problem(problem),
    }
}

fn held(lock: on_disk::HeldLock) -> Lock {
    Lock {
        file: lock.file,
        path: lock.lock,
        owner: lock.owner,
        age: lock.age,
    }
}

/// Removes the very lock that was shown: one made since then is somebody else's.
fn remove(places: &Places, shown: &Lock) -> Result<(), Box<Problem>> {
    let held = on_disk::held_locks(&places.target.files());
    let Some(lock) = held.iter().find(|lock| lock.lock == shown.path) else {
        return Ok(());
    };
    let what = format!("the lock {} was not removed", shown.path.display());
    let problem = Problem::new(Severity::Warning, Subject::Kubeconfig, what);
    if lock.owner != shown.owner || lock.age < shown.age {
        let why = "it is another one by now: somebody writes there";
        return Err(Box::new(problem.why(why)));
    }
    on_disk::remove_lock(lock).map_err(|error| Box::new(problem.why(error.to_string())))
}

fn unforeseen(what: &str) -> Box<Problem> {
    let problem = Problem::new(Severity::Critical, Subject::Program, what);
    Box::new(problem.why("this is a mistake in bramble; the log says more"))
}
