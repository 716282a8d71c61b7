// Assigns ids that arrive one by one together, to save requests.

use connecteam_onboarding::{Client, Error, Outcome, PackId, UserId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// Collects ids and assigns them in one run per pack and interval. Clones share the batches.
#[derive(Clone)]
pub struct Batcher(mpsc::Sender<Submission>);

/// The outcome of a submitted id, and the error that left it unresolved, if any.
pub type Reply = (Outcome, Option<Error>);

struct Submission {
    pack: PackId,
    user: UserId,
    reply: oneshot::Sender<Reply>,
}

/// The most submissions that wait for a batch. A caller beyond that waits in [`Batcher::assign`].
const WAITING: usize = 10_000;

impl Batcher {
    /// Starts the task that sends the batches. The first id of a batch waits `interval` for others.
    ///
    /// To stop in order, drop every clone and await the task: it sends the last batch and then ends.
    pub fn start(client: Client, interval: Duration) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), tokio::spawn(send(client, interval, receiver)))
    }

    /// Assigns one user, together with others. `None` if the task has ended.
    ///
    /// Dropping the future, for example because a web client hung up, does not withdraw the user.
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
            // Runs on the same pack wait for each other, so a slow batch does not delay the collecting.
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
        // The caller may have stopped waiting.
        let _ = reply.send((outcome, cause));
    }
}
