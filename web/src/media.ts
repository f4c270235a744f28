// This browser's camera, microphone and loudspeaker.

import { recall, remember } from "./remember";

export type Kind = "camera" | "microphone";
export type Problem = "denied" | "missing" | "busy" | "insecure";

export interface Devices {
  camera: MediaDeviceInfo[];
  microphone: MediaDeviceInfo[];
  loudspeaker: MediaDeviceInfo[];
}

const NO_DEVICES: Devices = { camera: [], microphone: [], loudspeaker: [] };

export const canChooseLoudspeaker = typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;

export class Media {
  camera: MediaStreamTrack | null = null;
  microphone: MediaStreamTrack | null = null;
  starting: Record<Kind, boolean> = { camera: false, microphone: false };
  problem: Record<Kind, Problem | null> = { camera: null, microphone: null };
  devices: Devices = NO_DEVICES;
  choice = { camera: recall("camera"), microphone: recall("microphone"), loudspeaker: recall("loudspeaker") };
  private listeners = new Set<() => void>();
  /** What the person wants; a microphone that is off keeps its track, a camera that is off is released. */
  private wanted: Record<Kind, boolean> = { camera: true, microphone: true };
  private running = false;
  /** Counts requests: what comes back too late is stopped. */
  private request: Record<Kind, number> = { camera: 0, microphone: 0 };

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Opens what is wanted. Does not throw: what is missing stands in `problem`. */
  async start(): Promise<void> {
    if (this.running) return;
    this.running = true;
    if (!navigator.mediaDevices?.getUserMedia) {
      this.problem = { camera: "insecure", microphone: "insecure" };
      this.tell();
      return;
    }
    navigator.mediaDevices.addEventListener("devicechange", this.list);
    // One after the other: browsers ask for permission in turn, and one refusal shall not cost the other.
    if (this.wanted.microphone) await this.open("microphone");
    if (this.wanted.camera) await this.open("camera");
    await this.list();
  }

  /** Releases everything, and the lights at camera and microphone go out. */
  stop(): void {
    this.running = false;
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.list);
    this.drop("camera");
    this.drop("microphone");
    this.tell();
  }

  get cameraOn(): boolean {
    return this.camera !== null;
  }

  get microphoneOn(): boolean {
    return this.microphone !== null && this.microphone.enabled;
  }

  async setCamera(on: boolean): Promise<void> {
    this.wanted.camera = on;
    if (on) return this.open("camera");
    this.drop("camera");
    this.problem.camera = null;
    this.tell();
  }

  async setMicrophone(on: boolean): Promise<void> {
    this.wanted.microphone = on;
    if (!this.microphone) {
      if (on) await this.open("microphone");
      return;
    }
    this.microphone.enabled = on;
    this.tell();
  }

  async choose(kind: Kind | "loudspeaker", id: string): Promise<void> {
    this.choice = { ...this.choice, [kind]: id };
    remember(kind, id);
    this.tell();
    if (kind !== "loudspeaker" && this.wanted[kind]) await this.open(kind);
  }

  private async open(kind: Kind): Promise<void> {
    const request = ++this.request[kind];
    const stale = () => request !== this.request[kind] || !this.running;
    this.starting[kind] = true;
    this.tell();
    try {
      const track = await capture(kind, this.choice[kind]);
      if (stale()) {
        track.stop();
        return;
      }
      this[kind]?.stop();
      this[kind] = track;
      this.problem[kind] = null;
      if (kind === "microphone") track.enabled = this.wanted.microphone;
      // Unplugged, or permission withdrawn.
      track.addEventListener("ended", () => {
        if (this[kind] !== track) return;
        this[kind] = null;
        this.problem[kind] = "busy";
        this.tell();
      });
    } catch (error) {
      if (stale()) return;
      this.drop(kind);
      this.problem[kind] = problemOf(error);
    } finally {
      if (request === this.request[kind]) this.starting[kind] = false;
      this.tell();
    }
    await this.list();
  }

  private drop(kind: Kind): void {
    this.request[kind] += 1;
    this.starting[kind] = false;
    this[kind]?.stop();
    this[kind] = null;
  }

  private readonly list = async (): Promise<void> => {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => [] as MediaDeviceInfo[]);
    // Without permission the browser names none of them; those cannot be chosen.
    const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== "");
    this.devices = { camera: of("videoinput"), microphone: of("audioinput"), loudspeaker: of("audiooutput") };
    this.tell();
  };

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

async function capture(kind: Kind, id: string | null): Promise<MediaStreamTrack> {
  const deviceId = id ? { ideal: id } : undefined;
  const constraints: MediaStreamConstraints =
    kind === "camera"
      ? { video: { deviceId, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } } }
      : { audio: { deviceId, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
  const [track] = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
  if (!track) throw new DOMException("no track", "NotFoundError");
  return track;
}

export function problemOf(error: unknown): Problem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return "busy";
}

/** Reports the loudness of a track, 0 to 1, ten times a second, until the function it gives is called. */
export function watchLevel(track: MediaStreamTrack, report: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    // Some browsers start it only after the first click.
    if (context.state === "suspended") void context.resume().catch(() => undefined);
    analyser.getFloatTimeDomainData(samples);
    report(loudness(samples));
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close().catch(() => undefined);
  };
}

/** -60 dBFS and below is 0, -10 dBFS and above is 1: speech moves in between. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-10);
  return Math.min(1, Math.max(0, (decibels + 60) / 50));
}

/** Half a second of a soft tone on the chosen loudspeaker. */
export async function testSound(loudspeaker: string | null): Promise<void> {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const gain = context.createGain();
  const out = context.createMediaStreamDestination();
  tone.frequency.value = 523;
  gain.gain.setValueAtTime(0, context.currentTime);
  gain.gain.linearRampToValueAtTime(0.2, context.currentTime + 0.05);
  gain.gain.linearRampToValueAtTime(0, context.currentTime + 0.5);
  tone.connect(gain).connect(out);
  const audio = new Audio();
  audio.srcObject = out.stream;
  await useLoudspeaker(audio, loudspeaker);
  await audio.play().catch(() => undefined);
  tone.start();
  tone.stop(context.currentTime + 0.6);
  tone.addEventListener("ended", () => void context.close().catch(() => undefined));
}

export async function useLoudspeaker(element: HTMLMediaElement, id: string | null): Promise<void> {
  // One that was unplugged: the system's own goes on.
  if (canChooseLoudspeaker) await element.setSinkId(id ?? "").catch(() => undefined);
}
