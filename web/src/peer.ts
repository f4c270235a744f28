// The media connection: one offer, whole, and one answer. The gateway is ICE-lite on a public address, so there are
// neither ICE servers nor candidates to trickle.

/** Pictures that the page can show at once: its lines that only receive video, slot by slot. */
export const SLOTS = 9;
const MAX_BITRATE = 1_500_000; // bit/s: 1280x720 at 30 frames a second, and what an endpoint far off can still take

type Codec = RTCRtpCodec;

export class Peer {
  private readonly connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  private readonly audio: RTCRtpTransceiver;
  private readonly camera: RTCRtpTransceiver;
  private readonly slots: RTCRtpTransceiver[] = [];

  constructor(microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null) {
    this.audio = this.connection.addTransceiver(microphone ?? "audio", { direction: "sendrecv" });
    this.camera = this.connection.addTransceiver(camera ?? "video", {
      direction: "sendonly",
      sendEncodings: [{ maxBitrate: MAX_BITRATE }],
    });
    for (let slot = 0; slot < SLOTS; slot += 1) {
      this.slots.push(this.connection.addTransceiver("video", { direction: "recvonly" }));
    }
    prefer(this.audio, opus(RTCRtpReceiver.getCapabilities?.("audio")?.codecs ?? []));
    prefer(this.camera, h264(RTCRtpSender.getCapabilities?.("video")?.codecs ?? []));
    const receivable = h264(RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? []);
    for (const slot of this.slots) prefer(slot, receivable);
  }

  async offer(): Promise<string> {
    await this.connection.setLocalDescription();
    return this.connection.localDescription?.sdp ?? "";
  }

  async answer(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** Sends these from now on; null is silence, or no picture. */
  async send(microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null): Promise<void> {
    if (this.connection.signalingState === "closed") return;
    if (this.audio.sender.track !== microphone) await this.audio.sender.replaceTrack(microphone);
    if (this.camera.sender.track !== camera) await this.camera.sender.replaceTrack(camera);
  }

  get sound(): MediaStreamTrack {
    return this.audio.receiver.track;
  }

  picture(slot: number): MediaStreamTrack | null {
    return this.slots[slot]?.receiver.track ?? null;
  }

  onState(report: (state: RTCPeerConnectionState) => void): void {
    this.connection.addEventListener("connectionstatechange", () => report(this.connection.connectionState));
  }

  close(): void {
    this.connection.close();
  }
}

export function hasH264(): boolean {
  return h264(RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? []).length > 0;
}

function prefer(transceiver: RTCRtpTransceiver, codecs: Codec[]): void {
  // Without a preference everything is offered, and the gateway takes what it can.
  if (codecs.length > 0) transceiver.setCodecPreferences?.(codecs);
}

/** H.264 with its retransmission: Constrained Baseline in packetization-mode 1 first, which the gateway takes. */
export function h264(codecs: readonly Codec[]): Codec[] {
  const video = codecs.filter((codec) => codec.mimeType.toLowerCase() === "video/h264");
  if (video.length === 0) return [];
  const rank = (codec: Codec) => {
    const line = codec.sdpFmtpLine?.toLowerCase() ?? "";
    const mode = line.includes("packetization-mode=1") ? 0 : 2;
    return mode + (line.includes("profile-level-id=42e0") ? 0 : 1);
  };
  const ranked = [...video].sort((a, b) => rank(a) - rank(b));
  return [...ranked, ...codecs.filter((codec) => codec.mimeType.toLowerCase() === "video/rtx")];
}

export function opus(codecs: readonly Codec[]): Codec[] {
  return codecs.filter((codec) => codec.mimeType.toLowerCase() === "audio/opus");
}
