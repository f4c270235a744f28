use std::{path::PathBuf, process::Command};

use super::*;
use crate::{
    ids::{LegId, ParticipantId},
    ivr::Slate,
    signalling::Face,
};

const SIZES: [(u32, u32); 2] = [(640, 360), (1280, 720)];

/// Keeps a picture as a PNG for people to look at, where there is an ffmpeg to make one.
fn keep(name: &str, picture: &Picture) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| folder.join("target"), PathBuf::from)
        .join("tmp/compose");
    if std::fs::create_dir_all(&folder).is_err() {
        return;
    }
    let size = format!("{}x{}", picture.width(), picture.height());
    let raw = folder.join(format!("{name}-{size}.yuv"));
    std::fs::write(&raw, picture.as_bytes()).expect("the folder is there");
    let png = raw.with_extension("png");
    let _ = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size, "-i"])
        .arg(&raw)
        .arg(&png)
        .status();
    let _ = std::fs::remove_file(raw);
}

fn slate(slate: &Slate) -> Scene {
    Scene { layout: Layout::Slate(Arc::new(slate.clone())), tiles: Vec::new() }
}

fn render(scene: &Scene, pictures: &HashMap<TrackId, Arc<Picture>>, (width, height): (u32, u32)) -> Picture {
    let mut canvas = Picture::black(width, height);
    canvas.fill(canvas.bounds(), Yuv { y: 1, u: 2, v: 3 });
    Renderer::new().render(scene, pictures, &mut canvas);
    canvas
}

fn draw(name: &str, content: &Slate, size: (u32, u32)) -> Picture {
    let picture = render(&slate(content), &HashMap::new(), size);
    keep(name, &picture);
    picture
}

/// Luma of the background.
const DARK: u8 = BACKGROUND.y;

/// The box around everything inside `area` that is not background: x, y, right, bottom. None if nothing is.
fn ink(picture: &Picture, area: PixelRect) -> Option<(u32, u32, u32, u32)> {
    let width = picture.width();
    let mut found: Option<(u32, u32, u32, u32)> = None;
    for y in area.y..area.y + area.height {
        for x in area.x..area.x + area.width {
            if picture.y()[(y * width + x) as usize].abs_diff(DARK) > 30 {
                let (left, top, right, bottom) = found.unwrap_or((x, y, x, y));
                found = Some((left.min(x), top.min(y), right.max(x), bottom.max(y)));
            }
        }
    }
    found
}

fn pin() -> Slate {
    Slate {
        heading: "Møterom Ålesund".into(),
        lines: vec!["Tast PIN-koden, så #".into(), "Enter your PIN, then #".into()],
        dots: Some(3),
        footer: vec![
            "* sletter siste siffer, # fullfører".into(),
            "* deletes the last digit, # submits".into(),
        ],
        warning: false,
    }
}

/// Share of the canvas' height.
fn part(of: u32, picture: &Picture) -> f32 {
    of as f32 / picture.height() as f32
}

#[test]
fn the_pin_prompt_is_legible_and_inside_of_the_safe_area() {
    for size in SIZES {
        let picture = draw("pin", &pin(), size);
        let (width, height) = size;
        // below the bar at the top: nothing in the outer 4 %
        let top = height / 25;
        let below = PixelRect { x: 0, y: top, width, height: height - top };
        let (left, upper, right, lower) = ink(&picture, below).expect("words");
        assert!(left > width / 40 && right < width - width / 40, "{left}..{right} of {width}");
        assert!(upper > height / 25 && lower < height - height / 25, "{upper}..{lower} of {height}");
        // the Norwegian line is the largest: letters of at least 1/14 of the height, in the middle third
        let middle = PixelRect { x: 0, y: height / 4, width, height: height / 5 };
        let (.., right, _) = ink(&picture, middle).expect("the first line");
        let (left, ..) = ink(&picture, middle).expect("the first line");
        assert!((right - left) * 2 > width, "the first line is {} of {width} wide", right - left);
        assert!(left.abs_diff(width - right) <= width / 60, "centred: {left}, {right} of {width}");
    }
}

/// Runs of bright pixels on one line: where they begin and how long they are.
fn runs(picture: &Picture, y: u32, threshold: u8) -> Vec<(u32, u32)> {
    let width = picture.width();
    let line = &picture.y()[(y * width) as usize..((y + 1) * width) as usize];
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (x, &sample) in line.iter().enumerate() {
        if sample > threshold {
            match runs.last_mut() {
                Some((begin, len)) if *begin + *len == x as u32 => *len += 1,
                _ => runs.push((x as u32, 1)),
            }
        }
    }
    runs
}

#[test]
fn every_digit_is_one_round_dot() {
    for size in SIZES {
        for dots in [0, 1, 4, 8, 12, 20] {
            let content =
                Slate { dots: Some(dots), lines: vec!["Tast PIN-koden".into()], footer: vec![], ..pin() };
            let picture = draw(&format!("dots{dots}"), &content, size);
            // the line with the most bright runs of a dot's width is the row of dots
            let diameter = (picture.height() as f32 * 0.05) as u32;
            let wide = |y: u32| {
                runs(&picture, y, 200).into_iter().filter(|run| run.1 >= diameter - 1).collect::<Vec<_>>()
            };
            let mut rows: Vec<u32> = (picture.height() / 2..picture.height()).collect();
            rows.retain(|&y| {
                let found = wide(y);
                found.len() == usize::from(dots) && found.iter().all(|run| run.1 <= diameter + 1)
            });
            assert!(!rows.is_empty(), "{dots} dots at {size:?}");
            if dots > 0 {
                // round: as high as wide
                let y = rows[rows.len() / 2];
                let (x, len) = wide(y)[0];
                let column: Vec<u32> = (0..picture.height())
                    .filter(|&row| picture.y()[(row * picture.width() + x + len / 2) as usize] > 200)
                    .filter(|&row| row.abs_diff(y) <= diameter)
                    .collect();
                assert!(column.len().abs_diff(len as usize) <= 1, "{len} wide, {} high", column.len());
            }
        }
    }
}

#[test]
fn warnings_look_different_and_long_words_are_not_cut_off() {
    for size in SIZES {
        let warning = Slate {
            heading: "Legekontoret Bodø – konsultasjonsrom 12".into(),
            lines: vec![
                "PIN-koden stemmer ikke. Siste forsøk.".into(),
                "That PIN is not right. Last try.".into(),
            ],
            warning: true,
            ..pin()
        };
        let picture = draw("warning", &warning, size);
        let amber = |picture: &Picture| picture.u().iter().filter(|&&u| u < 80).count();
        assert!(amber(&picture) > 500, "{}", amber(&picture));
        assert_eq!(amber(&draw("pin", &pin(), size)), 0);

        let long = Slate {
            heading: "Regional samhandlingsplattform for helsetjenesten i Nord-Norge, møterom på Kongsvinger".into(),
            lines: vec![
                "Dette rommet krever kryptering, og forbindelsen fra dette utstyret er ikke kryptert. Be om hjelp."
                    .into(),
                "This room requires encryption, and the connection from this equipment is not encrypted. Ask for help."
                    .into(),
            ],
            dots: Some(4),
            footer: vec![
                "Trykk * for å slette siste siffer og # når du er ferdig, eller legg på og ring på nytt senere".into(),
                "Press * to delete the last digit and # when done, or hang up and call again later today".into(),
            ],
            warning: true,
        };
        let picture = draw("long", &long, size);
        let (width, height) = size;
        let below = PixelRect { x: 0, y: height / 25, width, height: height - height / 25 };
        let (left, _, right, lower) = ink(&picture, below).expect("words");
        assert!(left >= width / 50 && right <= width - width / 50, "{left}..{right} of {width}");
        assert!(lower < height - height / 25, "{lower} of {height}");

        // one word that can neither be broken nor shrunk enough, and nothing at all
        let endless =
            Slate { heading: "å".repeat(400), lines: vec!["Ø".repeat(5000), String::new()], ..pin() };
        let picture = draw("endless", &endless, size);
        let (left, _, right, _) = ink(&picture, below).expect("words");
        assert!(left >= width / 50 && right <= width - width / 50, "{left}..{right} of {width}");
        draw("empty", &Slate::default(), size);
    }
}

fn track(leg: u64) -> TrackId {
    TrackId::video(LegId(leg))
}

fn tile(slot: u8, area: Area, name: &str, shown: bool) -> Tile {
    Tile {
        slot,
        area,
        participant: ParticipantId(u64::from(slot)),
        face: Face::Endpoint,
        source: shown.then(|| track(u64::from(slot))),
        name: name.into(),
        show_name: true,
    }
}

/// Vertical bars of a colour with a white disc in the middle.
fn camera(width: u32, height: u32, colour: Yuv) -> Arc<Picture> {
    let mut picture = Picture::black(width, height);
    picture.fill(picture.bounds(), colour);
    for x in (0..width).step_by(64) {
        let darker = Yuv { y: colour.y - 20, ..colour };
        picture.fill(PixelRect { x, y: 0, width: 32, height }, darker);
    }
    let disc = Mask::circle(height.min(width) / 2, 0.0);
    blend(
        &mut picture,
        ((width - disc.width) / 2) as i32,
        ((height - disc.height) / 2) as i32,
        &disc,
        Yuv::WHITE,
    );
    Arc::new(picture)
}

fn quarters() -> [Area; 4] {
    [(0, 0), (5000, 0), (0, 5000), (5000, 5000)].map(|(x, y)| Area { x, y, width: 5000, height: 5000 })
}

/// Wide, 4:3, upright, and no camera.
fn grid() -> (Scene, HashMap<TrackId, Arc<Picture>>) {
    let [a, b, c, d] = quarters();
    let scene = Scene {
        layout: Layout::Grid,
        tiles: vec![
            tile(0, a, "Møterom Ålesund", true),
            tile(1, b, "Kari Nordmann", true),
            tile(2, c, "Per Østby med et svært langt navn som ikke får plass på flisen", true),
            tile(3, d, "Åse Ødegård", false),
        ],
    };
    let pictures = HashMap::from([
        (track(0), camera(1280, 720, Yuv::from_rgb(40, 90, 150))),
        (track(1), camera(640, 480, Yuv::from_rgb(40, 130, 80))),
        (track(2), camera(360, 640, Yuv::from_rgb(130, 60, 60))),
    ]);
    (scene, pictures)
}

fn luma(picture: &Picture, x: u32, y: u32) -> u8 {
    picture.y()[(y * picture.width() + x) as usize]
}

#[test]
fn tiles_are_where_they_belong_and_nothing_is_stretched() {
    for size in SIZES {
        let (scene, pictures) = grid();
        let picture = render(&scene, &pictures, size);
        keep("grid", &picture);
        let (width, height) = size;
        let (half_w, half_h) = (width / 2, height / 2);
        // the discs: centred in the first three tiles, as high as wide
        for (name, left, top) in [("wide", 0, 0), ("4:3", half_w, 0), ("upright", 0, half_h)] {
            let (mid_x, mid_y) = (left + half_w / 2, top + half_h / 2);
            let across = (left..left + half_w).filter(|&x| luma(&picture, x, mid_y) > 200).count();
            // the strip with the name may cover the lower part of the column: measure the upper half
            let up = (top..mid_y).filter(|&y| luma(&picture, mid_x, y) > 200).count();
            assert!(
                across > 40 && across.abs_diff(up * 2) <= 3,
                "{name} at {size:?}: {across} across, {up} half high"
            );
            let right = (mid_x..left + half_w).filter(|&x| luma(&picture, x, mid_y) > 200).count();
            assert!(right.abs_diff(across - right) <= 2, "{name}: not centred");
        }
        // the wide one fills its tile, the others stand between black bars
        let y = half_h / 4;
        assert!(luma(&picture, 1, y) > 40 && luma(&picture, half_w - 2, y) > 40);
        assert_eq!((luma(&picture, half_w + 1, y), luma(&picture, width - 2, y)), (16, 16));
        assert!(luma(&picture, half_w + half_w / 2, y) > 40);
        let y = half_h + half_h / 4;
        assert_eq!((luma(&picture, 1, y), luma(&picture, half_w - 2, y)), (16, 16));
        // no camera: the card with a disc and white letters
        let card: Vec<u8> = (half_h..height)
            .flat_map(|y| (half_w..width).map(move |x| (x, y)))
            .map(|(x, y)| luma(&picture, x, y))
            .collect();
        let share = |wanted: &dyn Fn(u8) -> bool| {
            card.iter().filter(|&&y| wanted(y)).count() as f32 / card.len() as f32
        };
        assert!(share(&|y| y == CARD.y) > 0.7);
        assert!((0.01..0.1).contains(&share(&|y| y > 200)), "{}", share(&|y| y > 200));
    }
}

#[test]
fn names_are_on_strips_in_the_lower_left() {
    for size in SIZES {
        let (mut scene, pictures) = grid();
        let with = render(&scene, &pictures, size);
        for tile in &mut scene.tiles {
            tile.show_name = false;
        }
        let without = render(&scene, &pictures, size);
        let (half_w, half_h) = (size.0 / 2, size.1 / 2);
        let changed = |left: u32, top: u32| {
            let mut points = Vec::new();
            for y in top..top + half_h {
                for x in left..left + half_w {
                    if luma(&with, x, y) != luma(&without, x, y) {
                        points.push((x - left, y - top));
                    }
                }
            }
            points
        };
        for (left, top, long) in [(0, 0, false), (half_w, 0, false), (0, half_h, true)] {
            let points = changed(left, top);
            let (right, upper) = (
                points.iter().map(|p| p.0).max().expect("a strip"),
                points.iter().map(|p| p.1).min().expect("a strip"),
            );
            let (first, lower) = (
                points.iter().map(|p| p.0).min().expect("a strip"),
                points.iter().map(|p| p.1).max().expect("a strip"),
            );
            assert!(first < half_w / 3 && upper > half_h * 3 / 4, "{left},{top}: {first} {upper}");
            assert!(lower < half_h - 2 && right < half_w - 2, "{left},{top}: over the tile's edge");
            assert_eq!(right > half_w * 3 / 4, long, "{left},{top}: {right} of {half_w}");
            assert!(part(lower - upper, &with) > 0.03, "{left},{top}: too small to read");
        }
        // a name without a picture does not depend on it
        assert!(changed(half_w, half_h).is_empty());
    }
}

#[test]
fn one_source_alone_fills_the_canvas() {
    for size in SIZES {
        let source = camera(1280, 720, Yuv::from_rgb(40, 90, 150));
        let mut scene = Scene { layout: Layout::Solo, tiles: vec![tile(0, Area::WHOLE, "Kari", true)] };
        scene.tiles[0].show_name = false;
        let pictures = HashMap::from([(track(0), Arc::clone(&source))]);
        let picture = render(&scene, &pictures, size);
        if size == (1280, 720) {
            assert_eq!(picture, *source);
        }
        for (x, y) in [(0, 0), (size.0 - 1, 0), (0, size.1 - 1), (size.0 - 1, size.1 - 1)] {
            assert!(luma(&picture, x, y) > 40, "corner {x},{y}");
        }
        // until its first picture has come: the name
        let waiting = render(&scene, &HashMap::new(), size);
        assert_eq!(luma(&waiting, 2, 2), CARD.y);
        scene.tiles[0].show_name = true;
        keep("solo", &render(&scene, &pictures, size));
        keep("solo-waiting", &waiting);
    }
}

#[test]
fn areas_become_even_rectangles_that_share_edges() {
    for (width, height) in [(640, 360), (1280, 720), (352, 288), (426, 240), (1920, 1080)] {
        let canvas = Picture::black(width, height);
        for parts in 1..=5u16 {
            let share = 10_000 / parts;
            let mut next = 0;
            for column in 0..parts {
                let right = if column + 1 == parts { 10_000 } else { share * (column + 1) };
                let area = Area { x: share * column, y: 0, width: right - share * column, height: 10_000 };
                let rect = pixels(area, &canvas);
                assert_eq!(
                    (rect.x, rect.y, rect.height),
                    (next, 0, height),
                    "{column} of {parts} at {width}"
                );
                assert!(rect.width.is_multiple_of(2) && rect.width > 0);
                next = rect.x + rect.width;
            }
            assert_eq!(next, width);
        }
        let over = pixels(Area { x: 9_000, y: 9_000, width: u16::MAX, height: u16::MAX }, &canvas);
        assert_eq!((over.x + over.width, over.y + over.height), (width, height));
    }
}

#[test]
fn the_same_scene_gives_the_same_picture_from_warm_memory() {
    let (scene, pictures) = grid();
    let mut renderer = Renderer::new();
    let mut canvas = Picture::black(640, 360);
    renderer.render(&scene, &pictures, &mut canvas);
    let first = canvas.clone();
    // more names and slates than are kept
    for index in 0..250 {
        let mut other = scene.clone();
        other.tiles[0].name = format!("Nummer {index}").into();
        renderer.render(&other, &pictures, &mut canvas);
        if index < 20 {
            renderer.render(&slate(&Slate { heading: format!("{index}"), ..pin() }), &pictures, &mut canvas);
        }
    }
    assert!(renderer.labels.len() <= MAX_LABELS);
    renderer.render(&scene, &pictures, &mut canvas);
    assert_eq!(canvas, first);
}

#[test]
fn initials_are_of_the_first_and_the_last_word() {
    for (name, letters) in [
        ("Åse Ødegård", "ÅØ"),
        ("kari", "K"),
        ("Per Anders Berg", "PB"),
        ("", ""),
        ("(gjest) 12", "G1"),
        ("ßeta", "SS"),
    ] {
        assert_eq!(initials(name), letters, "{name}");
    }
}
