//! What several tests need: a folder of their own, and a store in it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use roomgate::{
    config::{Config, ConfigErrors, Sources, StoreConfig},
    store::{PinChoice, RoomDraft, RoomType, Store, VideoClass},
};

/// A fresh folder, removed with its contents at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn config(&self) -> StoreConfig {
        StoreConfig { path: self.0.join("roomgate.db"), key_file: self.0.join("secret.key") }
    }

    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.config()).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn draft(address: &str, kind: RoomType) -> RoomDraft {
    RoomDraft {
        address: address.to_owned(),
        name: format!("Room {address}"),
        kind,
        host_pin: PinChoice::Made,
        guest_pin: PinChoice::Made,
        video: VideoClass::Hd720,
        expected: None,
        chat: false,
        aliases: Vec::new(),
        organisation: None,
    }
}

/// Reads a configuration from text, with the data directory in the folder.
pub(crate) fn config(folder: &Folder, text: &str) -> Result<Config, ConfigErrors> {
    let file = folder.path().join("roomgate.toml");
    std::fs::write(&file, text).unwrap();
    let data = folder.path().join("data");
    Config::load(&Sources { file: Some(file), data: Some(data), environment: Vec::new() })
}

/// What a run of the program left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the built program with its data in the folder and nothing of ours in its environment.
pub(crate) fn roomgate(folder: &Folder, args: &[&str], input: &str) -> Ran {
    let data = folder.path().join("data");
    let mut child = Command::new(env!("CARGO_BIN_EXE_roomgate"))
        .args(args)
        .env_clear()
        .env("ROOMGATE_DATA_DIR", data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // a command that reads no input may have ended already
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
