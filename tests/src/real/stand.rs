//! A scripted platform in a process of its own.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use wilco_sim::{Control, Profile};

/// The platform's process and a hand on it. It ends when this is dropped, and also when this process is killed.
pub struct Stand {
    _child: Child,
    address: String,
    profile: Profile,
    /// Steers and watches it.
    pub control: Control,
}

impl Stand {
    /// Starts a platform with a program that takes the options of `scripted-platform`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open(program: &Path, profile: Profile) -> Self {
        let mut child = Command::new(program)
            .args(["--profile", profile.name(), "--until-eof"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the platform starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is ours");
        BufReader::new(out).read_line(&mut line).await.expect("it says where it listens");
        let address = line.trim().strip_prefix("listening ").expect("it says where it listens").to_owned();
        let address = format!("http://{address}");
        let control = Control::new(&address).expect("an HTTP client");
        Self { _child: child, address, profile, control }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it is like.
    pub fn profile(&self) -> Profile {
        self.profile
    }
}
