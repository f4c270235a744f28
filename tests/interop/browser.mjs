// One page in Chromium with a false camera and microphone: usage: browser.mjs CAMERA.y4m MICROPHONE.wav
// Reads commands from standard input, a JSON object on each line, and answers each by one line of JSON;
// closes the browser at the end of its input. What to wait for is the caller's affair.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const [camera, microphone] = process.argv.slice(2);

const args = [
  '--use-fake-device-for-media-stream',
  `--use-file-for-fake-video-capture=${camera}`,
  `--use-file-for-fake-audio-capture=${microphone}`,
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--disable-background-networking',
  '--disable-gpu',
  '--mute-audio',
];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  chromiumSandbox: process.getuid() !== 0,
  args,
});
const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 720 } });
const page = await context.newPage();
page.setDefaultTimeout(30_000);
page.on('console', (message) => console.error(message.type(), message.text()));
page.on('pageerror', (error) => console.error('page', error.message));

// Before the page's own scripts: its connections are remembered, to ask them for statistics and sound.
await page.addInitScript(() => {
  const Native = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = new Proxy(Native, {
    construct(target, given, self) {
      const connection = Reflect.construct(target, given, self);
      window.connections.push(connection);
      return connection;
    },
  });
});

const byId = (id) => page.getByTestId(id).first();

const commands = {
  async open({ url }) {
    await page.goto(url, { waitUntil: 'load' });
  },
  async fill({ id, text }) {
    await byId(id).fill(text);
  },
  async click({ id }) {
    await byId(id).click();
  },
  async count({ selector }) {
    return { count: await page.locator(selector).count() };
  },
  async screenshot({ path }) {
    await page.screenshot({ path });
  },
  async stats() {
    return page.evaluate(async () => {
      const stats = [];
      for (const connection of window.connections) {
        const report = await connection.getStats();
        for (const entry of report.values()) {
          if (entry.type.endsWith('-rtp')) stats.push({ ...entry, codec: report.get(entry.codecId)?.mimeType });
        }
      }
      return { stats };
    });
  },
  // Size and mean colour of the middle of each video.
  async videos({ selector }) {
    return page.evaluate((selector) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 18 });
      const context = canvas.getContext('2d', { willReadFrequently: true });
      const videos = [...document.querySelectorAll(selector)].map((video) => {
        const [width, height] = [video.videoWidth, video.videoHeight];
        const colour = [0, 0, 0];
        if (width) {
          context.drawImage(video, width * 0.3, height * 0.3, width * 0.4, height * 0.4, 0, 0, 32, 18);
          const pixels = context.getImageData(0, 0, 32, 18).data;
          for (let at = 0; at < pixels.length; at += 4) for (let c = 0; c < 3; c++) colour[c] += pixels[at + c] / 576;
        }
        return { width, height, colour };
      });
      return { videos };
    }, selector);
  },
  // The last samples of the first sound that comes in.
  async sound() {
    return page.evaluate(async () => {
      if (!window.analyser) {
        const receivers = window.connections.flatMap((connection) => connection.getReceivers());
        const track = receivers.map((receiver) => receiver.track).find((track) => track?.kind === 'audio');
        if (!track) return { rate: 48000, samples: [] };
        const context = new AudioContext({ sampleRate: 48000 });
        await context.resume();
        window.analyser = new AnalyserNode(context, { fftSize: 32768 });
        context.createMediaStreamSource(new MediaStream([track])).connect(window.analyser);
      }
      const samples = new Float32Array(window.analyser.fftSize);
      window.analyser.getFloatTimeDomainData(samples);
      return { rate: 48000, samples: [...samples].map((sample) => Math.round(sample * 32767)) };
    });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { do: name, ...parameters } = JSON.parse(line);
    answer = (await commands[name](parameters)) ?? {};
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
