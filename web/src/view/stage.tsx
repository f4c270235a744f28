// In the room.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { columns } from "../grid";
import { useLoudspeaker } from "../media";
import type { Tile } from "../protocol";
import type { Session } from "../session";
import { Header } from "./app";
import { CameraButton, MicrophoneButton } from "./controls";
import { LeaveIcon, LockIcon, MicrophoneIcon } from "./icons";
import { useText } from "./language";
import { Video } from "./video";

export function Stage({ session, room }: { session: Session; room: string }) {
  const t = useText();
  const { tiles, link, role } = session.state;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  useWakeLock();
  return (
    <div class="shell full">
      <Header>
        <h1 ref={heading} tabIndex={-1} class="room">
          {room}
        </h1>
        {/* Not before there is a connection that is. */}
        {(link === "connected" || link === "unstable") && (
          <span class="fact" data-testid="encryption">
            <LockIcon />
            {t("stage.encryption")}
          </span>
        )}
        <span class={`fact link ${link}`} role="status" data-testid="connection-state" data-state={link}>
          {t(`link.${link}`)}
        </span>
      </Header>
      <Grid tiles={tiles} session={session} />
      <footer class="controls" role="group" aria-label={t("control.label")}>
        <SelfView session={session} role={role} />
        <div class="buttons">
          <MicrophoneButton media={session.media} testId="mute-button" />
          <CameraButton media={session.media} testId="camera-button" />
          <button type="button" class="control leave" data-testid="leave-button" onClick={() => session.leave()}>
            <LeaveIcon />
            <span class="caption">{t("control.leave")}</span>
          </button>
        </div>
      </footer>
      <Sound session={session} />
    </div>
  );
}

function Grid({ tiles, session }: { tiles: Tile[]; session: Session }) {
  const t = useText();
  const element = useRef<HTMLElement>(null);
  const [count, setCount] = useState(1);
  useLayoutEffect(() => {
    const stage = element.current;
    if (!stage) return;
    const measure = () => setCount(columns(tiles.length, stage.clientWidth, stage.clientHeight));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(stage);
    return () => observer.disconnect();
  }, [tiles.length]);
  return (
    <main
      ref={element}
      class="stage"
      data-testid="stage"
      aria-label={t("stage.label")}
      style={{ gridTemplateColumns: `repeat(${count}, minmax(0, 1fr))` }}
    >
      {tiles.length === 0 && (
        <div class="empty">
          <p class="large">{t("stage.empty")}</p>
          <p class="soft">{t("stage.empty.more")}</p>
        </div>
      )}
      {tiles.map((tile) => (
        <TileView key={tile.participant} tile={tile} session={session} />
      ))}
    </main>
  );
}

function TileView({ tile, session }: { tile: Tile; session: Session }) {
  const t = useText();
  const track = tile.slot === null ? null : (session.peer?.picture(tile.slot) ?? null);
  return (
    <figure class="tile" data-testid="tile" data-participant={tile.participant} data-kind={tile.kind} data-muted={tile.muted}>
      <div class="nobody" aria-hidden="true">
        <span class="initials">{initials(tile.name)}</span>
      </div>
      {/* A new element for a new slot: another person's last picture must not stand under this name. */}
      {track && <Video key={tile.slot} track={track} label={tile.name} />}
      <figcaption>
        {tile.muted && (
          <span class="muted" role="img" aria-label={t("stage.muted")} title={t("stage.muted")}>
            <MicrophoneIcon off />
          </span>
        )}
        <span class="name">{tile.name}</span>
        {tile.role === "host" && <span class="role">{t("stage.host")}</span>}
        {!track && <span class="sr-only">, {t("stage.no-picture")}</span>}
      </figcaption>
    </figure>
  );
}

function SelfView({ session, role }: { session: Session; role: string }) {
  const t = useText();
  const { media } = session;
  const who = role === "host" ? `${t("stage.self")} (${t("stage.host")})` : t("stage.self");
  return (
    <figure class="self" data-testid="self-view">
      {media.camera ? (
        <Video track={media.camera} mirrored label={t("preview.label")} />
      ) : (
        <p class="soft">{t("stage.self.off")}</p>
      )}
      <figcaption>
        {!media.microphoneOn && <MicrophoneIcon off />}
        {who}
      </figcaption>
    </figure>
  );
}

/** The room's sound, mixed by the gateway. */
function Sound({ session }: { session: Session }) {
  const t = useText();
  const element = useRef<HTMLAudioElement>(null);
  const [held, setHeld] = useState(false);
  const track = session.peer?.sound ?? null;
  const { loudspeaker } = session.media.choice;
  useEffect(() => {
    const audio = element.current;
    if (!audio || !track) return;
    audio.srcObject = new MediaStream([track]);
    // Some browsers want a click first.
    audio.play().then(
      () => setHeld(false),
      (error: unknown) => setHeld(error instanceof DOMException && error.name === "NotAllowedError"),
    );
    return () => {
      audio.srcObject = null;
    };
  }, [track]);
  useEffect(() => {
    if (element.current) void useLoudspeaker(element.current, loudspeaker);
  }, [loudspeaker]);
  const play = () => {
    setHeld(false);
    void element.current?.play().catch(() => setHeld(true));
  };
  return (
    <>
      <audio ref={element} autoplay />
      {held && (
        <button type="button" class="primary sound" onClick={play}>
          {t("stage.sound")}
        </button>
      )}
    </>
  );
}

/** The screen stays on while people talk. */
function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let over = false;
    const take = async () => {
      if (document.visibilityState !== "visible") return;
      const taken = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
      if (over) void taken?.release();
      else lock = taken;
    };
    void take();
    document.addEventListener("visibilitychange", take);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", take);
      void lock?.release().catch(() => undefined);
    };
  }, []);
}

/** Up to two letters of a name. */
export function initials(name: string): string {
  const words = name.split(/[\s@._-]+/u).filter((word) => word !== "");
  const first = words[0] ?? "";
  const last = words.length > 1 ? (words[words.length - 1] ?? "") : "";
  return [first, last].map((word) => [...word][0] ?? "").join("").toUpperCase();
}
