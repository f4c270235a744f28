//! What all peers need: folders, ports, children that end with the test, and waiting.

use std::{
    collections::HashSet,
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a condition may take on a busy machine. Only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The programs that the tests run, with the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 9] = [
    ("/usr/bin/baresip", "baresip-core"),
    ("/usr/lib/baresip/modules/avcodec.so", "baresip-ffmpeg"),
    ("/usr/bin/sipp", "sip-tester"),
    ("/usr/bin/chromium", "chromium"),
    ("/usr/bin/node", "nodejs"),
    ("/usr/bin/ffmpeg", "ffmpeg"),
    ("/usr/bin/openssl", "openssl"),
    ("/usr/bin/tshark", "tshark"),
    ("/usr/bin/dumpcap", "wireshark-common"),
];

/// One test at a time: each of them has real programs that encode video. Fails if a program is missing.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let missing: HashSet<_> =
        PROGRAMS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    let missing: Vec<_> = missing.into_iter().collect();
    assert!(
        missing.is_empty(),
        "these tests run real programs, and some are missing: make packages-test (or apt-get install {})",
        missing.join(" ")
    );
    turn
}

fn is_there(program: &str) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default();
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).exists()));
    Path::new(program).exists() || on_path
}

/// A fresh folder of the given name below the build folder. It stays after the test, to be looked at.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The first of `count` ports that are free for UDP and TCP on loopback; even. No block is given out twice.
pub(crate) fn ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const LOW: u16 = 21_000;
    const ROOM: u16 = 10_000;
    let offset = u16::try_from(std::process::id() % u32::from(ROOM)).unwrap();
    for _ in 0..200 {
        let taken = NEXT.fetch_add(count + count % 2, Ordering::Relaxed);
        let first = LOW + (offset + taken) % ROOM / 2 * 2;
        let free = |port| {
            TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
        };
        if (first..first + count).all(free) {
            return first;
        }
    }
    panic!("no free ports on loopback");
}

/// Waits until `look` finds something; `what` is said if it never does.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited {} s in vain: {what}", PATIENCE.as_secs());
        sleep(BETWEEN_LOOKS);
    }
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// A child that ends with the test: asked first, killed if it does not obey.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// Sends SIGTERM.
    pub(crate) fn ask_to_end(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).stderr(Stdio::null()).status();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        self.ask_to_end();
        let until = Instant::now() + Duration::from_secs(8);
        while Instant::now() < until {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            sleep(BETWEEN_LOOKS);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a helper program to its end; its own words are in the panic if it fails.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
