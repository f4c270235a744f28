// Walks through the page in Chromium, with a gateway of its own: a second page in the same browser that answers the offer
// with drawn pictures. Leaves a picture of each state. `npm run build && npm run look [FOLDER]`
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const folder = process.argv[2] ?? join(tmpdir(), "roomgate-look");
await mkdir(folder, { recursive: true });

// The gateway's own policy, see src/wire/http.rs.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "media-src 'self' blob: mediastream:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const kinds = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const server = createServer(async (request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  const asset = path.startsWith("/assets/");
  try {
    const body = await readFile(join(dist, asset ? path : "index.html"));
    response.writeHead(200, {
      "content-type": asset ? kinds[extname(path)] : "text/html; charset=utf-8",
      "content-security-policy": policy,
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-gpu",
    "--mute-audio",
  ],
});

const far = await (await browser.newContext()).newPage();
await far.goto("about:blank");
await far.addScriptTag({
  content: `
  window.answer = async (sdp) => {
    const connection = (window.connection = new RTCPeerConnection());
    await connection.setRemoteDescription({ type: "offer", sdp });
    const lines = connection.getTransceivers();
    for (const [k, line] of lines.slice(2, 6).entries()) {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = k === 1 ? [480, 640] : [640, 360];
      const draw = canvas.getContext("2d");
      setInterval(() => {
        draw.fillStyle = ["#274", "#742", "#427", "#244"][k];
        draw.fillRect(0, 0, canvas.width, canvas.height);
        draw.fillStyle = "#fff";
        draw.font = "60px sans-serif";
        draw.fillText("slot " + k, 40, 100);
        draw.fillRect(2, 2, canvas.width - 4, 6);
        draw.fillRect((Date.now() / 10) % canvas.width, 200, 40, 40);
      }, 66);
      line.direction = "sendonly";
      await line.sender.replaceTrack(canvas.captureStream(15).getVideoTracks()[0]);
    }
    lines[0].direction = "sendrecv";
    await connection.setLocalDescription(await connection.createAnswer());
    await new Promise((done) => {
      if (connection.iceGatheringState === "complete") done();
      connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && done();
    });
    return connection.localDescription.sdp;
  };
  window.received = async () => [...(await connection.getStats()).values()]
    .filter((each) => each.type === "inbound-rtp").map((each) => [each.kind, each.packetsReceived, each.frameWidth]);`,
});

/** Opens the page with a gateway that `handle` plays. */
async function open(path, { locale = "nb-NO", width = 1280, height = 800, grant = true, reduced = false } = {}, handle) {
  const permissions = grant ? ["camera", "microphone"] : [];
  const context = await browser.newContext({
    locale,
    viewport: { width, height },
    permissions,
    reducedMotion: reduced ? "reduce" : "no-preference",
  });
  const page = await context.newPage();
  page.heard = [];
  page.trouble = [];
  page.on("pageerror", (error) => page.trouble.push(String(error)));
  page.on("console", (line) => line.type() === "error" && page.trouble.push(line.text()));
  if (!grant) {
    await page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException("no", "NotAllowedError");
      };
    });
  }
  await page.routeWebSocket(/\/ws$/, (socket) => {
    page.say = (message) => socket.send(JSON.stringify(message));
    page.drop = () => socket.close();
    socket.onMessage(async (data) => {
      const message = JSON.parse(data);
      page.heard.push(message);
      await handle?.(message, page);
    });
  });
  await page.goto(origin + path);
  return page;
}
const id = (page, name) => page.getByTestId(name);
const shot = (page, name) => page.screenshot({ path: join(folder, `${name}.png`) });
const soon = async (what, check) => {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await check()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`not in time: ${what}`);
};
const tile = (participant, name, slot, more = {}) => ({ participant, name, kind: "browser", role: "guest", slot, muted: false, ...more });
const four = [
  tile(2, "Møterom Bergen", 0, { kind: "endpoint" }),
  tile(3, "Ada Lovelace", 1, { muted: true }),
  tile(4, "Kari Nordmann", null, { role: "host" }),
  tile(5, "Et svært langt navn på et møterom i fjerde etasje i bygg B", 2, { kind: "endpoint" }),
];
const seat = (tiles) => ({ type: "seated", room: "Prøverom", you: 1, role: "guest", tiles });

try {
  // The first page.
  const home = await open("/", {}, null);
  await shot(home, "home");
  await home.keyboard.press("Enter");
  assert.equal(await home.getByRole("alert").innerText(), "Skriv rommets nummer eller adresse.");
  await home.keyboard.type("100100");
  await home.keyboard.press("Enter");
  await home.waitForURL(/\/100100$/);
  assert.deepEqual(home.trouble, []);

  // A wrong PIN, the right one, waiting, seated.
  const page = await open("/100100", {}, async (message, page) => {
    if (message.type === "join") page.say({ type: "pin", room: "Prøverom", triesLeft: 2, waitMs: 1500, guestNeedsPin: true });
    if (message.type === "pin") page.say({ type: "waiting", room: "Prøverom" });
  });
  assert.equal(await page.locator("html").getAttribute("lang"), "nb");
  await soon("the preview", () => page.locator(".preview video.shows").count());
  await soon("the level", async () => (await id(page, "microphone-level").evaluate((meter) => meter.value)) > 0);
  await shot(page, "join");
  await id(page, "join-name").fill("Per");
  await id(page, "join-pin").fill("9999");
  await id(page, "join-button").click();
  await soon("the wrong PIN", async () => (await id(page, "join-error").innerText()).includes("2 forsøk"));
  assert.ok(await id(page, "join-button").isDisabled());
  await shot(page, "wrong-pin");
  const join1 = page.heard.find((message) => message.type === "join");
  const size = JSON.stringify(join1).length;
  console.log("join message:", size, "octets");
  assert.ok(size < 64 * 1024, "the gateway reads messages of 64 KiB");
  assert.deepEqual(Object.keys(join1).sort(), ["address", "language", "name", "offer", "pin", "type"]);
  const lines = join1.offer.split("\r\nm=").slice(1);
  assert.deepEqual(
    lines.map((line) => `${line.slice(0, 5)} ${/a=(sendrecv|sendonly|recvonly)/.exec(line)[1]}`),
    ["audio sendrecv", "video sendonly", ...Array(9).fill("video recvonly")],
  );
  assert.ok(!/VP8|VP9|AV1/.test(join1.offer));
  await soon("the pause", () => id(page, "join-button").isEnabled());
  await id(page, "join-pin").fill("1234");
  await page.keyboard.press("Enter");
  await id(page, "waiting").waitFor();
  await shot(page, "waiting");
  page.say({ type: "answer", sdp: await far.evaluate((sdp) => window.answer(sdp), join1.offer) });
  page.say(seat([]));
  await soon("the connection", async () => (await id(page, "connection-state").getAttribute("data-state")) === "connected");
  assert.equal(await id(page, "encryption").innerText(), "kryptert til gatewayen");
  await shot(page, "first");
  page.say(seat(four));
  await soon("three pictures", async () => (await page.locator(".tile video.shows").count()) === 3);
  page.say({ type: "notice", nb: "Verten har gått. Rommet stenges om 60 sekunder.", en: "The host has left." });
  await page.waitForTimeout(1500);
  assert.equal(await id(page, "tile").count(), 4);
  for (const [name, width, height] of [["1280", 1280, 800], ["360", 360, 740], ["1920", 1920, 1080]]) {
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(400);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is cut off");
    await shot(page, `stage-${name}`);
  }
  await soon("our camera arriving", async () => (await far.evaluate("received()")).some(([kind, , wide]) => kind === "video" && wide > 0));
  await id(page, "mute-button").click();
  await id(page, "camera-button").click();
  await soon("both mutes told", () => page.heard.filter((message) => message.type === "mute" && message.muted).length === 2);
  await shot(page, "muted");
  await id(page, "camera-button").click();
  await soon("the camera told", () => page.heard.some((message) => message.type === "mute" && message.kind === "video" && !message.muted));
  page.drop();
  await id(page, "rejoin-button").waitFor();
  await shot(page, "failed");
  page.heard.length = 0;
  await id(page, "rejoin-button").click();
  await soon("a new join", () => page.heard.some((message) => message.type === "join" && message.pin === "1234" && message.name === "Per"));
  // The far gateway asks for the PIN again; closing there ends on the form.
  await id(page, "join-cancel").click();
  await soon("the form", () => id(page, "join-button").isEnabled());
  assert.deepEqual(page.trouble, []);

  // No camera, no microphone, English, narrow; put out by the host.
  const guest = await open("/100100", { locale: "en-GB", width: 360, height: 740, grant: false, reduced: true }, async (message, page) => {
    if (message.type !== "join") return;
    page.say({ type: "answer", sdp: await far.evaluate((sdp) => window.answer(sdp), message.offer) });
    page.say(seat(four.slice(0, 1)));
  });
  await guest.getByText("may not use the camera").waitFor();
  await guest.screenshot({ path: join(folder, "denied.png"), fullPage: true });
  assert.ok(await guest.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await id(guest, "join-button").click();
  await soon("a picture", async () => (await guest.locator(".tile video.shows").count()) === 1);
  await soon("mutes", () => guest.heard.filter((message) => message.type === "mute" && message.muted).length === 2);
  assert.equal(guest.heard[0].pin, null);
  await shot(guest, "receive-only");
  await id(guest, "language-switch").getByText("Norsk").click();
  assert.equal(await guest.locator("html").getAttribute("lang"), "nb");
  guest.say({ type: "released", reason: "room-closed" });
  await id(guest, "released").waitFor();
  await shot(guest, "released");
  await id(guest, "join-again-button").click();
  await id(guest, "join-button").waitFor();
  assert.deepEqual(guest.trouble, []);

  // A room that is not there.
  const lost = await open("/999", { locale: "en-GB" }, (message, page) => message.type === "join" && page.say({ type: "released", reason: "not-found" }));
  await id(lost, "join-button").click();
  await soon("the reason", async () => (await id(lost, "join-error").innerText()) === "There is no room 999 here.");
  await shot(lost, "not-found");
  console.log("all well; pictures in", folder);
} finally {
  await browser.close();
  server.close();
}
