//! A server of our own for one test: its configuration, rooms and log.

use std::{
    fs::File,
    io::Write,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Process, ports, wait_for};

/// Room 100100 as in the demonstration: administrative, host PIN 1234, guest PIN 5678.
pub(crate) const ROOM: &str = "100100";

pub(crate) struct Gateway {
    process: Process,
    folder: PathBuf,
    /// UDP and TCP; TLS is on the next one.
    pub(crate) sip: u16,
    pub(crate) web: u16,
    /// The ports of its media.
    pub(crate) media: RangeInclusive<u16>,
}

impl Gateway {
    /// Starts it in `folder` with room 100100, and waits until it serves.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same with endpoint accounts: name and password.
    pub(crate) fn start_with(folder: &Path, accounts: &[(&str, &str)]) -> Self {
        let (sip, web, media) = (ports(2), ports(2), ports(200));
        let folder = folder.join("roomgate");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!(
            r#"
            data-dir = "{data}"
            [sip]
            listen = ["udp://127.0.0.1:{sip}", "tcp://127.0.0.1:{sip}", "tls://127.0.0.1:{tls}"]
            [web]
            listen = "https://127.0.0.1:{web}"
            [media]
            address = "127.0.0.1"
            ports = "{media}-{last}"
            [log]
            format = "json"
            filter = "info,roomgate=debug"
            "#,
            data = folder.join("data").display(),
            tls = sip + 1,
            last = media + 199,
        );
        std::fs::write(folder.join("roomgate.toml"), text).unwrap();
        let add = ["room", "add", ROOM, "--name", "Blå sal", "--host-pin", "1234", "--guest-pin", "5678"];
        command(&folder, &add, "");
        for (name, password) in accounts {
            command(&folder, &["endpoint", "add", name, "--password-stdin"], &format!("{password}\n"));
        }
        let log = File::create(folder.join("log")).unwrap();
        let child = roomgate(&folder)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut gateway = Self { process: Process(child), folder, sip, web, media: media..=media + 199 };
        wait_for("Roomgate serves", || {
            assert_eq!(gateway.process.ended(), None, "Roomgate did not start: {}", gateway.log_text());
            gateway.has_logged("pages are served by https").then_some(())
        });
        gateway
    }

    pub(crate) fn sip_uri(&self, user: &str, transport: &str) -> String {
        let port = if transport == "tls" { self.sip + 1 } else { self.sip };
        format!("sip:{user}@127.0.0.1:{port};transport={transport}")
    }

    pub(crate) fn page(&self) -> String {
        format!("https://127.0.0.1:{}/{ROOM}", self.web)
    }

    /// Waits for a log line with this message and these fields.
    pub(crate) fn wait_log(&mut self, message: &str, fields: &[(&str, &str)]) -> Value {
        wait_for(&format!("the log says {message:?} {fields:?}"), || {
            assert_eq!(self.process.ended(), None, "Roomgate has ended");
            self.find(message, fields).into_iter().next()
        })
    }

    /// All log lines with this message and these fields.
    pub(crate) fn find(&self, message: &str, fields: &[(&str, &str)]) -> Vec<Value> {
        let text = self.log_text();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| {
                line["message"] == message && fields.iter().all(|(name, value)| line[name] == *value)
            })
            .collect()
    }

    pub(crate) fn has_logged(&self, message: &str) -> bool {
        !self.find(message, &[]).is_empty()
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(&mut self) -> i32 {
        self.process.ask_to_end();
        wait_for("Roomgate ends after SIGTERM", || self.process.ended())
    }

    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.log_text();
            let last = text.lines().rev().take(60).collect::<Vec<_>>();
            eprintln!("--- the last lines of {}", self.folder.join("log").display());
            for line in last.iter().rev() {
                eprintln!("{line}");
            }
        }
    }
}

fn roomgate(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roomgate"));
    command.env_clear().arg("--config").arg(folder.join("roomgate.toml"));
    command
}

fn command(folder: &Path, args: &[&str], input: &str) {
    let mut child = roomgate(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // a command that reads no input may have ended already
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
