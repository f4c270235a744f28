// The switches for microphone and camera, before and in the room.

import type { Media } from "../media";
import { CameraIcon, MicrophoneIcon } from "./icons";
import { useText } from "./language";

export function MicrophoneButton({ media, testId }: { media: Media; testId?: string }) {
  const t = useText();
  const on = media.microphoneOn;
  return (
    <button
      type="button"
      class={`control ${on ? "" : "off"}`}
      data-testid={testId}
      data-on={on}
      aria-label={t(on ? "control.mute" : "control.unmute")}
      title={t(on ? "control.mute" : "control.unmute")}
      aria-busy={media.starting.microphone}
      onClick={() => void media.setMicrophone(!on)}
    >
      <MicrophoneIcon off={!on} />
      <span class="caption">{t("control.short.microphone")}</span>
    </button>
  );
}

export function CameraButton({ media, testId }: { media: Media; testId?: string }) {
  const t = useText();
  const on = media.cameraOn;
  return (
    <button
      type="button"
      class={`control ${on ? "" : "off"}`}
      data-testid={testId}
      data-on={on}
      aria-label={t(on ? "control.camera-off" : "control.camera-on")}
      title={t(on ? "control.camera-off" : "control.camera-on")}
      aria-busy={media.starting.camera}
      onClick={() => void media.setCamera(!on)}
    >
      <CameraIcon off={!on} />
      <span class="caption">{t("control.short.camera")}</span>
    </button>
  );
}
