//! Pictures and tones that tell who sent them, made by ffmpeg when first needed, and what came of them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use roomgate_codec::tone::{goertzel_dbfs, rms_dbfs};

use crate::support::{folder, run};

/// The endpoint's tone and the browser's, in Hz: no multiples of each other.
pub(crate) const ENDPOINT_TONE: f64 = 440.0;
pub(crate) const BROWSER_TONE: f64 = 1000.0;

/// A tone that came through is louder than this; what is left of it elsewhere is far below.
pub(crate) const AUDIBLE: f64 = -36.0;

pub(crate) struct Media {
    /// 640x360 H.264 in mp4, red with a moving bar.
    pub(crate) endpoint_video: PathBuf,
    /// 8 kHz, a steady tone.
    pub(crate) endpoint_audio: PathBuf,
    /// 640x360 raw, green with a moving bar.
    pub(crate) browser_video: PathBuf,
    /// 48 kHz, a tone in bursts: a browser's noise suppression takes a steady one for noise.
    pub(crate) browser_audio: PathBuf,
}

pub(crate) fn media() -> &'static Media {
    static MEDIA: OnceLock<Media> = OnceLock::new();
    MEDIA.get_or_init(|| {
        let folder = folder("media");
        let made = Media {
            endpoint_video: folder.join("red.mp4"),
            endpoint_audio: folder.join("tone8k.wav"),
            browser_video: folder.join("green.y4m"),
            browser_audio: folder.join("bursts48k.wav"),
        };
        let picture = |colour: &str, args: &[&str], to: &Path| {
            let colour = format!("color={colour}:size=640x360:rate=25");
            let bar = "color=white:size=24x300:rate=25";
            let mut ffmpeg = ffmpeg();
            ffmpeg.args(["-f", "lavfi", "-i", &colour, "-f", "lavfi", "-i", bar]);
            ffmpeg.args(["-filter_complex", "overlay=x='mod(t*154,616)':y=30", "-pix_fmt", "yuv420p"]);
            run(ffmpeg.args(args).arg(to));
        };
        let h264 =
            ["-t", "60", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "50"];
        picture("0xD02020", &h264, &made.endpoint_video);
        picture("0x20B020", &["-t", "4"], &made.browser_video);
        let sound = |source: String, to: &Path| {
            run(ffmpeg().args(["-f", "lavfi", "-i", &source, "-ac", "1", "-c:a", "pcm_s16le"]).arg(to));
        };
        sound(format!("sine=f={ENDPOINT_TONE}:r=8000:d=300,volume=4"), &made.endpoint_audio);
        let bursts = "volume='if(lt(mod(t,1),0.5),4,0)':eval=frame";
        sound(format!("sine=f={BROWSER_TONE}:r=48000:d=300,{bursts}"), &made.browser_audio);
        made
    })
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]);
    command
}

/// A mean colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colour {
    pub(crate) red: f64,
    pub(crate) green: f64,
    pub(crate) blue: f64,
}

impl Colour {
    pub(crate) fn is_endpoints(self) -> bool {
        self.red > 130.0 && self.red > 2.0 * self.green && self.red > 2.0 * self.blue
    }

    pub(crate) fn is_browsers(self) -> bool {
        self.green > 110.0 && self.green > 2.0 * self.red && self.green > 2.0 * self.blue
    }
}

/// A picture in RGB.
pub(crate) struct Image {
    pub(crate) width: usize,
    pub(crate) height: usize,
    rgb: Vec<u8>,
}

impl Image {
    /// Reads a PNG file; None while it is not whole.
    pub(crate) fn read(png: &Path) -> Option<Self> {
        let head = std::fs::read(png).ok()?;
        let number = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?) as usize);
        // IEND ends a whole file
        if !head.windows(4).rev().take(16).any(|four| four == b"IEND") {
            return None;
        }
        let (width, height) = (number(16)?, number(20)?);
        let rgb = run(ffmpeg().arg("-i").arg(png).args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]));
        (rgb.len() == width * height * 3).then_some(Self { width, height, rgb })
    }

    /// The mean over a part of the picture, in fractions of its width and height.
    pub(crate) fn mean(&self, x: (f64, f64), y: (f64, f64)) -> Colour {
        let (mut sum, mut count) = ([0.0; 3], 0.0);
        for pixel in self.pixels(x, y) {
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += f64::from(*value);
            }
            count += 1.0;
        }
        let [red, green, blue] = sum.map(|sum| sum / count);
        Colour { red, green, blue }
    }

    /// The middle, where neither names nor borders are.
    pub(crate) fn middle(&self) -> Colour {
        self.mean((0.3, 0.7), (0.3, 0.7))
    }

    /// How many pixels are as bright as white lettering.
    pub(crate) fn bright(&self) -> usize {
        self.brighter_within(170, (0.0, 1.0), (0.0, 1.0))
    }

    /// How many pixels of a part of the picture have all their values above `least`.
    pub(crate) fn brighter_within(&self, least: u8, x: (f64, f64), y: (f64, f64)) -> usize {
        self.pixels(x, y).filter(|pixel| pixel.iter().all(|value| *value > least)).count()
    }

    fn pixels(&self, x: (f64, f64), y: (f64, f64)) -> impl Iterator<Item = &[u8]> {
        let range = |(from, to): (f64, f64), size: usize| {
            (from * size as f64) as usize..((to * size as f64) as usize).min(size)
        };
        let columns = range(x, self.width);
        let rows = range(y, self.height);
        rows.flat_map(move |row| columns.clone().map(move |column| (row * self.width + column) * 3))
            .map(|at| &self.rgb[at..at + 3])
    }
}

/// Sound as samples.
pub(crate) struct Sound {
    pub(crate) rate: u32,
    pub(crate) samples: Vec<i16>,
}

impl Sound {
    /// Reads 16-bit mono PCM. A file that is still being written has no sizes in its header yet.
    pub(crate) fn read_wav(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let find = |name: &[u8]| bytes.windows(4).position(|four| four == name);
        let (format, data) = (find(b"fmt ")?, find(b"data")?);
        let rate = u32::from_le_bytes(bytes.get(format + 12..format + 16)?.try_into().ok()?);
        let pcm = bytes.get(data + 8..)?;
        let samples = pcm.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        Some(Self { rate, samples })
    }

    /// The loudest that `frequency` gets within a quarter of a second, over the last `seconds`, in dBFS.
    pub(crate) fn tone(&self, frequency: f64, seconds: u32) -> f64 {
        let last = self.samples.len().saturating_sub((self.rate * seconds) as usize);
        let pieces = self.samples[last..].chunks_exact((self.rate / 4) as usize);
        pieces.map(|piece| goertzel_dbfs(piece, self.rate, frequency)).fold(-96.0, f64::max)
    }

    /// How many tenths of a second are not silent.
    pub(crate) fn sounding_tenths(&self) -> usize {
        let pieces = self.samples.chunks_exact((self.rate / 10) as usize);
        pieces.filter(|piece| rms_dbfs(piece) > -45.0).count()
    }
}
