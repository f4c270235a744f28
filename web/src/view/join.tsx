// Before the room: what others will see and hear of you, who you are, and the PIN.

import { useContext, useEffect, useRef, useState } from "preact/hooks";

import { canChooseLoudspeaker, testSound, watchLevel, type Media } from "../media";
import { hasH264 } from "../peer";
import { recall, remember } from "../remember";
import type { Session } from "../session";
import type { Key } from "../texts";
import { Header } from "./app";
import { CameraButton, MicrophoneButton } from "./controls";
import { reasonText } from "./ended";
import { Speaking, useText } from "./language";
import { Video } from "./video";

export function JoinForm({ session, room }: { session: Session; room: string }) {
  const t = useText();
  return (
    <div class="shell">
      <Header />
      <main class="card wide">
        <h1>{t("join.heading", { room })}</h1>
        <div class="halves">
          <Preview media={session.media} />
          <div>
            <Who session={session} />
            <Problems media={session.media} />
          </div>
        </div>
      </main>
    </div>
  );
}

function Who({ session }: { session: Session }) {
  const t = useText();
  const { language } = useContext(Speaking);
  const [name, setName] = useState(() => recall("name") ?? "");
  const [pin, setPin] = useState("");
  const pinField = useRef<HTMLInputElement>(null);
  const { phase, pin: asked } = session.state;
  const busy = phase === "joining";
  const seconds = usePause(asked && phase === "pin" ? asked.notBefore : null);

  useEffect(() => {
    if (!asked) return;
    setPin("");
    pinField.current?.focus();
  }, [asked?.asking]);

  const join = (event: Event) => {
    event.preventDefault();
    if (busy || seconds > 0) return;
    remember("name", name.trim());
    if (phase === "pin") session.sendPin(pin.trim());
    else void session.join(name.trim(), pin.trim(), language);
  };

  let trouble = reasonText(session, t);
  if (phase === "pin" && asked) {
    if (asked.triesLeft === null) trouble = t(asked.guestNeedsPin ? "pin.needed" : "pin.needed.guest");
    else if (asked.triesLeft <= 1) trouble = t("pin.wrong.last");
    else trouble = t("pin.wrong", { tries: asked.triesLeft });
  }
  const webrtc = typeof RTCPeerConnection !== "undefined";
  return (
    <form onSubmit={join} noValidate>
      <label for="name">{t("join.name")}</label>
      <input
        id="name"
        data-testid="join-name"
        autocomplete="name"
        maxLength={60}
        value={name}
        readOnly={phase !== "form"}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <label for="pin">{t("join.pin")}</label>
      {/* One-time-code managers and password stores shall leave it alone. */}
      <input
        id="pin"
        ref={pinField}
        data-testid="join-pin"
        class="pin"
        type="text"
        inputMode="numeric"
        autocomplete="off"
        spellcheck={false}
        maxLength={32}
        value={pin}
        readOnly={busy}
        aria-invalid={asked?.triesLeft != null}
        aria-describedby="pin-hint join-error"
        onInput={(event) => setPin(event.currentTarget.value)}
      />
      <p id="pin-hint" class="soft hint">
        {t("join.pin.hint")}
      </p>
      <p id="join-error" class="error" role="alert" aria-live="assertive" data-testid="join-error">
        {/* A key of its own for each asking, so that the same words are read out again. */}
        {trouble && <span key={asked?.asking}>{trouble}</span>}
      </p>
      <div class="row">
        <button
          type="submit"
          class="primary"
          data-testid="join-button"
          disabled={busy || seconds > 0 || !webrtc}
          aria-busy={busy}
        >
          {busy ? t("join.busy") : seconds > 0 ? t("join.wait", { seconds }) : t("join.button")}
        </button>
        {phase === "form" ? (
          <a class="quiet" href="/">
            {t("join.other-room")}
          </a>
        ) : (
          <button type="button" class="quiet" data-testid="join-cancel" onClick={() => session.leave()}>
            {t("join.cancel")}
          </button>
        )}
      </div>
      {seconds > 0 && <p class="soft hint">{t("pin.pause", { seconds })}</p>}
    </form>
  );
}

/** Whole seconds until then. */
function usePause(until: number | null): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    setNow(performance.now());
    if (until === null || until <= performance.now()) return;
    const timer = setInterval(() => {
      setNow(performance.now());
      if (performance.now() >= until) clearInterval(timer);
    }, 200);
    return () => clearInterval(timer);
  }, [until]);
  // `now` may be from before this pause began.
  return until === null ? 0 : Math.max(0, Math.ceil((until - Math.max(now, performance.now())) / 1000));
}

function Preview({ media }: { media: Media }) {
  const t = useText();
  return (
    <section aria-label={t("devices.heading")}>
      <div class="preview">
        {media.camera ? (
          <Video track={media.camera} mirrored label={t("preview.label")} />
        ) : (
          <p>{t(media.starting.camera ? "preview.starting" : "preview.off")}</p>
        )}
        <div class="over">
          <MicrophoneButton media={media} testId="preview-microphone" />
          <CameraButton media={media} testId="preview-camera" />
        </div>
      </div>
      <Level track={media.microphoneOn ? media.microphone : null} />
      <Choice media={media} kind="camera" />
      <Choice media={media} kind="microphone" />
      {canChooseLoudspeaker && <Choice media={media} kind="loudspeaker" />}
      <button type="button" class="quiet" onClick={() => void testSound(media.choice.loudspeaker)}>
        {t("devices.test")}
      </button>
    </section>
  );
}

function Level({ track }: { track: MediaStreamTrack | null }) {
  const t = useText();
  const meter = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    if (!track) return;
    const stop = watchLevel(track, (level) => {
      if (meter.current) meter.current.value = level;
    });
    return () => {
      stop();
      if (meter.current) meter.current.value = 0;
    };
  }, [track]);
  return (
    <div class="level">
      <label for="level">{t("devices.level")}</label>
      <meter id="level" ref={meter} min={0} max={1} value={0} data-testid="microphone-level" />
    </div>
  );
}

const HEADINGS = {
  camera: "devices.camera",
  microphone: "devices.microphone",
  loudspeaker: "devices.loudspeaker",
} as const satisfies Record<string, Key>;

function Choice({ media, kind }: { media: Media; kind: keyof typeof HEADINGS }) {
  const t = useText();
  const devices = media.devices[kind];
  const current = kind === "loudspeaker" ? media.choice.loudspeaker : (media[kind]?.getSettings().deviceId ?? media.choice[kind]);
  const known = devices.some((device) => device.deviceId === current);
  return (
    <div class="choice">
      <label for={`choose-${kind}`}>{t(HEADINGS[kind])}</label>
      <select
        id={`choose-${kind}`}
        data-testid={`choose-${kind}`}
        disabled={devices.length === 0}
        value={known ? (current ?? "") : (devices[0]?.deviceId ?? "")}
        onChange={(event) => void media.choose(kind, event.currentTarget.value)}
      >
        {devices.length === 0 && <option value="">{t(kind === "loudspeaker" ? "devices.default" : "devices.none")}</option>}
        {devices.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t("devices.unnamed", { kind: t(HEADINGS[kind]), number: index + 1 })}
          </option>
        ))}
      </select>
    </div>
  );
}

function Problems({ media }: { media: Media }) {
  const t = useText();
  const { camera, microphone } = media.problem;
  const lines: Key[] = [];
  if (typeof RTCPeerConnection === "undefined") lines.push("problem.no-webrtc");
  else if (!hasH264()) lines.push("problem.no-h264");
  if (camera === "insecure" || microphone === "insecure") lines.push("problem.insecure");
  if (microphone && microphone !== "insecure") lines.push(`problem.microphone.${microphone}`);
  if (camera && camera !== "insecure") lines.push(`problem.camera.${camera}`);
  return (
    <div role="status" aria-live="polite" data-testid="device-problems">
      {lines.map((line) => (
        <p key={line} class="warning">
          {t(line)}
        </p>
      ))}
    </div>
  );
}
