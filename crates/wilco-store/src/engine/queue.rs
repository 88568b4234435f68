//! What waits for the writer.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::change::Change;
use super::tx::Tx;
use crate::error::StoreError;

/// How many changes may wait for the writer; a further caller waits to be let in.
const ROOM: usize = 4096;

/// How often the writer lets other tasks run and looks at its queue again before it commits.
/// Callers that were just answered bring their next change in that time (measured: 6.6 → 10 jobs a sync).
const LINGER: usize = 4;

/// A change and the caller who waits for it, without their types.
pub(super) trait Job: Send {
    fn name(&self) -> &'static str;
    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), StoreError>>;
    fn answer(self: Box<Self>, verdict: Result<(), StoreError>);
}

/// The answer that a caller waits for.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

struct Asked<C: Change> {
    change: C,
    out: Option<C::Out>,
    lines: Vec<Box<dyn FnOnce() + Send>>,
    reply: oneshot::Sender<Result<C::Out, StoreError>>,
}

/// Makes a job of a change.
pub(super) fn ask<C: Change>(change: C) -> (Box<dyn Job>, Answer<C::Out>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Asked { change, out: None, lines: Vec::new(), reply }), answer)
}

impl<C: Change> Job for Asked<C> {
    fn name(&self) -> &'static str {
        self.change.name()
    }

    fn run<'a>(&'a mut self, tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.out = Some(self.change.apply(tx).await?);
            self.lines = tx.take_lines();
            Ok(())
        }
        .boxed()
    }

    fn answer(self: Box<Self>, verdict: Result<(), StoreError>) {
        let Self { out, lines, reply, .. } = *self;
        if verdict.is_ok() {
            lines.into_iter().for_each(|line| line());
        }
        let out = verdict.and_then(|()| out.ok_or_else(|| StoreError::Io("the change gave no answer".to_owned())));
        // A caller who has left does not need the answer; the change is committed all the same.
        drop(reply.send(out));
    }
}

/// What the writer is asked to do.
pub(super) enum Command {
    Run(Box<dyn Job>),
    PollChanged(oneshot::Sender<Result<bool, StoreError>>),
    Close(oneshot::Sender<()>),
}

/// The waiting commands, and one that was met while a batch was collected.
pub(super) struct Queue {
    commands: mpsc::Receiver<Command>,
    aside: Option<Command>,
}

/// The two ends of a new queue.
pub(super) fn queue() -> (mpsc::Sender<Command>, Queue) {
    let (sender, commands) = mpsc::channel(ROOM);
    (sender, Queue { commands, aside: None })
}

/// Gives the writer a command, waiting for room where there is none.
///
/// Where there is room, the first poll already does it: tokio's `send` may yield before it takes the
/// value, and then a task that polls several writes in turn would find them out of order.
pub(super) async fn enqueue(commands: &mpsc::Sender<Command>, command: Command) -> Result<(), StoreError> {
    match commands.try_send(command) {
        Ok(()) => Ok(()),
        Err(TrySendError::Full(command)) => commands.send(command).await.map_err(|_| StoreError::Closed),
        Err(TrySendError::Closed(_)) => Err(StoreError::Closed),
    }
}

impl Queue {
    /// The next command; none when every sender is gone or nothing more is taken in.
    pub(super) async fn next(&mut self) -> Option<Command> {
        match self.aside.take() {
            Some(command) => Some(command),
            None => self.commands.recv().await,
        }
    }

    /// The next change for the present batch, if one comes within the linger.
    pub(super) async fn joining(&mut self) -> Option<Box<dyn Job>> {
        for look in 0..=LINGER {
            if self.aside.is_some() {
                return None;
            }
            if look > 0 {
                tokio::task::yield_now().await;
            }
            match self.commands.try_recv() {
                Ok(Command::Run(job)) => return Some(job),
                Ok(other @ (Command::PollChanged(_) | Command::Close(_))) => self.aside = Some(other),
                Err(_) => {}
            }
        }
        None
    }

    /// Takes nothing in any more; what waits already is still handed out.
    pub(super) fn refuse_more(&mut self) {
        self.commands.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    #[async_trait::async_trait]
    impl Change for Nothing {
        type Out = ();

        fn name(&self) -> &'static str {
            "nothing"
        }

        async fn apply(&self, _tx: &mut Tx<'_>) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn command() -> Command {
        Command::Run(ask(Nothing).0)
    }

    #[tokio::test]
    async fn a_change_that_comes_within_the_linger_joins_the_batch() {
        let (sender, mut queue) = queue();
        let busy = tokio::spawn(async move {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            enqueue(&sender, command()).await.map(|()| sender)
        });
        assert!(queue.joining().await.is_some());
        let _sender = busy.await.unwrap().unwrap();
        assert!(queue.joining().await.is_none(), "it does not wait for ever");
    }

    #[tokio::test]
    async fn another_command_ends_the_batch_and_keeps_its_place() {
        let (sender, mut queue) = queue();
        let (reply, _answer) = oneshot::channel();
        for one in [command(), Command::PollChanged(reply), command()] {
            enqueue(&sender, one).await.unwrap();
        }
        assert!(queue.joining().await.is_some());
        assert!(queue.joining().await.is_none());
        assert!(queue.joining().await.is_none(), "what came after must not overtake it");
        assert!(matches!(queue.next().await, Some(Command::PollChanged(_))));
        assert!(queue.joining().await.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_lets_the_next_caller_wait_and_a_closed_one_refuses() {
        let (sender, mut queue) = queue();
        for _ in 0..ROOM {
            enqueue(&sender, command()).await.unwrap();
        }
        let mut waiting = Box::pin(enqueue(&sender, command()));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert!(queue.next().await.is_some());
        assert_eq!(waiting.await, Ok(()));
        queue.refuse_more();
        assert_eq!(enqueue(&sender, command()).await, Err(StoreError::Closed));
        assert!(queue.next().await.is_some(), "what waits is still handed out");
    }
}
