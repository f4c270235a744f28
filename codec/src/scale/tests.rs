use super::*;

/// Luma rises from left to right, Cb likewise, Cr from top to bottom: a place can be read from its colour.
fn gradient(width: u32, height: u32) -> Picture {
    let mut picture = Picture::black(width, height);
    let (w, h) = (width as usize, height as usize);
    let ramp = |at: usize, of: usize| (20.0 + 200.0 * (at as f64 + 0.5) / of as f64).round() as u8;
    let (y, u, v) = picture.planes_mut();
    for (at, sample) in y.iter_mut().enumerate() {
        *sample = ramp(at % w, w);
    }
    for (at, sample) in u.iter_mut().enumerate() {
        *sample = ramp(at % (w / 2), w / 2);
    }
    for (at, sample) in v.iter_mut().enumerate() {
        *sample = ramp(at / (w / 2), h / 2);
    }
    picture
}

const MARK: Yuv = Yuv { y: 3, u: 4, v: 5 };

fn canvas(width: u32, height: u32) -> Picture {
    let mut picture = Picture::black(width, height);
    picture.fill(picture.bounds(), MARK);
    picture
}

/// Every size and ratio, odd halves included, gives the same gradient: nothing shifts, nothing is stretched.
#[test]
fn gradients_stay_gradients_at_every_ratio() {
    let mut scaler = Scaler::new();
    for (from, to) in [
        ((1280, 720), (1280, 720)),
        ((1280, 720), (640, 360)),
        ((1280, 720), (320, 180)),
        ((1280, 720), (426, 240)),
        ((1280, 720), (960, 540)),
        ((1280, 720), (160, 90)),
        ((640, 360), (1280, 720)),
        ((426, 240), (640, 360)),
        ((854, 480), (426, 240)),
        ((1918, 1078), (478, 268)),
        ((352, 288), (176, 144)),
        ((2, 2), (64, 64)),
    ] {
        let source = gradient(from.0, from.1);
        let mut target = canvas(to.0, to.1);
        let area = target.bounds();
        scaler.scale_into(&source, &mut target, area, Fit::Cover);
        let want = gradient(to.0, to.1);
        if from == (2, 2) {
            assert!(target.y().iter().all(|&sample| (70..=170).contains(&sample)));
            continue;
        }
        // the outermost pixels of an enlarged picture have no neighbour to blend with
        let edge = (to.0 as usize).div_ceil(from.0 as usize).max(1);
        for (plane, got, want, width) in [
            ("y", target.y(), want.y(), to.0 as usize),
            ("u", target.u(), want.u(), to.0 as usize / 2),
            ("v", target.v(), want.v(), to.0 as usize / 2),
        ] {
            for (at, (&got, &want)) in got.iter().zip(want).enumerate() {
                let (column, row) = (at % width, at / width);
                let inner = (edge..width - edge).contains(&column);
                let slack = if inner { 2 } else { 4 };
                assert!(
                    got.abs_diff(want) <= slack,
                    "{from:?} -> {to:?}, {plane} at {column},{row}: {got} for {want}"
                );
            }
        }
    }
}

#[test]
fn what_is_shown_whole_keeps_its_shape_between_black_bars() {
    let mut scaler = Scaler::new();
    // upright into wide: bars left and right
    let source = gradient(360, 640);
    let mut target = canvas(1280, 720);
    let area = PixelRect { x: 640, y: 0, width: 640, height: 360 };
    scaler.scale_into(&source, &mut target, area, Fit::Contain);
    let inner = contained(&source, area);
    assert_eq!(inner, PixelRect { x: 640 + 218, y: 0, width: 202, height: 360 });
    let luma = |x: u32, y: u32| target.y()[(y * 1280 + x) as usize];
    assert_eq!(
        (luma(640, 0), luma(inner.x - 1, 100), luma(inner.x + inner.width, 100), luma(1279, 359)),
        (16, 16, 16, 16)
    );
    assert!(luma(inner.x, 5) < 25 && luma(inner.x + inner.width - 1, 5) > 215);
    // outside of the area nothing changes
    assert_eq!((luma(639, 0), luma(640, 360), luma(1279, 719)), (MARK.y, MARK.y, MARK.y));

    // 4:3 into 16:9, and wide into upright
    assert_eq!(contained(&gradient(640, 480), Picture::black(1280, 720).bounds()).width, 960);
    let tall = contained(&gradient(1280, 720), Picture::black(720, 1280).bounds());
    assert_eq!(tall, PixelRect { x: 0, y: 436, width: 720, height: 406 });
}

#[test]
fn what_is_cut_keeps_its_middle() {
    // 4:3 fills 16:9: the whole width, the middle three quarters of the height
    let source = gradient(640, 480);
    let mut target = canvas(320, 180);
    let area = target.bounds();
    scale_into(&source, &mut target, area, Fit::Cover);
    let (left, right) = (target.y()[90 * 320], target.y()[90 * 320 + 319]);
    assert!(left < 24 && right > 216, "{left} {right}");
    let (top, bottom) = (target.v()[80], target.v()[89 * 160 + 80]);
    // 20 + 200 * 1/8 and 20 + 200 * 7/8
    assert!(top.abs_diff(45) <= 3 && bottom.abs_diff(195) <= 3, "{top} {bottom}");
}

#[test]
fn a_circle_stays_a_circle() {
    let mut source = Picture::black(640, 480);
    let disc = crate::text::Mask::circle(300, 0.0);
    crate::text::blend(&mut source, 170, 90, &disc, Yuv::WHITE);
    for fit in [Fit::Contain, Fit::Cover] {
        let mut target = Picture::black(640, 360);
        let area = target.bounds();
        scale_into(&source, &mut target, area, fit);
        let bright: Vec<(usize, usize)> =
            (0..640 * 360).filter(|&at| target.y()[at] > 125).map(|at| (at % 640, at / 640)).collect();
        let across = bright.iter().map(|at| at.0).max().expect("seen")
            - bright.iter().map(|at| at.0).min().expect("seen");
        let down = bright.iter().map(|at| at.1).max().expect("seen")
            - bright.iter().map(|at| at.1).min().expect("seen");
        assert!(across.abs_diff(down) <= 1, "{fit:?}: {across} across, {down} down");
    }
}

#[test]
fn a_flat_picture_stays_flat() {
    let mut source = Picture::black(854, 480);
    source.fill(source.bounds(), Yuv { y: 77, u: 99, v: 201 });
    for (width, height) in [(1280, 720), (640, 360), (426, 240), (212, 120), (100, 56)] {
        let mut target = canvas(width, height);
        let area = target.bounds();
        scale_into(&source, &mut target, area, Fit::Cover);
        assert!(target.y().iter().all(|&sample| sample == 77), "{width}x{height}");
        assert!(
            target.u().iter().all(|&sample| sample == 99) && target.v().iter().all(|&sample| sample == 201)
        );
    }
}

#[test]
fn areas_at_and_over_the_edge() {
    let source = gradient(64, 64);
    let mut target = canvas(100, 100);
    for area in [
        PixelRect { x: 90, y: 90, width: 50, height: 50 },
        PixelRect { x: 200, y: 0, width: 10, height: 10 },
        PixelRect { x: 0, y: 0, width: 0, height: 10 },
        PixelRect { x: 99, y: 99, width: 1, height: 1 },
        PixelRect { x: 0, y: 0, width: 100, height: 2 },
        PixelRect { x: 0, y: 0, width: u32::MAX, height: u32::MAX },
    ] {
        for fit in [Fit::Contain, Fit::Cover] {
            scale_into(&source, &mut target, area, fit);
        }
    }
    assert_ne!(target.y()[0], MARK.y);
}

proptest::proptest! {
    #[test]
    fn any_sizes_are_safe(
        source in (1u32..200, 1u32..200),
        target in (1u32..200, 1u32..200),
        area in (0u32..220, 0u32..220, 0u32..220, 0u32..220),
        cover in proptest::bool::ANY,
    ) {
        let source = gradient((source.0 + 1) & !1, (source.1 + 1) & !1);
        let mut target = canvas((target.0 + 1) & !1, (target.1 + 1) & !1);
        let area = PixelRect { x: area.0, y: area.1, width: area.2, height: area.3 };
        scale_into(&source, &mut target, area, if cover { Fit::Cover } else { Fit::Contain });
        // what lies outside is untouched
        let inside = area.even_within(target.width(), target.height());
        for (at, &sample) in target.y().iter().enumerate() {
            let (x, y) = (at as u32 % target.width(), at as u32 / target.width());
            let within = x >= inside.x && x < inside.x + inside.width && y >= inside.y && y < inside.y + inside.height;
            proptest::prop_assert!(within != (sample == MARK.y), "{x},{y} of {target:?} with {inside:?}");
        }
    }
}
