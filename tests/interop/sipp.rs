//! SIPp dials by scenarios of ours, and keys by RFC 4733 packets that are written here.

use std::{
    fmt::Write,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    gateway::{Gateway, ROOM},
    support::{Process, folder, ports, turn, wait_for},
};

const SESSION: &str = "v=0
o=sipp 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20";

/// One call: INVITE with or without an offer, digits, and after `hold` our BYE.
struct Scenario(String);

impl Scenario {
    fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"roomgate\">\n".to_owned())
    }

    fn send(mut self, method: &str, number: u8, established: bool, body: &str) -> Self {
        let uri = if established { "[next_url]" } else { "sip:[service]@[remote_ip]:[remote_port]" };
        let to = if established {
            "[last_To:]".to_owned()
        } else {
            "To: <sip:[service]@[remote_ip]:[remote_port]>".to_owned()
        };
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\n" };
        let again = if method == "ACK" { "" } else { " retrans=\"500\"" };
        let routes = if established { "[routes]\n" } else { "" };
        write!(
            self.0,
            "<send{again}><![CDATA[\n\
             {method} {uri} SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
             {routes}From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]T[call_number]\n\
             {to}\n\
             Call-ID: [call_id]\n\
             CSeq: {number} {method}\n\
             Contact: <sip:sipp@[local_ip]:[local_port]>\n\
             Max-Forwards: 70\n\
             User-Agent: SIPp\n\
             {kind}Content-Length: [len]\n\n{body}\n]]></send>\n"
        )
        .unwrap();
        self
    }

    fn expect(mut self, status: u16) -> Self {
        for provisional in ["100", "180", "183"] {
            writeln!(self.0, "<recv response=\"{provisional}\" optional=\"true\"/>").unwrap();
        }
        writeln!(self.0, "<recv response=\"{status}\" rrs=\"true\"/>").unwrap();
        self
    }

    fn play(mut self, pcap: &str) -> Self {
        writeln!(self.0, "<nop><action><exec play_pcap_audio=\"{pcap}\"/></action></nop>").unwrap();
        self
    }

    fn pause(mut self, milliseconds: u32) -> Self {
        writeln!(self.0, "<pause milliseconds=\"{milliseconds}\"/>").unwrap();
        self
    }

    /// Starts SIPp with this scenario, for one call.
    fn start(mut self, folder: &Path, gateway: &Gateway, service: &str, keys: &str) -> Sipp {
        self.0.push_str("</scenario>\n");
        let folder = folder.join("sipp");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("scenario.xml"), self.0).unwrap();
        std::fs::write(folder.join("digits.pcap"), digits_pcap(keys)).unwrap();
        let (port, media) = (ports(2), ports(4));
        // packets are replayed through a raw socket
        let root = run_as_root();
        let mut command = Command::new(root.unwrap_or("sipp"));
        if root.is_some() {
            command.args(["-n", "sipp"]);
        }
        let screen = std::fs::File::create(folder.join("screen")).unwrap();
        let child = command
            .args(["-sf", "scenario.xml", "-m", "1", "-nostdin", "-trace_err", "-trace_msg", "-recv_timeout"])
            .args(["30000", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-t", "u1", "-s", service])
            .args(["-p", &port.to_string(), "-mp", &media.to_string()])
            .arg(format!("127.0.0.1:{}", gateway.sip))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(screen.try_clone().unwrap())
            .stderr(screen)
            .spawn()
            .unwrap();
        Sipp { process: Process(child), folder }
    }
}

/// `sudo` if we are somebody else.
fn run_as_root() -> Option<&'static str> {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    (id.trim_ascii() != b"0").then_some("sudo")
}

struct Sipp {
    process: Process,
    folder: std::path::PathBuf,
}

impl Sipp {
    /// Waits until the scenario is through, as it is written.
    fn wait_done(&mut self) {
        let code = wait_for("SIPp ends", || self.process.ended());
        assert_eq!(code, 0, "the call went otherwise than the scenario: see {}", self.folder.display());
    }
}

/// One stream of RTP, in ticks of 20 ms.
struct Stream {
    sequence: u16,
    tick: u32,
    /// When, and what.
    packets: Vec<(u32, Vec<u8>)>,
}

impl Stream {
    fn packet(&mut self, at: u32, marker: bool, kind: u8, payload: &[u8]) {
        let mut packet = vec![0x80, kind | u8::from(marker) << 7];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((self.tick * 160).to_be_bytes());
        packet.extend(0x4141_4141_u32.to_be_bytes());
        packet.extend(payload);
        self.sequence += 1;
        self.packets.push((at, packet));
    }

    fn silence(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.packet(self.tick, self.tick == 0, 0, &[0xff; 160]);
            self.tick += 1;
        }
    }

    /// 160 ms of telephone-event, the last of ten packets three times with the end bit (RFC 4733 section 2.5.1.4).
    fn key(&mut self, key: char) {
        let event = "0123456789*#".find(key).unwrap() as u8;
        for n in 0..10_u16 {
            let [high, low] = ((n + 1).min(8) * 160).to_be_bytes();
            let end = if n >= 7 { 0x80 } else { 0 };
            self.packet(self.tick + u32::from(n), n == 0, 101, &[event, end | 10, high, low]);
        }
        self.tick += 10;
    }
}

/// A capture with these keys among silence; a comma is a second of it. SIPp puts its own addresses in.
fn digits_pcap(keys: &str) -> Vec<u8> {
    let mut stream = Stream { sequence: 1, tick: 0, packets: Vec::new() };
    stream.silence(50);
    for key in keys.chars() {
        if key == ',' {
            stream.silence(50);
        } else {
            stream.key(key);
            stream.silence(10);
        }
    }
    stream.silence(25);

    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2_u16, 4].map(u16::to_le_bytes).concat());
    file.extend([0_u32, 0, 65_535, 1].map(u32::to_le_bytes).concat());
    for (tick, packet) in stream.packets {
        let frame = ethernet(&packet);
        let length = u32::try_from(frame.len()).unwrap();
        file.extend([tick / 50, tick % 50 * 20_000, length, length].map(u32::to_le_bytes).concat());
        file.extend(frame);
    }
    file
}

/// Ethernet, IPv4 and UDP around it, from loopback to loopback.
fn ethernet(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00]);
    let udp = u16::try_from(payload.len() + 8).unwrap();
    let mut ip = vec![0x45, 0];
    ip.extend((udp + 20).to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    let sum: u32 = ip.chunks_exact(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(ip);
    frame.extend([6000, 6000, udp, 0].map(u16::to_be_bytes).concat());
    frame.extend(payload);
    frame
}

#[test]
fn rfc_4733_digits_open_the_door() {
    let _turn = turn();
    let folder = folder("sipp-digits");
    let mut gateway = Gateway::start(&folder);
    let scenario = Scenario::new()
        .send("INVITE", 1, false, SESSION)
        .expect(200)
        .send("ACK", 1, true, "")
        .play("digits.pcap")
        .pause(6_000)
        .send("BYE", 2, true, "")
        .expect(200);
    let mut sipp = scenario.start(&folder, &gateway, ROOM, "1234#");
    gateway.wait_log("seated", &[("role", "host")]);
    sipp.wait_done();
    gateway.wait_log("released", &[]);
}

#[test]
fn an_invite_without_an_offer_is_answered_with_ours() {
    let _turn = turn();
    let folder = folder("sipp-delayed-offer");
    let mut gateway = Gateway::start(&folder);
    let scenario = Scenario::new()
        .send("INVITE", 1, false, "")
        .expect(200)
        .send("ACK", 1, true, &answer_in_place())
        .play("digits.pcap")
        .pause(6_000)
        .send("BYE", 2, true, "")
        .expect(200);
    let mut sipp = scenario.start(&folder, &gateway, ROOM, "1234#");
    gateway.wait_log("seated", &[("role", "host")]);
    sipp.wait_done();
}

/// Audio taken, video refused: the gateway offers audio first, then video.
fn answer_in_place() -> String {
    format!("{SESSION}\nm=video 0 RTP/AVP 97")
}

#[test]
fn an_unknown_room_leads_to_the_reception_and_the_reception_to_a_room() {
    let _turn = turn();
    let folder = folder("sipp-unknown-room");
    let mut gateway = Gateway::start(&folder);
    let scenario = Scenario::new()
        .send("INVITE", 1, false, SESSION)
        .expect(200)
        .send("ACK", 1, true, "")
        .play("digits.pcap")
        .pause(10_000)
        .send("BYE", 2, true, "")
        .expect(200);
    let mut sipp = scenario.start(&folder, &gateway, "999", &format!("{ROOM}#,,1234#"));
    gateway.wait_log("call", &[("to", "999")]);
    gateway.wait_log("found at the reception", &[]);
    gateway.wait_log("seated", &[("role", "host")]);
    sipp.wait_done();
}
