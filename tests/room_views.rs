//! What each one in a room sees and hears.

mod rooms;

use proptest::prelude::*;
use roomgate::{
    admission::Role::{self, Guest, Host},
    ids::TrackId,
    room::{
        AdmitPolicy, RoomCommand,
        scene::{Area, Layout},
    },
    signalling::Face,
};
use rooms::{House, config};

fn meeting(endpoints: u64) -> House {
    let mut house = House::new(config());
    for id in 1..=endpoints {
        house.endpoint(0, id, Host);
    }
    house
}

#[test]
fn the_first_one_in_reads_that_and_not_black() {
    let house = meeting(1);
    assert_eq!(house.slate(1), "Du er den første her");
    let Layout::Slate(slate) = &house.scene(1).layout else { panic!("a slate") };
    assert_eq!(slate.heading, "Morgenmøte");
    assert!(house.hears(1).is_empty());
}

#[test]
fn the_one_who_stays_reads_who_has_left() {
    let mut house = meeting(2);
    house.leave(1, 2);
    assert_eq!(house.slate(1), "P2 har gått. Du er alene her nå.");
}

#[test]
fn one_other_fills_the_picture_without_words_on_it() {
    let house = meeting(2);
    let scene = house.scene(1);
    assert_eq!(scene.layout, Layout::Solo);
    let [tile] = &scene.tiles[..] else { panic!("one tile") };
    assert_eq!((tile.area, tile.show_name), (Area::WHOLE, false));
    assert_eq!(tile.source, Some(TrackId::video(House::leg(2))));
}

#[test]
fn one_other_without_a_camera_is_a_name() {
    let mut house = meeting(2);
    house.source(1, 2, false);
    let scene = house.scene(1);
    assert_eq!(scene.layout, Layout::Grid);
    let [tile] = &scene.tiles[..] else { panic!("one tile") };
    assert_eq!((tile.area, tile.show_name, tile.source), (Area::WHOLE, true, None));
    assert_eq!(&*tile.name, "P2");
    house.source(2, 2, true);
    assert_eq!(house.scene(1).layout, Layout::Solo);
}

#[test]
fn several_share_the_picture_with_names_and_nobody_sees_or_hears_himself() {
    let house = meeting(4);
    for id in 1..=4 {
        let others: Vec<_> = (1..=4).filter(|other| *other != id).collect();
        assert_eq!(house.scene(id).layout, Layout::Grid);
        assert_eq!((house.sees(id), house.hears(id)), (others.clone(), others));
        assert!(house.scene(id).tiles.iter().all(|tile| tile.show_name && tile.area.width == 5_000));
    }
}

#[test]
fn people_do_not_jump_when_one_leaves_or_comes() {
    let mut house = meeting(5);
    let places = |house: &House| -> Vec<_> {
        house.scene(1).tiles.iter().map(|tile| (tile.participant.0, tile.slot, tile.area)).collect()
    };
    let before = places(&house);
    assert_eq!(before.iter().map(|p| (p.0, p.1)).collect::<Vec<_>>(), [(2, 0), (3, 1), (4, 2), (5, 3)]);
    house.leave(1, 3);
    let kept: Vec<_> = before.iter().copied().filter(|place| place.0 != 3).collect();
    assert_eq!(places(&house), kept);
    house.endpoint(2, 6, Guest);
    assert_eq!(places(&house)[1], (6, before[1].1, before[1].2), "takes the free place");
}

#[test]
fn fewer_people_are_larger() {
    let mut house = meeting(6);
    assert_eq!(house.scene(1).tiles[0].area.width, 3_333);
    house.leave(1, 2);
    assert_eq!(house.scene(1).tiles[0].area.width, 5_000);
    let slots: Vec<_> = house.scene(1).tiles.iter().map(|tile| (tile.participant.0, tile.slot)).collect();
    assert_eq!(slots, [(6, 0), (3, 1), (4, 2), (5, 3)], "only the one without a place moved");
}

#[test]
fn a_page_gets_everybody_in_a_slot_that_stays() {
    let mut house = House::new(config());
    house.browser(0, 1, Host);
    assert_eq!((house.scene(1).layout.clone(), house.sees(1)), (Layout::Grid, vec![]));
    for id in 2..=12 {
        house.endpoint(0, id, Guest);
    }
    assert_eq!(house.sees(1), (2..=10).collect::<Vec<_>>(), "a page has nine video lines");
    assert!(house.scene(1).tiles.iter().all(|tile| !tile.show_name));
    assert_eq!(house.hears(1).len(), 11, "but hears all");
    house.leave(1, 4);
    let slots: Vec<_> = house.scene(1).tiles.iter().map(|tile| (tile.participant.0, tile.slot)).collect();
    assert_eq!(slots, [(2, 0), (3, 1), (11, 2), (5, 3), (6, 4), (7, 5), (8, 6), (9, 7), (10, 8)]);
    for id in [2, 3, 11] {
        house.leave(2, id);
    }
    let slot = house.scene(1).tiles.iter().find(|tile| tile.participant.0 == 10).map(|tile| tile.slot);
    assert_eq!(slot, Some(8));
}

#[test]
fn a_view_that_stays_the_same_is_not_told_again() {
    let mut house = meeting(3);
    let told = house.told_views.clone();
    let mute = RoomCommand::SourceChanged { participant: House::id(3), video: true, muted: true };
    house.apply(1, mute).expect("is here");
    assert!(house.room.roster().seated[2].muted);
    house.pass_until(10_000);
    assert_eq!(house.told_views, told);
}

#[test]
fn names_are_one_line_of_bounded_length() {
    let mut house = meeting(1);
    let RoomCommand::Join { participant, leg, role, face, language, video, .. } =
        House::join(2, Guest, Face::Endpoint)
    else {
        unreachable!()
    };
    let name = format!("  Kari\r\n\u{7}Nordmann {}", "x".repeat(500)).into();
    let join = RoomCommand::Join { participant, leg, role, name, face, language, video };
    house.apply(1, join).expect("comes in");
    let name = &house.room.roster().seated[1].name;
    assert!(name.starts_with("KariNordmann x") && name.chars().count() <= 64, "{name}");
}

#[derive(Clone, Debug)]
enum Step {
    Join(u64, Role, Face),
    Leave(u64),
    Source(u64, bool),
    Admit(u64),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 1..24_u64;
    let role = prop_oneof![1 => Just(Host), 2 => Just(Guest)];
    let face = prop_oneof![Just(Face::Endpoint), Just(Face::Browser)];
    prop_oneof![
        6 => (id(), role, face).prop_map(|(id, role, face)| Step::Join(id, role, face)),
        3 => id().prop_map(Step::Leave),
        1 => (id(), any::<bool>()).prop_map(|(id, video)| Step::Source(id, video)),
        1 => id().prop_map(Step::Admit),
        1 => (1..400_u64).prop_map(Step::Pass),
    ]
}

fn check(house: &House) {
    let (seated, waiting) = house.roster();
    let mut all: Vec<_> = seated.iter().chain(&waiting).copied().collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "nobody is here twice");
    assert!(seated.len() <= house.room.config().capacity);
    assert_eq!(house.room.is_empty(), count == 0);

    for id in waiting {
        assert!(house.sees(id).is_empty() && house.hears(id).is_empty());
        assert!(matches!(house.scene(id).layout, Layout::Slate(_)));
    }
    for &id in &seated {
        let others: Vec<_> = seated.iter().copied().filter(|other| *other != id).collect();
        assert_eq!(house.hears(id), others);
        let tiles = &house.scene(id).tiles;
        for (index, tile) in tiles.iter().enumerate() {
            assert!(others.contains(&tile.participant.0), "sees others who are in the room, never himself");
            let a = tile.area;
            assert!(a.x + a.width <= 10_000 && a.y + a.height <= 10_000 && a.width > 0 && a.height > 0);
            for earlier in &tiles[..index] {
                let b = earlier.area;
                let apart = b.x + b.width <= a.x || a.x + a.width <= b.x;
                assert!(apart || b.y + b.height <= a.y || a.y + a.height <= b.y, "{a:?} {b:?}");
                assert!(earlier.slot != tile.slot && earlier.participant != tile.participant);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_commands_leaves_the_room_consistent(
        steps in prop::collection::vec(step(), 1..80),
        clinic in any::<bool>(),
        guests_wait in any::<bool>(),
    ) {
        let mut config = config();
        config.guests_wait = guests_wait;
        config.capacity = 18;
        if clinic {
            (config.admit, config.lock_at, config.capacity) = (AdmitPolicy::OneByHost, Some(2), 5);
        }
        let mut house = House::new(config);
        let mut now = 0;
        for step in steps {
            // A command that cannot be done says so and changes nothing: the checks below hold either way.
            let _refused = match step {
                Step::Join(id, role, face) => house.apply(now, House::join(id, role, face)),
                Step::Leave(id) => house.apply(now, RoomCommand::Leave { participant: House::id(id) }),
                Step::Source(id, video) => {
                    let change = RoomCommand::SourceChanged { participant: House::id(id), video, muted: !video };
                    house.apply(now, change)
                }
                Step::Admit(id) => house.apply(now, RoomCommand::AdmitNext { by: House::id(id) }),
                Step::Pass(s) => {
                    now += s;
                    house.pass_until(now);
                    Ok(())
                }
            };
            check(&house);
        }
    }
}
