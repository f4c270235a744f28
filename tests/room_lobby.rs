//! Who waits, who comes in, and how a room ends, in virtual time.

mod rooms;

use roomgate::{
    admission::Role::{Guest, Host},
    call::release::Release,
    room::{AdmitPolicy, RoomCommand, RoomError},
};
use rooms::{House, config};

fn clinic() -> House {
    let mut config = config();
    config.admit = AdmitPolicy::OneByHost;
    config.lock_at = Some(2);
    config.capacity = 5;
    House::new(config)
}

fn meeting() -> House {
    House::new(config())
}

#[test]
fn a_guest_waits_for_the_host_and_comes_in_with_the_host() {
    let mut house = meeting();
    house.endpoint(0, 1, Guest);
    assert_eq!(house.told(), ["1 waits for a host"]);
    assert_eq!(house.slate(1), "Venter på verten");
    house.endpoint(30, 2, Host);
    assert_eq!(
        house.told(),
        ["2 seated as host", "told 2: Joined { name: \"P1\" }", "1 seated as guest, let in"]
    );
    assert!(house.sees(1) == [2] && house.sees(2) == [1]);
}

#[test]
fn all_who_wait_for_a_meeting_come_in_together() {
    let mut house = meeting();
    for id in 1..=3 {
        house.endpoint(0, id, Guest);
    }
    house.told();
    house.endpoint(30, 4, Host);
    assert_eq!(house.roster(), ([4, 1, 2, 3].to_vec(), vec![]));
    house.endpoint(40, 5, Guest);
    assert_eq!(house.roster().0, [4, 1, 2, 3, 5], "late ones walk in");
}

#[test]
fn only_one_who_waits_alone_comes_in_with_the_doctor() {
    let mut house = clinic();
    house.endpoint(0, 1, Guest);
    house.endpoint(10, 2, Host);
    assert_eq!(house.roster(), (vec![2, 1], vec![]));

    let mut house = clinic();
    house.endpoint(0, 1, Guest);
    house.endpoint(0, 2, Guest);
    house.endpoint(10, 3, Host);
    assert_eq!(house.roster(), (vec![3], vec![1, 2]));
    assert_eq!(house.slate(1), "Verten slipper deg snart inn");
    house.apply(20, RoomCommand::AdmitNext { by: House::id(3) }).expect("a host may");
    assert_eq!(house.roster(), (vec![3, 1], vec![2]));
}

#[test]
fn the_next_patient_never_meets_the_one_before() {
    let mut house = clinic();
    house.endpoint(0, 1, Host);
    house.endpoint(1, 2, Guest);
    assert_eq!(house.roster(), (vec![1, 2], vec![]), "the first patient is expected");
    house.told();
    house.endpoint(2, 3, Guest);
    assert_eq!(house.told(), ["3 waits, a host knows", "told 1: Knock { name: \"P3\" }"]);
    house.leave(3, 2);
    house.endpoint(4, 4, Guest);
    assert_eq!(house.roster(), (vec![1], vec![3, 4]), "locked still");
    let unknown = RoomCommand::Admit { by: House::id(1), participant: House::id(9) };
    assert_eq!(house.apply(5, unknown), Err(RoomError::NotHere));
    let admit = RoomCommand::Admit { by: House::id(1), participant: House::id(4) };
    house.apply(5, admit).expect("the host chooses");
    assert_eq!(house.roster(), (vec![1, 4], vec![3]));
}

#[test]
fn the_host_walks_through_a_lock_and_an_empty_room_is_unlocked() {
    let mut house = clinic();
    house.endpoint(0, 1, Host);
    house.endpoint(0, 2, Guest);
    assert!(house.room.is_locked());
    house.endpoint(1, 3, Host);
    assert_eq!(house.roster().0, [1, 2, 3]);
    for id in [1, 2, 3] {
        house.leave(2, id);
    }
    assert!(!house.room.is_locked());
    assert_eq!(house.told().last().map(String::as_str), Some("empty"));
}

#[test]
fn those_who_wait_neither_see_nor_hear_anybody() {
    let mut house = clinic();
    for id in [1, 2] {
        house.endpoint(0, id, Guest);
    }
    house.browser(0, 3, Guest);
    house.endpoint(1, 4, Host);
    for id in [1, 2, 3] {
        assert!(house.sees(id).is_empty() && house.hears(id).is_empty());
    }
    assert!(house.sees(4).is_empty() && house.hears(4).is_empty());
}

#[test]
fn guests_may_not_admit() {
    let mut house = clinic();
    house.endpoint(0, 1, Host);
    house.endpoint(0, 2, Guest);
    house.endpoint(0, 3, Guest);
    assert_eq!(house.apply(1, RoomCommand::AdmitNext { by: House::id(2) }), Err(RoomError::NotHost));
    assert_eq!(house.apply(1, RoomCommand::AdmitNext { by: House::id(3) }), Err(RoomError::NotHere));
    house.leave(2, 3);
    assert_eq!(house.apply(3, RoomCommand::AdmitNext { by: House::id(1) }), Err(RoomError::NobodyWaits));
}

#[test]
fn fifteen_minutes_without_a_host_are_enough() {
    let mut house = meeting();
    house.endpoint(0, 1, Guest);
    house.endpoint(60, 2, Guest);
    house.told();
    house.pass_until(899);
    assert!(house.told().is_empty());
    house.pass_until(900);
    assert_eq!(house.told(), ["1 removed: NoHost"]);
    house.pass_until(960);
    assert_eq!(house.told(), ["2 removed: NoHost", "empty"]);
    assert_eq!(house.next, None);
}

#[test]
fn the_clock_of_those_who_wait_goes_on() {
    let mut house = meeting();
    house.endpoint(0, 1, Guest);
    assert!(house.footer(1).is_empty());
    house.pass_until(59);
    assert!(house.footer(1).is_empty());
    house.pass_until(180);
    assert_eq!(house.footer(1), ["Har ventet i 3 min", "Waiting for 3 min"]);
}

#[test]
fn the_last_host_leaving_starts_a_countdown() {
    let mut house = meeting();
    house.endpoint(0, 1, Host);
    house.endpoint(0, 2, Guest);
    house.endpoint(0, 3, Guest);
    house.told();
    house.leave(100, 1);
    assert_eq!(house.told(), ["told 2 3: Left { name: \"P1\" }", "told 2 3: HostLeft { seconds: 60 }"]);
    assert_eq!(house.slate(2), "Verten har gått. Rommet stenges om 60 s.");
    assert_eq!(house.hears(2), [3]);
    house.pass_until(105);
    assert_eq!(house.sees(2), [3], "they talk on");
    house.pass_until(150);
    assert_eq!(house.slate(2), "Verten har gått. Rommet stenges om 10 s.");
    house.pass_until(157);
    assert_eq!(house.slate(2), "Verten har gått. Rommet stenges om 3 s.");
    house.told();
    house.pass_until(160);
    assert_eq!(house.told(), ["2 removed: RoomClosed", "3 removed: RoomClosed", "empty"]);
}

#[test]
fn a_guest_alone_sees_the_countdown_all_the_time() {
    let mut house = meeting();
    house.endpoint(0, 1, Host);
    house.endpoint(0, 2, Guest);
    house.leave(0, 1);
    for (at, left) in [(1, 60), (10, 50), (19, 50), (45, 20), (55, 5)] {
        house.pass_until(at);
        assert_eq!(house.slate(2), format!("Verten har gått. Rommet stenges om {left} s."), "after {at} s");
    }
}

#[test]
fn a_host_who_comes_back_in_time_ends_the_countdown() {
    let mut house = meeting();
    house.endpoint(0, 1, Host);
    house.endpoint(0, 2, Guest);
    house.leave(10, 1);
    house.told();
    house.endpoint(69, 3, Host);
    assert_eq!(house.told()[0], "told 2: HostBack");
    house.pass_until(1_000);
    assert_eq!(house.sees(2), [3]);
    assert_eq!(house.roster().0, [2, 3]);
}

#[test]
fn one_host_of_two_may_leave() {
    let mut house = meeting();
    for (id, role) in [(1, Host), (2, Host), (3, Guest)] {
        house.endpoint(0, id, role);
    }
    house.leave(10, 1);
    house.pass_until(1_000);
    assert_eq!(house.roster().0, [2, 3]);
}

#[test]
fn who_waits_for_a_lost_host_waits_fifteen_minutes_more() {
    let mut house = clinic();
    house.endpoint(0, 1, Host);
    house.endpoint(0, 2, Guest);
    house.endpoint(0, 3, Guest);
    house.pass_until(2_000);
    house.leave(2_000, 1);
    house.pass_until(2_899);
    assert_eq!(house.roster(), (vec![], vec![3]), "the room has closed for the one inside");
    assert_eq!(house.slate(3), "Venter på verten");
    house.pass_until(2_900);
    assert_eq!(house.told().last().map(String::as_str), Some("empty"));
}

#[test]
fn a_full_room_takes_nobody_and_then_the_one_who_waits() {
    let mut config = config();
    config.capacity = 2;
    let mut house = House::new(config);
    house.endpoint(0, 1, Guest);
    house.endpoint(0, 2, Guest);
    assert_eq!(house.try_endpoint(0, 3, Guest), Err(RoomError::Full));
    house.endpoint(1, 4, Host);
    assert_eq!(house.roster(), (vec![4, 1], vec![2]), "guests who wait leave a place for the host");
    assert_eq!(house.try_endpoint(1, 5, Guest), Err(RoomError::Full));
    assert_eq!(house.try_endpoint(1, 6, Host), Err(RoomError::Full));
    house.leave(2, 1);
    assert_eq!(house.roster(), (vec![4, 2], vec![]));
}

#[test]
fn guests_may_talk_before_the_host_where_the_room_says_so() {
    let mut config = config();
    config.guests_wait = false;
    let mut house = House::new(config);
    house.endpoint(0, 1, Guest);
    house.endpoint(0, 2, Guest);
    assert_eq!(house.roster().0, [1, 2]);
    house.endpoint(0, 3, Host);
    house.leave(1, 3);
    house.pass_until(10_000);
    assert_eq!(house.roster().0, [1, 2], "nor need they one to stay");
}

#[test]
fn nobody_is_here_twice_and_who_is_not_here_cannot_leave() {
    let mut house = meeting();
    house.endpoint(0, 1, Guest);
    assert_eq!(house.try_endpoint(0, 1, Host), Err(RoomError::AlreadyHere));
    let leave = RoomCommand::Leave { participant: House::id(7) };
    assert_eq!(house.apply(0, leave), Err(RoomError::NotHere));
}

#[test]
fn a_gateway_that_stops_puts_everybody_out() {
    let mut house = clinic();
    for (id, role) in [(1, Host), (2, Guest), (3, Guest)] {
        house.endpoint(0, id, role);
    }
    house.told();
    house.apply(1, RoomCommand::Close(Release::ShuttingDown)).expect("always");
    let out = [1, 2, 3].map(|id| format!("{id} removed: ShuttingDown"));
    assert_eq!(house.told(), [&out[..], &["empty".to_owned()]].concat());
}
