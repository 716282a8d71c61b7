// Collects ids that arrive one by one, and assigns them in batches. Batches need fewer requests.

use connecteam_onboarding::{Client, Error, Outcome, PackId, UserId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Collects user ids. In each interval, one run per pack assigns the users that were collected for this pack. All
/// clones of a batcher share the same batches.
#[derive(Clone)]
pub struct Batcher {
    sender: mpsc::Sender<Submission>,
    stop: watch::Sender<Option<Duration>>,
}

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
        let (stop, stopped) = watch::channel(None);
        let task = tokio::spawn(send(client, interval, receiver, stopped));
        (Self { sender, stop }, task)
    }

    /// Adds one user to the current batch, and waits for the user's outcome. Returns `None` if the batcher task has
    /// ended.
    ///
    /// After submission, a user stays in the batch even if this future is dropped, for example because a web client
    /// disconnects.
    pub async fn assign(&self, pack: PackId, user: UserId) -> Option<Reply> {
        let (reply, outcome) = oneshot::channel();
        let submission = Submission { pack, user, reply };
        self.sender.send(submission).await.ok()?;
        outcome.await.ok()
    }

    /// From now on, assigns each batch without waiting for the rest of its interval. Stops each run that takes longer
    /// than `grace`, for example because it waits for the rate limit.
    pub fn stop(&self, grace: Duration) {
        self.stop.send_replace(Some(grace));
    }
}

async fn send(
    client: Client,
    interval: Duration,
    mut received: mpsc::Receiver<Submission>,
    stopped: watch::Receiver<Option<Duration>>,
) {
    let mut runs = JoinSet::new();
    while let Some(first) = received.recv().await {
        let mut batch = HashMap::from([(first.pack, vec![first])]);
        let mut end = std::pin::pin!(tokio::time::timeout(interval, stop(stopped.clone())));
        loop {
            tokio::select! {
                _ = &mut end => break,
                next = received.recv() => match next {
                    Some(next) => batch.entry(next.pack).or_default().push(next),
                    None => break,
                }
            }
        }
        for (pack, submissions) in batch {
            // Each run has its own task, so that a slow run does not delay the next batch. The client queues runs on
            // the same pack.
            runs.spawn(run(client.clone(), pack, submissions, stopped.clone()));
        }
        while runs.try_join_next().is_some() {}
    }
    while runs.join_next().await.is_some() {}
}

async fn run(
    client: Client,
    pack: PackId,
    submissions: Vec<Submission>,
    stopped: watch::Receiver<Option<Duration>>,
) {
    let users = submissions.iter().map(|submission| submission.user);
    let stop = async { tokio::time::sleep(stop(stopped).await).await };
    let (report, cause) = match client.pack(pack).assign(users).stop_when(stop).await {
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

/// Waits for [`Batcher::stop`]. Returns the grace period.
async fn stop(mut stopped: watch::Receiver<Option<Duration>>) -> Duration {
    match stopped
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|grace| *grace)
    {
        Some(grace) => grace,
        // Every clone of the batcher was dropped without a call to `stop`.
        None => std::future::pending().await,
    }
}
