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
    fn is_urgent(&self) -> bool;
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

    fn is_urgent(&self) -> bool {
        self.change.is_urgent()
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

/// Where callers put their commands: urgent changes have a line of their own.
#[derive(Clone)]
pub(super) struct Commands {
    urgent: mpsc::Sender<Box<dyn Job>>,
    ordinary: mpsc::Sender<Command>,
}

/// The waiting commands, and one that was met while a batch was collected.
pub(super) struct Queue {
    urgent: mpsc::Receiver<Box<dyn Job>>,
    ordinary: mpsc::Receiver<Command>,
    aside: Option<Command>,
}

/// The two ends of a new queue.
pub(super) fn queue() -> (Commands, Queue) {
    let (urgent, hurried) = mpsc::channel(ROOM);
    let (ordinary, waiting) = mpsc::channel(ROOM);
    (Commands { urgent, ordinary }, Queue { urgent: hurried, ordinary: waiting, aside: None })
}

impl Commands {
    /// Gives the writer a command, waiting for room where there is none.
    pub(super) async fn enqueue(&self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Run(job) if job.is_urgent() => put(&self.urgent, job).await,
            other @ (Command::Run(_) | Command::PollChanged(_) | Command::Close(_)) => put(&self.ordinary, other).await,
        }
    }
}

/// Where there is room, the first poll already does it: tokio's `send` may yield before it takes the
/// value, and then a task that polls several writes in turn would find them out of order.
async fn put<T>(line: &mpsc::Sender<T>, value: T) -> Result<(), StoreError> {
    match line.try_send(value) {
        Ok(()) => Ok(()),
        Err(TrySendError::Full(value)) => line.send(value).await.map_err(|_| StoreError::Closed),
        Err(TrySendError::Closed(_)) => Err(StoreError::Closed),
    }
}

impl Queue {
    /// The next command; none when every sender is gone or nothing more is taken in.
    pub(super) async fn next(&mut self) -> Option<Command> {
        if let Some(command) = self.aside.take() {
            return Some(command);
        }
        tokio::select! {
            biased;
            Some(job) = self.urgent.recv() => Some(Command::Run(job)),
            Some(command) = self.ordinary.recv() => Some(command),
            else => None,
        }
    }

    /// The next change for the present batch, if one comes within the linger; an urgent one first, and
    /// others only where the batch has room for them.
    pub(super) async fn joining(&mut self, ordinary: bool) -> Option<Box<dyn Job>> {
        for look in 0..=LINGER {
            if self.aside.is_some() {
                return None;
            }
            if look > 0 {
                tokio::task::yield_now().await;
            }
            if let Ok(job) = self.urgent.try_recv() {
                return Some(job);
            }
            if !ordinary {
                continue;
            }
            match self.ordinary.try_recv() {
                Ok(Command::Run(job)) => return Some(job),
                Ok(other @ (Command::PollChanged(_) | Command::Close(_))) => self.aside = Some(other),
                Err(_) => {}
            }
        }
        None
    }

    /// Takes nothing in any more; what waits already is still handed out.
    pub(super) fn refuse_more(&mut self) {
        self.urgent.close();
        self.ordinary.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing {
        urgent: bool,
    }

    #[async_trait::async_trait]
    impl Change for Nothing {
        type Out = ();

        fn name(&self) -> &'static str {
            "nothing"
        }

        fn is_urgent(&self) -> bool {
            self.urgent
        }

        async fn apply(&self, _tx: &mut Tx<'_>) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn command() -> Command {
        Command::Run(ask(Nothing { urgent: false }).0)
    }

    #[tokio::test]
    async fn f14_what_is_urgent_goes_first_and_others_join_it_only_where_there_is_room() {
        let (sender, mut queue) = queue();
        for urgent in [false, true, false, true] {
            sender.enqueue(Command::Run(ask(Nothing { urgent }).0)).await.unwrap();
        }
        let Some(Command::Run(first)) = queue.next().await else { panic!("nothing waits") };
        assert!(first.is_urgent());
        assert!(queue.joining(false).await.is_some_and(|job| job.is_urgent()));
        assert!(queue.joining(false).await.is_none(), "no room for the others");
        assert!(queue.joining(true).await.is_some_and(|job| !job.is_urgent()));
        assert!(matches!(queue.next().await, Some(Command::Run(job)) if !job.is_urgent()), "nothing is forgotten");
    }

    #[tokio::test]
    async fn a_change_that_comes_within_the_linger_joins_the_batch() {
        let (sender, mut queue) = queue();
        let busy = tokio::spawn(async move {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            sender.enqueue(command()).await.map(|()| sender)
        });
        assert!(queue.joining(true).await.is_some());
        let _sender = busy.await.unwrap().unwrap();
        assert!(queue.joining(true).await.is_none(), "it does not wait for ever");
    }

    #[tokio::test]
    async fn another_command_ends_the_batch_and_keeps_its_place() {
        let (sender, mut queue) = queue();
        let (reply, _answer) = oneshot::channel();
        for one in [command(), Command::PollChanged(reply), command()] {
            sender.enqueue(one).await.unwrap();
        }
        assert!(queue.joining(true).await.is_some());
        assert!(queue.joining(true).await.is_none());
        assert!(queue.joining(true).await.is_none(), "what came after must not overtake it");
        assert!(matches!(queue.next().await, Some(Command::PollChanged(_))));
        assert!(queue.joining(true).await.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_lets_the_next_caller_wait_and_a_closed_one_refuses() {
        let (sender, mut queue) = queue();
        for _ in 0..ROOM {
            sender.enqueue(command()).await.unwrap();
        }
        let mut waiting = Box::pin(sender.enqueue(command()));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert!(queue.next().await.is_some());
        assert_eq!(waiting.await, Ok(()));
        queue.refuse_more();
        assert_eq!(sender.enqueue(command()).await, Err(StoreError::Closed));
        assert!(queue.next().await.is_some(), "what waits is still handed out");
    }
}
