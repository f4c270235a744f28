//! tshark's opinion of what goes over the wire.

use std::process::{Command, Stdio};

use crate::{
    baresip::{Baresip, PLAIN},
    gateway::{Gateway, ROOM},
    support::{Process, folder, run, turn, wait_until},
};

#[test]
fn tshark_finds_nothing_malformed_in_a_call() {
    let _turn = turn();
    let folder = folder("capture");
    let mut gateway = Gateway::start(&folder);
    let file = folder.join("call.pcapng");
    let log = std::fs::File::create(folder.join("dumpcap")).unwrap();
    // others may talk on loopback too
    let (sip, media) = (gateway.sip, &gateway.media);
    let ours = format!("udp and (port {sip} or portrange {}-{})", media.start(), media.end());
    let dumpcap = Command::new("dumpcap")
        .args(["-q", "-i", "lo", "-f", &ours, "-w"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut dumpcap = Process(dumpcap);
    wait_until("dumpcap captures", || {
        let said = std::fs::read_to_string(folder.join("dumpcap")).unwrap_or_default();
        assert_eq!(dumpcap.ended(), None, "dumpcap may not capture on loopback; run this as root: {said}");
        said.contains("File:")
    });
    let mut endpoint = Baresip::start(&folder, PLAIN);
    endpoint.call(&gateway.sip_uri(ROOM, "udp"));
    endpoint.key("1234#");
    gateway.wait_log("seated", &[("role", "host")]);
    endpoint.wait_picture("the room", |image| image.bright() > 300);
    endpoint.command("hangup", "");
    gateway.wait_log("released", &[]);
    drop(dumpcap);

    let sip = format!("udp.port=={},sip", gateway.sip);
    let read = |filter: &str, fields: &[&str]| {
        let mut tshark = Command::new("tshark");
        tshark
            .args(["-n", "-o", "rtp.heuristic_rtp:TRUE", "-d", &sip, "-Y", filter, "-T", "fields", "-r"])
            .arg(&file);
        for field in fields {
            tshark.args(["-e", field]);
        }
        String::from_utf8_lossy(&run(&mut tshark)).into_owned()
    };
    // both ways, so that an empty capture does not pass
    assert!(read("sip.Method == \"INVITE\"", &["frame.number"]).lines().count() >= 1);
    assert!(read("rtp", &["frame.number"]).lines().count() > 200);
    let bad = read(
        "_ws.malformed || _ws.expert.severity == error",
        &["frame.number", "_ws.col.Protocol", "_ws.expert.message"],
    );
    assert_eq!(bad, "", "{}", file.display());
}
