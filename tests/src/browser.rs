//! A real browser: Chromium, driven through its own driver over WebDriver.
//!
//! Every wait is for something to appear on the page and has a bound; nothing here waits for time to pass.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::key::Key;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest that anything on the page is waited for. A machine that runs everything else at the same time is
/// slow; a page that is right needs a fraction of it.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// A part that is drawn anew between being found and being pressed is looked for so many times.
const TRIES: u32 = 20;

/// Two browsers at a time: each is a dozen processes.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// What a browser looks like from the page.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether it is one that fingers touch.
    pub phone: bool,
    /// Whether the person prefers dark colours.
    pub dark: bool,
}

impl Screen {
    /// A laptop's window.
    pub const DESKTOP: Self = Self { width: 1280, height: 800, phone: false, dark: false };
    /// A phone held upright.
    pub const PHONE: Self = Self { width: 390, height: 844, phone: true, dark: false };
}

/// A running browser with a page in front. Everything ends with it, whatever became of the test.
pub struct Browser {
    client: Client,
    // The driver goes before the folder that its browser writes into.
    _driver: Driver,
    _profile: TempDir,
    _place: SemaphorePermit<'static>,
}

/// The driver's process, and in its group the browser's.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        // Whatever has ended by itself is as good as killed.
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
        self.0.wait().ok();
    }
}

impl Browser {
    /// Opens a browser that nobody used before, with an empty page. None, and a line that says so, where there is no
    /// Chromium; with `CI` set that is a failure.
    ///
    /// # Panics
    /// When the browser is there and does not start.
    pub async fn open(screen: Screen) -> Option<Self> {
        let missing: Vec<&str> = ["chromium", "chromedriver"].into_iter().filter(|name| !is_installed(name)).collect();
        if !missing.is_empty() {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
                "needs chromium: {} not found",
                missing.join(" and ")
            );
            say_skipped();
            return None;
        }
        let place = BROWSERS.acquire().await.expect("nobody closes it");
        let profile = tempfile::tempdir().expect("a folder for the browser");
        let (driver, port) = tokio::task::spawn_blocking(start_driver).await.expect("the driver starts");
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(screen, profile.path()))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromium starts");
        Some(Self { client, _driver: driver, _profile: profile, _place: place })
    }

    /// Goes to an address, and answers when it is loaded.
    pub async fn visit(&self, url: &str) {
        self.client.goto(url).await.expect("the page answers");
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page loads again");
    }

    /// The window in front.
    pub async fn window(&self) -> WindowHandle {
        self.client.window().await.expect("there is a window")
    }

    /// Opens one more window and goes there.
    pub async fn open_window(&self, url: &str) -> WindowHandle {
        let opened = self.client.new_window(false).await.expect("a second window");
        self.turn_to(&opened.handle).await;
        self.visit(url).await;
        opened.handle
    }

    /// Goes to another window.
    pub async fn turn_to(&self, window: &WindowHandle) {
        self.client.switch_to_window(window.clone()).await.expect("the window is open");
    }

    /// Waits until something matches the XPath.
    ///
    /// # Panics
    /// After [`PATIENCE`], with what the page shows instead.
    #[track_caller]
    pub fn sees(&self, xpath: &str) -> impl Future<Output = Element> {
        let caller = std::panic::Location::caller();
        async move {
            match self.client.wait().at_most(PATIENCE).every(LOOK).for_element(Locator::XPath(xpath)).await {
                Ok(element) => element,
                Err(error) => {
                    let shown = self.shown().await;
                    panic!("{caller}: the page never showed {xpath} ({error})\nit shows:\n{shown}")
                }
            }
        }
    }

    /// How many parts match the XPath now.
    pub async fn count(&self, xpath: &str) -> usize {
        self.client.find_all(Locator::XPath(xpath)).await.expect("the page answers").len()
    }

    /// Waits for a part and presses it. A part that is drawn anew meanwhile is looked for again.
    ///
    /// # Panics
    /// When it never comes, or cannot be pressed.
    #[track_caller]
    pub fn press(&self, xpath: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let mut last = None;
            for _ in 0..TRIES {
                match self.sees(xpath).await.click().await {
                    Ok(()) => return,
                    Err(CmdError::Standard(error)) if is_passing(&error.error) => last = Some(error),
                    Err(error) => panic!("{caller}: {xpath} cannot be pressed: {error}"),
                }
            }
            panic!("{caller}: {xpath} cannot be pressed: {last:?}")
        }
    }

    /// Types into the part that has the keyboard, letter by letter.
    pub async fn keys(&self, text: &str) {
        self.strike(text.chars()).await;
    }

    /// Presses one key.
    pub async fn key(&self, key: Key) {
        self.strike([char::from(key)]).await;
    }

    async fn strike(&self, keys: impl IntoIterator<Item = char>) {
        let strokes = keys.into_iter().fold(KeyActions::new("keyboard".to_owned()), |all, value| {
            all.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.client.perform_actions(strokes).await.expect("the keys are taken");
    }

    /// Runs a function's body in the page and answers what it returns.
    pub async fn asks(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// What can be read on the page.
    pub async fn shown(&self) -> String {
        match self.client.execute("return document.body.innerText", Vec::new()).await {
            Ok(Value::String(text)) => text,
            Ok(other) => other.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// A picture of the page as it stands, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("the browser draws")
    }
}

#[expect(clippy::print_stdout, reason = "a test that was skipped says so on a line of its own")]
fn say_skipped() {
    println!("skipped: needs chromium");
}

/// Whether an error only means that the page changed between two steps.
fn is_passing(error: &ErrorStatus) -> bool {
    use ErrorStatus::{ElementClickIntercepted, ElementNotInteractable, StaleElementReference};
    matches!(error, StaleElementReference | ElementClickIntercepted | ElementNotInteractable)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Starts the driver on a port that the system chooses, in a process group of its own.
fn start_driver() -> (Driver, u16) {
    let mut child = Command::new("chromedriver")
        .arg("--port=0")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let out = child.stdout.take().expect("it is piped");
    let driver = Driver(child);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        // Read to the end, so that the driver never waits for a reader.
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Some((_, port)) = line.rsplit_once("on port ") {
                drop(tell.send(port.trim_end_matches('.').parse::<u16>()));
            }
        }
    });
    // The first such line only repeats the zero that was asked for.
    loop {
        match told.recv_timeout(PATIENCE) {
            Ok(Ok(port)) if port != 0 => return (driver, port),
            Ok(_) => {}
            Err(error) => panic!("chromedriver did not say where it listens: {error}"),
        }
    }
}

fn capabilities(screen: Screen, profile: &Path) -> fantoccini::wd::Capabilities {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // Chromium's own sandbox needs rights that a container's root does not have; it only ever loads our page.
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-breakpad".to_owned(),
        "--hide-scrollbars".to_owned(),
        format!("--window-size={},{}", screen.width, screen.height),
        format!("--user-data-dir={}", profile.display()),
    ];
    if screen.dark {
        arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    // A window's own size is that of its frame; this is the size of what is inside.
    let metrics = json!({
        "width": screen.width, "height": screen.height, "pixelRatio": 1, "touch": screen.phone, "mobile": screen.phone,
    });
    let options = json!({ "args": arguments, "mobileEmulation": { "deviceMetrics": metrics } });
    [("goog:chromeOptions".to_owned(), options), ("browserName".to_owned(), json!("chrome"))].into_iter().collect()
}

/// A gate in front of a script: it reads a line from a named pipe and waits until somebody opens.
pub struct Gate(File);

impl Gate {
    /// Makes the pipe.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn new(path: &Path) -> Self {
        use rustix::fs::{CWD, FileType, Mode};
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a named pipe");
        // Open in both directions it never blocks, and lines wait for a reader that is not there yet.
        Self(File::options().read(true).write(true).open(path).expect("the pipe opens"))
    }

    /// Lets the script go on once.
    ///
    /// # Panics
    /// When the pipe is full.
    pub fn open(&self) {
        use std::io::Write;
        (&self.0).write_all(b"go\n").expect("the pipe takes a line");
    }
}
