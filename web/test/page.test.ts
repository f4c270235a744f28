import { describe, expect, it } from "vitest";

import { columns } from "../src/grid";
import { loudness, problemOf } from "../src/media";
import { h264, opus } from "../src/peer";
import { read, RELEASES } from "../src/protocol";
import { START, step, type Happening, type State } from "../src/state";
import { CATALOGUE, choose, LANGUAGES, text } from "../src/texts";

const after = (events: Happening[], from: State = START) => events.reduce((state, event) => step(state, event, 1000), from);
const tile = { participant: 7, name: "Bergen", kind: "endpoint", role: "guest", slot: 0, muted: false } as const;
const seated = { type: "seated", room: "Room", you: 3, role: "host", tiles: [tile] } satisfies Happening;

describe("texts", () => {
  it("are there in every language, with the same places to fill in", () => {
    const keys = Object.keys(CATALOGUE.en).sort();
    const places = (words: string) => (words.match(/\{\w+\}/g) ?? []).sort();
    for (const language of LANGUAGES) {
      expect(Object.keys(CATALOGUE[language]).sort()).toEqual(keys);
      for (const [key, words] of Object.entries(CATALOGUE[language])) {
        expect(words.trim(), key).not.toBe("");
        expect(places(words), key).toEqual(places(CATALOGUE.en[key as keyof typeof CATALOGUE.en]));
      }
    }
  });

  it("have words for every reason to be released", () => {
    for (const reason of RELEASES) expect(Object.keys(CATALOGUE.nb)).toContain(`released.${reason}`);
  });

  it("are chosen by the reader's languages", () => {
    expect(choose(["de-DE", "nn-NO", "en"])).toBe("nb");
    expect(choose(["en-GB", "nb"])).toBe("en");
    expect(choose(["fr"])).toBe("en");
    expect(choose([])).toBe("en");
  });

  it("fill in what they are given, without reading it", () => {
    expect(text("en", "join.heading", { room: "{room} $&" })).toBe("Join {room} $&");
  });
});

describe("messages", () => {
  it("are read as the gateway writes them", () => {
    const pin = '{"type":"pin","room":"Demo","triesLeft":2,"waitMs":1000,"guestNeedsPin":false}';
    expect(read(pin)).toEqual({ type: "pin", room: "Demo", triesLeft: 2, waitMs: 1000, guestNeedsPin: false });
    const seat = JSON.stringify({ ...seated, tiles: [tile, { participant: "?" }, null] });
    expect(read(seat)).toEqual(seated);
  });

  it("that are unknown or broken are no reason to fall", () => {
    for (const odd of ["", "null", "[]", '{"type":"new"}', '{"type":"answer"}', "{"]) expect(read(odd)).toBeNull();
    expect(read('{"type":"released","reason":"new-reason"}')).toEqual({ type: "released", reason: "fault" });
  });
});

describe("the way in", () => {
  it("goes by a PIN that was wrong once", () => {
    const asked = after([
      { type: "joining" },
      { type: "pin", room: "Demo", triesLeft: 2, waitMs: 500, guestNeedsPin: true },
    ]);
    expect(asked).toMatchObject({ phase: "pin", room: "Demo", pin: { triesLeft: 2, notBefore: 1500, asking: 1 } });
    const again = after([{ type: "pin-sent" }, { type: "pin", room: "Demo", triesLeft: 2, waitMs: 0, guestNeedsPin: true }], asked);
    expect(again.pin?.asking).toBe(2);
    expect(after([{ type: "pin-sent" }, seated], again)).toMatchObject({ phase: "seated", you: 3, tiles: [tile] });
  });

  it("gives the form back, with the reason, to who never was inside", () => {
    expect(after([{ type: "joining" }, { type: "released", reason: "not-found" }])).toMatchObject({ phase: "form", reason: "not-found" });
    expect(after([{ type: "joining" }, { type: "failure", kind: "unreachable" }])).toMatchObject({ phase: "form", failure: { kind: "unreachable" } });
    expect(after([{ type: "joining" }, { type: "left" }])).toMatchObject({ phase: "form", reason: null });
  });

  it("keeps counting while one waits", () => {
    const waiting = step(after([{ type: "joining" }, { type: "waiting", room: "Demo" }]), { type: "waiting", room: "Demo" }, 9000);
    expect(waiting).toMatchObject({ phase: "waiting", waitingSince: 1000 });
  });
});

describe("inside", () => {
  const inside = after([{ type: "joining" }, { type: "link", link: "connected" }, seated]);

  it("what is shared stands first", () => {
    const content = { ...tile, participant: 9, kind: "content" } as const;
    expect(after([{ ...seated, tiles: [tile, content] }], inside).tiles.map((each) => each.participant)).toEqual([9, 7]);
  });

  it("one is told why it ended", () => {
    expect(after([{ type: "released", reason: "room-closed" }], inside)).toMatchObject({ phase: "released", reason: "room-closed" });
    const failed = after([{ type: "failure", kind: "dropped" }], inside);
    expect(failed).toMatchObject({ phase: "failed", failure: { kind: "dropped" }, tiles: [] });
    // The first reason stays.
    expect(after([{ type: "left" }], failed)).toBe(failed);
    expect(after([{ type: "again" }], failed)).toMatchObject({ phase: "form", failure: null });
  });

  it("a notice goes away, unless a newer one stands there", () => {
    const notice = (en: string): Happening => ({ type: "notice", nb: en, en });
    const second = after([notice("one"), notice("two")], inside);
    expect(after([{ type: "notice-over", id: 1 }], second).notice?.en).toBe("two");
    expect(after([{ type: "notice-over", id: 2 }], second).notice).toBeNull();
  });
});

describe("codecs", () => {
  const codec = (mimeType: string, sdpFmtpLine = "") => ({ mimeType, clockRate: 90000, sdpFmtpLine });
  it("are H.264 alone, the profile that the gateway takes first", () => {
    const all = [
      codec("video/VP8"),
      codec("video/rtx", "apt=96"),
      codec("video/H264", "packetization-mode=0;profile-level-id=42e01f"),
      codec("video/H264", "packetization-mode=1;profile-level-id=4d001f"),
      codec("video/H264", "packetization-mode=1;profile-level-id=42e01f"),
    ];
    const chosen = h264(all);
    expect(chosen.map((each) => each.mimeType)).toEqual(["video/H264", "video/H264", "video/H264", "video/rtx"]);
    expect(chosen[0]).toBe(all[4]);
    expect(h264([codec("video/VP8"), codec("video/rtx")])).toEqual([]);
    expect(opus([codec("audio/PCMU"), codec("audio/opus")])).toHaveLength(1);
  });
});

describe("the stage", () => {
  it("makes the tiles as large as the space lets it", () => {
    expect(columns(0, 1000, 500)).toBe(1);
    expect(columns(2, 1920, 900)).toBe(2);
    expect(columns(2, 360, 600)).toBe(1);
    expect(columns(9, 1920, 1000)).toBe(3);
  });
});

describe("devices", () => {
  it("say what is wrong with them", () => {
    expect(problemOf(new DOMException("", "NotAllowedError"))).toBe("denied");
    expect(problemOf(new DOMException("", "NotFoundError"))).toBe("missing");
    expect(problemOf(new DOMException("", "NotReadableError"))).toBe("busy");
  });

  it("are as loud as they sound", () => {
    expect(loudness(new Float32Array(100))).toBe(0);
    expect(loudness(new Float32Array(100).fill(0.5))).toBe(1);
    expect(loudness(new Float32Array(100).fill(0.01))).toBeCloseTo(0.4, 1);
  });
});
