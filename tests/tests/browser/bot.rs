//! The real program with its page, in a folder and on a port of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use tempfile::TempDir;
use wilco_tests::browser::{Gate, PATIENCE};

/// Jobs whose every step waits until the test lets it go on.
const WORKERS: &[(&str, &str)] = &[
    (
        "gated",
        "echo '::step 1/3 first things'; read -r go < \"$0.gate\"
         echo '::step 2/3 second things'; read -r go < \"$0.gate\"
         echo '::step 3/3 last things'; read -r go < \"$0.gate\"
         echo 'the gates are behind us'",
    ),
    ("silent", "read -r go < \"$0.gate\"; echo 'not a word before this'"),
    ("asks", "echo '::ask Which colour? | Red | Green'; read -r answer; echo \"painted it $answer\""),
    (
        "leaves",
        "echo 'looking at the numbers'; echo 'three, four, five' > \"$WILCO_OUT/numbers.txt\"; echo 'wrote them down'",
    ),
    ("fails", "echo 'the disk is on fire' >&2; exit 2"),
    (
        "hostile",
        "echo '::step 1/2 <img src=x onerror=document.title=1>'
         echo '</pre></li><script>document.title=2</script>'
         echo '```'; echo '[click](javascript:document.title=3)'; echo '<svg onload=document.title=4>'
         read -r go < \"$0.gate\"
         echo '<b id=injected>bold</b> & <a href=//evil.example>link</a>'",
    ),
];

/// A running bot. It is killed and its folder removed with it; when the test fails its log is shown.
pub(crate) struct Bot {
    folder: TempDir,
    child: Child,
    gates: Vec<(&'static str, Gate)>,
    /// The address of the page, without a slash at its end.
    pub(crate) url: String,
    /// The whole login link that this start has printed.
    pub(crate) login: String,
}

impl Bot {
    /// Starts one with the workers above, `demo` and `echo`.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = "[builtin]\ndemo = true\necho = true\n[quotas]\ncooldown = \"off\"\n".to_owned();
        let mut gates = Vec::new();
        for (name, text) in WORKERS {
            let script = folder.path().join(format!("{name}.sh"));
            fs::write(&script, text).unwrap();
            gates.push((*name, Gate::new(&folder.path().join(format!("{name}.sh.gate")))));
            config.push_str(&format!(
                "[workers.{name}]\ncommand = [\"/bin/sh\", {:?}]\nabout = \"a job of the test\"\n",
                script.to_str().unwrap()
            ));
        }
        // The same job once more, for which a crash is no end.
        let again = folder.path().join("gated.sh");
        config.push_str(&format!(
            "[workers.again]\ncommand = [\"/bin/sh\", {:?}]\non_interrupt = \"rerun\"\n",
            again.to_str().unwrap()
        ));
        fs::write(folder.path().join("bot.toml"), config).unwrap();
        let (child, url, login) = spawn(folder.path(), "127.0.0.1:0");
        Self { folder, child, gates, url, login }
    }

    /// Lets a job go on by one step.
    pub(crate) fn lets(&self, worker: &str) {
        let (_, gate) = self.gates.iter().find(|(name, _)| *name == worker).unwrap();
        gate.open();
    }

    /// SIGKILL: no time for a last word.
    pub(crate) fn is_killed(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again in the same folder and on the same port.
    pub(crate) fn starts_again(&mut self) {
        let bind = self.url.trim_start_matches("http://").to_owned();
        let (child, url, login) = spawn(self.folder.path(), &bind);
        assert_eq!(url, self.url, "the page would be looked for in the wrong place");
        (self.child, self.login) = (child, login);
    }

    #[expect(clippy::print_stdout, reason = "the harness keeps it back unless the test has failed")]
    fn shows_its_log(&self) {
        println!("the bot's log:\n{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        // It may have been killed before.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            self.shows_its_log();
        }
    }
}

/// Starts the program and reads its greeting: the page's address and the login link.
fn spawn(folder: &Path, bind: &str) -> (Child, String, String) {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wilco-under-test"))
        .args(["--web", bind])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let link = line.strip_prefix("open  ").and_then(|rest| rest.strip_suffix("   (works once)"));
            if let Some(link) = link {
                drop(tell.send(link.to_owned()));
            }
        }
    });
    match told.recv_timeout(PATIENCE) {
        Ok(login) => {
            let (url, _) = login.split_once("/login/").expect("the greeting's link");
            (child, url.to_owned(), login.clone())
        }
        Err(error) => {
            drop(child.kill());
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("the bot did not greet: {error}\n{log}")
        }
    }
}
