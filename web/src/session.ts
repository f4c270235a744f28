// One visit to a room: the WebSocket, the media connection, and where we are. Views subscribe to `state`.

import { Media } from "./media";
import { Peer } from "./peer";
import { read, type FromPage, type MuteKind, type ToPage } from "./protocol";
import { START, step, type Happening, type State } from "./state";
import type { Language } from "./texts";

const NOTICE_MS = 8000;
/** So long a connection may take, or stay away, until we say that it is broken. */
const PATIENCE_MS = 15_000;

export class Session {
  state: State = START;
  peer: Peer | null = null;
  private socket: WebSocket | null = null;
  private listeners = new Set<() => void>();
  private told: Partial<Record<MuteKind, boolean>> = {};
  private last: { name: string; pin: string; language: Language } | null = null;
  private patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly address: string,
    readonly media: Media,
  ) {
    media.subscribe(() => this.mediaChanged());
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async join(name: string, pin: string, language: Language): Promise<void> {
    this.hangUp();
    this.last = { name, pin, language };
    this.happen({ type: "joining" });
    let peer: Peer;
    let offer: string;
    try {
      peer = this.peer = new Peer(this.media.microphone, this.media.camera);
      peer.onState((state) => this.linkChanged(peer, state));
      offer = await peer.offer();
    } catch (error) {
      this.fail("browser", error);
      return;
    }
    if (this.peer !== peer) return; // cancelled meanwhile
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.socket = socket;
    const current = () => this.socket === socket;
    socket.addEventListener("open", () => {
      if (!current()) return;
      this.send({ type: "join", address: this.address, name, pin: pin === "" ? null : pin, language, offer });
      this.tellMuted();
    });
    socket.addEventListener("message", (event) => {
      const message = typeof event.data === "string" ? read(event.data) : null;
      if (current() && message) this.handle(message, peer);
    });
    socket.addEventListener("close", () => {
      if (current()) this.fail(this.state.phase === "joining" && !this.state.pin ? "unreachable" : "dropped");
    });
  }

  sendPin(pin: string): void {
    if (this.last) this.last = { ...this.last, pin };
    this.happen({ type: "pin-sent" });
    this.send({ type: "pin", pin });
  }

  leave(): void {
    this.send({ type: "leave" });
    this.hangUp();
    this.happen({ type: "left" });
  }

  /** Back to the form. */
  again(): void {
    this.hangUp();
    this.happen({ type: "again" });
    void this.media.start();
  }

  /** Straight in again, with what was typed before. */
  async rejoin(language: Language): Promise<void> {
    if (!this.last) return this.again();
    const { name, pin } = this.last;
    this.happen({ type: "again" });
    await this.media.start();
    await this.join(name, pin, language);
  }

  private handle(message: ToPage, peer: Peer): void {
    if (message.type === "answer") {
      this.beginPatience();
      peer.answer(message.sdp).catch((error: unknown) => {
        if (this.peer !== peer) return;
        this.send({ type: "leave" });
        this.fail("browser", error);
      });
    }
    if (message.type === "released") {
      if (message.reason === "pin-refused" && this.last) this.last = { ...this.last, pin: "" };
      this.hangUp();
    }
    if (message.type === "error") console.warn("the gateway refused a message:", message.message);
    this.happen(message);
    if (message.type === "notice" && this.state.notice) {
      const { id } = this.state.notice;
      setTimeout(() => this.happen({ type: "notice-over", id }), NOTICE_MS);
    }
  }

  private linkChanged(peer: Peer, state: RTCPeerConnectionState): void {
    if (this.peer !== peer) return;
    if (state === "connected") {
      clearTimeout(this.patience);
      this.happen({ type: "link", link: "connected" });
    } else if (state === "disconnected") {
      this.beginPatience();
      this.happen({ type: "link", link: "unstable" });
    } else if (state === "failed") {
      this.send({ type: "leave" });
      this.fail("media");
    }
  }

  private beginPatience(): void {
    clearTimeout(this.patience);
    this.patience = setTimeout(() => {
      this.send({ type: "leave" });
      this.fail("media");
    }, PATIENCE_MS);
  }

  private mediaChanged(): void {
    if (!this.peer) return;
    this.peer.send(this.media.microphone, this.media.camera).catch(() => undefined);
    this.tellMuted();
  }

  /** Tells what is off, and later on what changes. */
  private tellMuted(): void {
    this.tell("audio", !this.media.microphoneOn);
    this.tell("video", !this.media.cameraOn);
  }

  private tell(kind: MuteKind, muted: boolean): void {
    if (this.socket?.readyState !== WebSocket.OPEN || (this.told[kind] ?? false) === muted) return;
    this.told[kind] = muted;
    this.send({ type: "mute", kind, muted });
  }

  private send(message: FromPage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private fail(kind: "unreachable" | "dropped" | "media" | "browser", error?: unknown): void {
    this.hangUp();
    this.happen({ type: "failure", kind, detail: error instanceof Error ? error.message : "" });
  }

  private hangUp(): void {
    clearTimeout(this.patience);
    const { socket, peer } = this;
    this.socket = null;
    this.peer = null;
    this.told = {};
    socket?.close();
    peer?.close();
  }

  private happen(event: Happening): void {
    const before = this.state;
    this.state = step(before, event, performance.now());
    // Nobody is filmed who is not in, or on the way in.
    const over = this.state.phase === "released" || this.state.phase === "failed";
    if (over && before.phase !== this.state.phase) this.media.stop();
    if (this.state !== before) for (const listener of this.listeners) listener();
  }
}
