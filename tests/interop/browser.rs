//! Chromium with a false camera and microphone, led by `browser.mjs` through its standard input and output.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    media::{Colour, Sound, media},
    support::{Process, wait_for, wait_until},
};

pub(crate) struct Browser {
    /// Closed first: at the end of its input the script closes the browser and ends.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    folder: PathBuf,
    process: Process,
}

/// One `<video>` of the page.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) colour: Colour,
}

impl Browser {
    pub(crate) fn start(folder: &Path) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(
            here.join("web/node_modules/playwright-core").exists(),
            "web/node_modules/playwright-core is missing: make web"
        );
        let folder = folder.join("browser");
        std::fs::create_dir_all(&folder).unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let media = media();
        let mut child = Command::new("node")
            .arg(here.join("tests/interop/browser.mjs"))
            .args([&media.browser_video, &media.browser_audio])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { input, output, folder, process: Process(child) }
    }

    /// One command, one answer.
    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the browser has ended: see {}", self.folder.join("log").display()));
        assert!(answer.get("error").is_none(), "{command}: {}", answer["error"]);
        answer
    }

    /// Opens the page and joins as a person does.
    pub(crate) fn join(&mut self, page: &str, name: &str, pin: &str) {
        self.ask(&json!({ "do": "open", "url": page }));
        self.ask(&json!({ "do": "fill", "id": "join-name", "text": name }));
        self.ask(&json!({ "do": "fill", "id": "join-pin", "text": pin }));
        self.click("join-button");
    }

    pub(crate) fn click(&mut self, id: &str) {
        self.ask(&json!({ "do": "click", "id": id }));
    }

    /// Tiles of this kind: `endpoint` or `browser`.
    pub(crate) fn tiles(&mut self, kind: &str) -> usize {
        let selector = format!("[data-testid=tile][data-kind={kind}]");
        let answer = self.ask(&json!({ "do": "count", "selector": selector }));
        usize::try_from(answer["count"].as_u64().unwrap()).unwrap()
    }

    pub(crate) fn wait_tiles(&mut self, kind: &str, count: usize) {
        wait_until(&format!("the page has {count} tiles of kind {kind}"), || self.tiles(kind) == count);
    }

    /// What the videos in tiles of this kind show.
    pub(crate) fn shown(&mut self, kind: &str) -> Vec<Shown> {
        let selector = format!("[data-testid=tile][data-kind={kind}] video");
        let answer = self.ask(&json!({ "do": "videos", "selector": selector }));
        let videos = answer["videos"].as_array().unwrap().iter();
        let shown = videos.map(|video| {
            let part = |n: usize| video["colour"][n].as_f64().unwrap_or(0.0);
            Shown { colour: Colour { red: part(0), green: part(1), blue: part(2) } }
        });
        shown.collect()
    }

    /// Inbound video that was decoded: frames, and the size of the last.
    pub(crate) fn decoded(&mut self) -> (u64, u64, u64) {
        let answer = self.ask(&json!({ "do": "stats" }));
        let streams = answer["stats"].as_array().unwrap().iter();
        let best = streams
            .filter(|s| s["type"] == "inbound-rtp" && s["kind"] == "video")
            .filter(|s| s["codec"].as_str().is_some_and(|codec| codec.eq_ignore_ascii_case("video/H264")))
            .max_by_key(|s| s["framesDecoded"].as_u64().unwrap_or(0));
        let number = |name: &str| best.and_then(|s| s[name].as_u64()).unwrap_or(0);
        (number("framesDecoded"), number("frameWidth"), number("frameHeight"))
    }

    /// The last two thirds of a second of what comes in.
    pub(crate) fn sound(&mut self) -> Sound {
        let answer = self.ask(&json!({ "do": "sound" }));
        let samples = answer["samples"].as_array().unwrap().iter();
        let samples =
            samples.map(|sample| sample.as_i64().unwrap_or(0).clamp(-32768, 32767) as i16).collect();
        Sound { rate: u32::try_from(answer["rate"].as_u64().unwrap()).unwrap(), samples }
    }

    pub(crate) fn wait_tone(&mut self, frequency: f64, level: f64) {
        wait_for(&format!("the browser hears {frequency} Hz"), || {
            (self.sound().tone(frequency, 1) > level).then_some(())
        });
    }

    pub(crate) fn screenshot(&mut self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        self.ask(&json!({ "do": "screenshot", "path": path }));
        path
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() && self.process.ended().is_none() {
            let path = self.folder.join("at-the-failure.png");
            if let Some(input) = &mut self.input {
                let _ = writeln!(input, "{}", json!({ "do": "screenshot", "path": path }));
                let _ = self.output.read_line(&mut String::new());
            }
            eprintln!("--- the page: {}", path.display());
        }
        self.input = None;
        // time to close the browser; what is left is ended by `Process`
        for _ in 0..100 {
            if self.process.ended().is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}
