// Where the page is, as a pure function of what has happened.

import type { Release, Tile, ToPage } from "./protocol";

export type Link = "connecting" | "connected" | "unstable" | "lost";
export type Failure = "unreachable" | "dropped" | "media" | "browser";

export interface PinAsked {
  triesLeft: number | null;
  /** No try before then: milliseconds of the page's clock. */
  notBefore: number;
  guestNeedsPin: boolean;
  /** Counts the askings: a second wrong PIN is news even where the words are the same. */
  asking: number;
}

export interface State {
  phase: "form" | "joining" | "pin" | "waiting" | "seated" | "released" | "failed";
  /** The room's name, once the gateway has told it. */
  room: string | null;
  pin: PinAsked | null;
  you: number | null;
  role: string;
  tiles: Tile[];
  link: Link;
  reason: Release | null;
  failure: { kind: Failure; detail: string } | null;
  notice: { id: number; nb: string; en: string } | null;
  waitingSince: number | null;
}

export const START: State = {
  phase: "form",
  room: null,
  pin: null,
  you: null,
  role: "",
  tiles: [],
  link: "connecting",
  reason: null,
  failure: null,
  notice: null,
  waitingSince: null,
};

export type Happening =
  | { type: "joining" }
  | { type: "pin-sent" }
  | { type: "link"; link: Link }
  | { type: "failure"; kind: Failure; detail?: string }
  | { type: "left" }
  | { type: "again" }
  | { type: "notice-over"; id: number }
  | ToPage;

export function step(state: State, event: Happening, now: number): State {
  switch (event.type) {
    case "joining":
      return { ...START, phase: "joining", room: state.room };
    case "pin-sent":
      return state.phase === "pin" ? { ...state, phase: "joining" } : state;
    case "pin": {
      const pin = {
        triesLeft: event.triesLeft,
        notBefore: now + event.waitMs,
        guestNeedsPin: event.guestNeedsPin,
        asking: (state.pin?.asking ?? 0) + 1,
      };
      return { ...state, phase: "pin", room: event.room, pin, notice: null };
    }
    case "waiting":
      return { ...state, phase: "waiting", room: event.room, waitingSince: state.waitingSince ?? now };
    case "seated": {
      const { room, you, role } = event;
      // What is shared comes first; otherwise people keep the order in which the gateway names them.
      const tiles = [...event.tiles].sort((a, b) => Number(b.kind === "content") - Number(a.kind === "content"));
      return { ...state, phase: "seated", room, you, role, tiles, waitingSince: null };
    }
    case "notice":
      return { ...state, notice: { id: (state.notice?.id ?? 0) + 1, nb: event.nb, en: event.en } };
    case "notice-over":
      return state.notice?.id === event.id ? { ...state, notice: null } : state;
    case "released":
      return ended(state, { reason: event.reason });
    case "left":
      return ended(state, { reason: "hung-up" });
    case "failure":
      return ended(state, { failure: { kind: event.kind, detail: event.detail ?? "" } });
    case "error":
      // The gateway did not understand us: while joining nothing more will come, later on nothing is lost by it.
      return state.phase === "joining" ? ended(state, { reason: "misbehaved" }) : state;
    case "link":
      return { ...state, link: event.link };
    case "again":
      return { ...START, room: state.room };
    case "answer":
      return state;
  }
}

/** Who never was inside gets the form back, with the reason above it. */
function ended(state: State, why: Partial<Pick<State, "reason" | "failure">>): State {
  if (state.phase === "released" || state.phase === "failed" || state.phase === "form") return state;
  const inside = state.phase === "waiting" || state.phase === "seated";
  const phase = !inside ? "form" : why.failure ? "failed" : "released";
  const cancelled = !inside && why.reason === "hung-up";
  return { ...START, phase, room: state.room, link: "lost", ...(cancelled ? {} : why) };
}
