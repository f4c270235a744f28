//! baresip without a screen: dials, keys, takes snapshots of what it sees and records what it hears.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    media::{Image, Sound, media},
    support::{Process, ports, run, wait_for, wait_until},
};

/// How an endpoint is set up.
#[derive(Clone, Copy)]
pub(crate) struct Setup<'a> {
    pub(crate) transport: &'a str,
    /// baresip's own word: `srtp-mand` for SRTP keyed by SDES.
    pub(crate) encryption: Option<&'a str>,
    /// Registers there with user and password, and dials through it.
    pub(crate) account: Option<(&'a str, &'a str, u16)>,
    pub(crate) size: &'a str,
}

pub(crate) const PLAIN: Setup<'static> =
    Setup { transport: "udp", encryption: None, account: None, size: "640x360" };

/// Two digits in less time than this and baresip forgets the first.
const BETWEEN_KEYS: Duration = Duration::from_millis(350);

const MODULES: &str = "/usr/lib/baresip/modules";

#[derive(Default)]
struct Heard {
    events: Vec<Value>,
    answers: HashMap<String, String>,
}

pub(crate) struct Baresip {
    process: Process,
    folder: PathBuf,
    control: TcpStream,
    heard: Arc<Mutex<Heard>>,
    commands: u32,
    snapshots: u32,
}

impl Baresip {
    pub(crate) fn start(folder: &Path, setup: Setup<'_>) -> Self {
        let folder = folder.join("baresip");
        std::fs::create_dir_all(&folder).unwrap();
        let control = ports(2);
        configure(&folder, setup, control);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = Command::new("baresip")
            .arg("-f")
            .arg(".")
            .current_dir(&folder) // it cuts long paths
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut process = Process(child);
        let control = wait_for("baresip listens to us", || {
            assert_eq!(process.ended(), None, "baresip has ended: see {}", folder.display());
            TcpStream::connect(("127.0.0.1", control)).ok()
        });
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (reader, told) = (control.try_clone().unwrap(), Arc::clone(&heard));
        std::thread::spawn(move || listen(reader, &told));
        Self { process, folder, control, heard, commands: 0, snapshots: 0 }
    }

    /// One command of its control interface; its answer as text.
    pub(crate) fn command(&mut self, name: &str, params: &str) -> String {
        self.commands += 1;
        let token = self.commands.to_string();
        let text = json!({ "command": name, "params": params, "token": token }).to_string();
        write!(self.control, "{}:{text},", text.len()).unwrap();
        wait_for(&format!("baresip answers {name}"), || {
            assert_eq!(self.process.ended(), None, "baresip has ended: see {}", self.folder.display());
            self.heard.lock().unwrap().answers.remove(&token)
        })
    }

    /// Dials and waits until the call stands.
    pub(crate) fn call(&mut self, uri: &str) {
        self.dial(uri);
        wait_until("the call stands", || {
            assert!(!self.has_seen("CALL_CLOSED"), "the call was refused: {:?}", self.event("CALL_CLOSED"));
            self.has_seen("CALL_ESTABLISHED")
        });
    }

    pub(crate) fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Keys digits, one at a time as a hand would.
    pub(crate) fn key(&mut self, keys: &str) {
        for key in keys.chars() {
            self.command("sndcode", &key.to_string());
            sleep(BETWEEN_KEYS);
        }
    }

    pub(crate) fn event(&self, kind: &str) -> Option<Value> {
        self.heard.lock().unwrap().events.iter().find(|event| event["type"] == kind).cloned()
    }

    pub(crate) fn has_seen(&self, kind: &str) -> bool {
        self.event(kind).is_some()
    }

    /// Waits for the other side's BYE.
    pub(crate) fn wait_closed(&self) {
        wait_until("the other side ends the call", || self.has_seen("CALL_CLOSED"));
    }

    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// A picture of what is received now, and its file.
    fn snapshot_file(&mut self) -> (PathBuf, Image) {
        self.snapshots += 1;
        let name = format!("{:02}.png", self.snapshots);
        self.command("snapshot_recv", &name);
        let file = self.folder.join(&name);
        let image = wait_for("baresip takes a snapshot", || {
            assert!(!self.has_seen("CALL_CLOSED"), "the call has ended: {:?}", self.event("CALL_CLOSED"));
            Image::read(&file)
        });
        (file, image)
    }

    /// Takes snapshots until one is as it should be.
    pub(crate) fn wait_picture(&mut self, what: &str, is_right: impl Fn(&Image) -> bool) -> (PathBuf, Image) {
        wait_for(&format!("baresip sees {what}"), || {
            let (file, image) = self.snapshot_file();
            is_right(&image).then_some((file, image))
        })
    }

    /// What it has received until now.
    pub(crate) fn sound(&self) -> Option<Sound> {
        let files = std::fs::read_dir(&self.folder).unwrap().filter_map(Result::ok);
        let recording = files.map(|file| file.path()).find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("dump-") && name.ends_with("-dec.wav")
        })?;
        Sound::read_wav(&recording)
    }
}

/// Reads netstrings of JSON: answers and events.
fn listen(mut control: TcpStream, heard: &Mutex<Heard>) {
    let (mut waiting, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = control.read(&mut piece) {
        waiting.extend_from_slice(&piece[..read]);
        while let Some(colon) = waiting.iter().position(|byte| *byte == b':') {
            let length: usize = std::str::from_utf8(&waiting[..colon]).unwrap().parse().unwrap();
            let end = colon + 1 + length;
            if waiting.len() <= end {
                break;
            }
            if let Ok(message) = serde_json::from_slice::<Value>(&waiting[colon + 1..end]) {
                let mut heard = heard.lock().unwrap();
                if message["response"] == true {
                    let token = message["token"].as_str().unwrap_or_default().to_owned();
                    let data = message["data"].as_str().unwrap_or_default().to_owned();
                    heard.answers.insert(token, data);
                } else {
                    heard.events.push(message);
                }
            }
            waiting.drain(..=end);
        }
    }
}

fn configure(folder: &Path, setup: Setup<'_>, control: u16) {
    let (sip, rtp) = (ports(2), ports(40));
    let media = media();
    let mut lines = vec![
        "poll_method epoll".to_owned(),
        format!("sip_listen 127.0.0.1:{sip}"),
        "net_interface 127.0.0.1".to_owned(),
        "call_local_timeout 120".to_owned(),
        format!("audio_source aufile,{}", media.endpoint_audio.display()),
        "audio_alert aufile,/dev/null".to_owned(),
        "ausrc_srate 8000".to_owned(),
        "auplay_srate 8000".to_owned(),
        "ausrc_channels 1".to_owned(),
        "auplay_channels 1".to_owned(),
        format!("rtp_ports {rtp}-{}", rtp + 39),
        "rtp_stats yes".to_owned(),
        "rtcp_mux no".to_owned(),
        "jitter_buffer_delay 5-10".to_owned(),
        "snd_path .".to_owned(),
        "statmode_default off".to_owned(),
        "redial_attempts 0".to_owned(),
        format!("ctrl_tcp_listen 127.0.0.1:{control}"),
        format!("module_path {MODULES}"),
        format!("video_source avformat,{}", media.endpoint_video.display()),
        "video_display fakevideo,nil".to_owned(),
        format!("video_size {}", setup.size),
        "video_fps 25".to_owned(),
        "video_bitrate 600000".to_owned(),
        "avcodec_h264enc libx264".to_owned(),
        "avcodec_h264dec h264".to_owned(),
    ];
    if setup.transport == "tls" {
        let certificate = folder.join("certificate.pem");
        let (key, own) = (folder.join("key.pem"), folder.join("own.pem"));
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&own));
        let both = [std::fs::read(&key).unwrap(), std::fs::read(&own).unwrap()].concat();
        std::fs::write(&certificate, both).unwrap();
        lines.push(format!("sip_certificate {}", certificate.display()));
    }
    let modules = ["g711", "aufile", "sndfile", "avcodec", "avformat", "fakevideo", "snapshot", "srtp"];
    lines.extend(modules.map(|name| format!("module {name}.so")));
    lines.extend(["uuid", "account"].map(|name| format!("module_tmp {name}.so")));
    lines.extend(["contact", "menu", "ctrl_tcp"].map(|name| format!("module_app {name}.so")));
    std::fs::write(folder.join("config"), lines.join("\n") + "\n").unwrap();

    let tls = setup.transport == "tls";
    let transport =
        if setup.transport == "udp" { String::new() } else { format!(";transport={}", setup.transport) };
    let account = match setup.account {
        Some((user, password, port)) => format!(
            "<sip:{user}@127.0.0.1:{port}{transport}>;auth_pass={password};regint=60;\
             outbound=\"sip:127.0.0.1:{port}{transport}\""
        ),
        None => format!("<sip:endpoint@127.0.0.1:{}{transport}>;regint=0", if tls { sip + 1 } else { sip }),
    };
    let encryption = setup.encryption.map(|word| format!(";mediaenc={word}")).unwrap_or_default();
    let account = format!("{account};audio_codecs=pcmu,pcma{encryption}\n");
    std::fs::write(folder.join("accounts"), account).unwrap();
    std::fs::write(folder.join("contacts"), "").unwrap();
}
