// The messages between page and gateway: JSON over the WebSocket /ws. The other side is src/signalling/web.rs.

export type MuteKind = "audio" | "video";

export type FromPage =
  | { type: "join"; address: string; name: string; pin: string | null; language: "nb" | "en"; offer: string }
  | { type: "pin"; pin: string }
  | { type: "mute"; kind: MuteKind; muted: boolean }
  | { type: "leave" };

export type TileKind = "endpoint" | "browser" | "content";

export interface Tile {
  participant: number;
  name: string;
  kind: TileKind;
  role: string;
  /** Which of the lines that only receive video shows it; null while there is no picture. */
  slot: number | null;
  muted: boolean;
}

/** Why the gateway ended it: `Release::as_str` in src/call/release.rs. */
export const RELEASES = [
  "hung-up",
  "cancelled",
  "lost",
  "not-found",
  "incompatible",
  "encryption-required",
  "pin-refused",
  "no-input",
  "no-host",
  "full",
  "room-closed",
  "misbehaved",
  "forbidden",
  "shutting-down",
  "fault",
] as const;
export type Release = (typeof RELEASES)[number];

export type ToPage =
  | { type: "pin"; room: string; triesLeft: number | null; waitMs: number; guestNeedsPin: boolean }
  | { type: "waiting"; room: string }
  | { type: "answer"; sdp: string }
  | { type: "seated"; room: string; you: number; role: string; tiles: Tile[] }
  | { type: "notice"; nb: string; en: string }
  | { type: "released"; reason: Release }
  | { type: "error"; message: string };

/** Reads a message; null for one that this page does not know, as a newer gateway may send. */
export function read(text: string): ToPage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  switch (value.type) {
    case "pin":
      return {
        type: "pin",
        room: word(value.room),
        triesLeft: typeof value.triesLeft === "number" ? value.triesLeft : null,
        waitMs: typeof value.waitMs === "number" ? value.waitMs : 0,
        guestNeedsPin: value.guestNeedsPin !== false,
      };
    case "waiting":
      return { type: "waiting", room: word(value.room) };
    case "answer":
      return typeof value.sdp === "string" ? { type: "answer", sdp: value.sdp } : null;
    case "seated":
      return {
        type: "seated",
        room: word(value.room),
        you: Number(value.you),
        role: word(value.role),
        tiles: Array.isArray(value.tiles) ? value.tiles.flatMap(readTile) : [],
      };
    case "notice":
      return { type: "notice", nb: word(value.nb), en: word(value.en) };
    case "released":
      return { type: "released", reason: RELEASES.find((known) => known === value.reason) ?? "fault" };
    case "error":
      return { type: "error", message: word(value.message) };
    default:
      return null;
  }
}

function readTile(value: unknown): Tile[] {
  if (!isRecord(value) || typeof value.participant !== "number") return [];
  const kind = value.kind === "endpoint" || value.kind === "content" ? value.kind : "browser";
  const slot = typeof value.slot === "number" ? value.slot : null;
  const muted = value.muted === true;
  return [{ participant: value.participant, name: word(value.name), kind, role: word(value.role), slot, muted }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}
