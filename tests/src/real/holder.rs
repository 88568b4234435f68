//! Another program that has the database open and keeps it locked, as a backup script or an open shell does.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use wilco_store::engine::{Engine, MIGRATIONS, Options, Tx};
use wilco_store::{Change, StoreError};

/// What the program says as soon as it holds the lock.
const HELD: &str = "held";

/// A process that holds the lock. It lets go when it is told to, when this is dropped, and also when this process
/// is killed.
pub struct Holder {
    child: Child,
    input: ChildStdin,
}

impl Holder {
    /// Starts the program `store-holder` and waits until it has the lock.
    ///
    /// # Panics
    /// When it does not get it.
    pub async fn of(program: &Path, database: &Path) -> Self {
        let mut child = Command::new(program)
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the holder starts");
        let (input, out) = (child.stdin.take().expect("its input is ours"), child.stdout.take());
        let mut line = String::new();
        BufReader::new(out.expect("its output is ours")).read_line(&mut line).await.expect("it says that it holds");
        assert_eq!(line.trim(), HELD, "the holder has the lock");
        Self { child, input }
    }

    /// Lets go.
    ///
    /// # Panics
    /// When the holder cannot say that it has let go.
    pub async fn lets_go(mut self) {
        drop(self.input);
        let ended = self.child.wait().await.expect("the holder ends");
        assert!(ended.success(), "{ended}");
    }
}

/// The program: takes the write lock of the database that its argument names, and keeps it until its input ends.
///
/// # Errors
/// Why it could not have it.
pub async fn main(out: &mut (dyn std::io::Write + Send)) -> Result<(), String> {
    let path = std::env::args().nth(1).ok_or("it takes the path of a database")?;
    let said = |error: StoreError| error.to_string();
    let engine = Engine::open_with(&format!("sqlite:{path}"), Options::default(), MIGRATIONS).await.map_err(said)?;
    let (reached, held) = oneshot::channel();
    let (let_go, released) = oneshot::channel();
    let hold = Hold(Mutex::new(Some((reached, released))));
    let holding = engine.write(hold);
    let told = async {
        if held.await.is_ok() {
            writeln!(out, "{HELD}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
            let mut rest = Vec::new();
            tokio::io::stdin().read_to_end(&mut rest).await.map_err(|error| error.to_string())?;
        }
        if let_go.send(()).is_err() {
            tracing::debug!("the lock was given up before");
        }
        Ok::<(), String>(())
    };
    let (held, told) = tokio::join!(holding, told);
    engine.close().await;
    held.map_err(said).and(told)
}

/// A change that changes nothing and takes its time: the transaction round it began with `BEGIN IMMEDIATE`.
struct Hold(Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>);

#[async_trait]
impl Change for Hold {
    type Out = ();

    fn name(&self) -> &'static str {
        "hold"
    }

    async fn apply(&self, _tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((reached, released)) = ends
            && reached.send(()).is_ok()
        {
            // It ends either way when nobody holds the other end any more.
            drop(released.await);
        }
        Ok(())
    }
}
