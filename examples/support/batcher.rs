// Collects ids that arrive one by one, and assigns them in batches. Batches need fewer requests.

use connecteam_onboarding::{Client, Error, Outcome, PackId, UserId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// Collects ids, and assigns the ids of each pack in one run per interval. All clones of a batcher share the same
/// batches.
#[derive(Clone)]
pub struct Batcher(mpsc::Sender<Submission>);

/// The outcome of a submitted id. If the outcome is `NotAssigned` or `Unknown`, the reply contains the error that
/// caused it.
pub type Reply = (Outcome, Option<Error>);

struct Submission {
    pack: PackId,
    user: UserId,
    reply: oneshot::Sender<Reply>,
}

/// The maximum number of submissions in the queue. If the queue is full, [`Batcher::assign`] waits.
const WAITING: usize = 10_000;

impl Batcher {
    /// Starts the task that assigns the batches. A batch collects ids for one `interval` after its first id arrives.
    ///
    /// To stop without losing users, drop every clone of the batcher and await the task. The task assigns the last
    /// batch before it ends.
    pub fn start(client: Client, interval: Duration) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), tokio::spawn(send(client, interval, receiver)))
    }

    /// Adds one user to the current batch, and waits for the user's outcome. Returns `None` if the batcher task has
    /// ended.
    ///
    /// After submission, a user stays in the batch even if this future is dropped, for example because a web client
    /// disconnects.
    pub async fn assign(&self, pack: PackId, user: UserId) -> Option<Reply> {
        let (reply, outcome) = oneshot::channel();
        let submission = Submission { pack, user, reply };
        self.0.send(submission).await.ok()?;
        outcome.await.ok()
    }
}

async fn send(client: Client, interval: Duration, mut received: mpsc::Receiver<Submission>) {
    let mut runs = JoinSet::new();
    while let Some(first) = received.recv().await {
        let mut batch = HashMap::from([(first.pack, vec![first])]);
        let end = tokio::time::sleep(interval);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                next = received.recv() => match next {
                    Some(next) => batch.entry(next.pack).or_default().push(next),
                    None => break,
                }
            }
        }
        for (pack, submissions) in batch {
            // Each run has its own task, so that a slow run does not delay the next batch. The client queues runs on
            // the same pack.
            runs.spawn(run(client.clone(), pack, submissions));
        }
        while runs.try_join_next().is_some() {}
    }
    while runs.join_next().await.is_some() {}
}

async fn run(client: Client, pack: PackId, submissions: Vec<Submission>) {
    let users = submissions.iter().map(|submission| submission.user);
    let (report, cause) = match client.pack(pack).assign(users).await {
        Ok(report) => (report, None),
        Err(error) => (error.report().clone(), Some(error.cause().clone())),
    };
    for Submission { user, reply, .. } in submissions {
        let outcome = report.outcome(user).cloned();
        let outcome = outcome.unwrap_or(Outcome::NotAssigned);
        let cause = cause
            .clone()
            .filter(|_| matches!(outcome, Outcome::NotAssigned | Outcome::Unknown));
        // Sending the reply fails if the caller has dropped the future. This failure is ignored.
        let _ = reply.send((outcome, cause));
    }
}
