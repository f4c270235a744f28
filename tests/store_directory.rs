//! Rooms and endpoints in the store: what is written is read, by this process and by others.

mod common;

use common::{Folder, draft};
use roomgate::store::{
    BindingRecord, CallRecord, PinChoice, RoomChange, RoomType, Secret, Store, StoreError, VideoClass,
    behind::Behind, unix_ms, watch,
};

#[tokio::test]
async fn a_room_is_found_by_address_and_alias_in_either_case() {
    let folder = Folder::new("find");
    let store = folder.store().await;
    let mut wanted = draft("Board", RoomType::Administrative);
    wanted.aliases = vec!["Styrerom".to_owned(), "7001".to_owned()];
    wanted.organisation = Some("Sykehuset".to_owned());
    wanted.chat = true;
    let added = store.add_room(wanted).await.unwrap();
    assert_eq!(added.address, "board");

    let directory = store.load().await.unwrap();
    let room = directory.room("BOARD").unwrap();
    assert_eq!(room.id, added.id);
    assert_eq!(room.aliases, ["7001", "styrerom"]);
    assert_eq!(room.organisation.as_deref(), Some("Sykehuset"));
    assert!(room.chat);
    assert!(room.host_pin.as_ref().unwrap().matches(added.host_pin.unwrap().expose()));
    assert_eq!(directory.room("styreROM").unwrap().id, added.id);
    assert_eq!(directory.room_by_id(added.id).unwrap().address, "board");
    assert!(directory.room("nowhere").is_none());
    assert!(directory.endpoint("board").is_none());
}

#[tokio::test]
async fn rooms_aliases_and_endpoints_share_one_name_space() {
    let folder = Folder::new("names");
    let store = folder.store().await;
    let mut first = draft("100", RoomType::Administrative);
    first.aliases = vec!["office".to_owned()];
    store.add_room(first).await.unwrap();
    store.add_endpoint("Room12", &Secret::new("a long password")).await.unwrap();

    for name in ["100", "OFFICE", "room12"] {
        let taken = store.add_room(draft(name, RoomType::Administrative)).await;
        assert!(matches!(taken, Err(StoreError::NameTaken { .. })), "{name}: {taken:?}");
        let taken = store.add_endpoint(name, &Secret::new("a long password")).await;
        assert!(matches!(taken, Err(StoreError::NameTaken { .. })), "{name}: {taken:?}");
        let mut other = draft("200", RoomType::Administrative);
        other.aliases = vec![name.to_owned()];
        let taken = store.add_room(other).await;
        assert!(matches!(taken, Err(StoreError::NameTaken { .. })), "{name}: {taken:?}");
    }
    // nothing of a refused room is left behind, its name neither
    store.add_room(draft("200", RoomType::Administrative)).await.unwrap();
    // and a removed room frees its names
    store.remove_room("office").await.unwrap();
    store.add_endpoint("office", &Secret::new("a long password")).await.unwrap();
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let folder = Folder::new("change");
    let store = folder.store().await;
    let before = store.add_room(draft("300", RoomType::Sensitive)).await.unwrap();
    let change = RoomChange {
        video: Some(VideoClass::Hd1080),
        guest_pin: Some(PinChoice::None),
        aliases: Some(vec!["clinic".to_owned()]),
        ..RoomChange::default()
    };
    store.change_room("300", change).await.unwrap();
    let directory = store.load().await.unwrap();
    let after = directory.room("clinic").unwrap();
    assert_eq!((after.name.as_str(), after.kind), (before.name.as_str(), RoomType::Sensitive));
    assert_eq!(after.video, VideoClass::Hd1080);
    assert!(after.guest_pin.is_none());
    assert!(after.host_pin.as_ref().unwrap().matches(before.host_pin.unwrap().expose()));

    // a change that breaks a rule changes nothing
    let to_meeting = RoomChange { kind: Some(RoomType::Administrative), ..RoomChange::default() };
    assert!(matches!(store.change_room("300", to_meeting).await, Err(StoreError::Rule(_))));
    assert_eq!(store.load().await.unwrap().room("300").unwrap().kind, RoomType::Sensitive);
    let absent = store.change_room("301", RoomChange::default()).await;
    assert!(matches!(absent, Err(StoreError::NoRoom(_))));
}

#[tokio::test]
async fn a_running_server_sees_another_process_change_the_store() {
    let folder = Folder::new("watch");
    let (mut directories, task) = watch::follow(folder.store().await).await.unwrap();
    assert!(directories.now().rooms().is_empty());

    let other = folder.store().await;
    other.add_room(draft("400", RoomType::Administrative)).await.unwrap();
    let seen = tokio::time::timeout(std::time::Duration::from_secs(1), directories.changed()).await;
    assert!(seen.expect("within a second").unwrap().room("400").is_some());

    other.add_endpoint("kiosk", &Secret::new("a long password")).await.unwrap();
    let seen = tokio::time::timeout(std::time::Duration::from_secs(1), directories.changed()).await;
    assert!(
        seen.expect("within a second")
            .unwrap()
            .endpoint("kiosk")
            .unwrap()
            .password
            .matches("a long password")
    );
    assert!(directories.now().endpoint("kiosk").is_some());

    drop(directories);
    tokio::time::timeout(std::time::Duration::from_secs(2), task).await.expect("the task ends").unwrap();
}

#[tokio::test]
async fn two_processes_write_at_once_and_neither_is_refused() {
    let folder = Folder::new("writers");
    let (one, two) = (folder.store().await, folder.store().await);
    let add = |store: Store, first: u32| async move {
        for number in first..first + 20 {
            store.add_room(draft(&number.to_string(), RoomType::Administrative)).await.unwrap();
        }
    };
    let (first, second) = tokio::join!(tokio::spawn(add(one.clone(), 1000)), tokio::spawn(add(two, 2000)));
    first.unwrap();
    second.unwrap();
    assert_eq!(one.load().await.unwrap().rooms().len(), 40);
}

#[test]
fn two_processes_may_make_the_store_at_once() {
    let folder = Folder::new("first");
    let open = || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(folder.store())
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| drop(open()));
        }
    });
}

#[tokio::test]
async fn bindings_and_calls_survive_a_restart() {
    let folder = Folder::new("bindings");
    let store = folder.store().await;
    store.add_endpoint("studio", &Secret::new("a long password")).await.unwrap();
    let (behind, task) = Behind::start(store.clone());
    behind.save_bindings("studio", vec![binding("sip:old@192.0.2.1", 60_000)]);
    let kept = binding("sip:studio@192.0.2.1:5071;transport=tcp", 60_000);
    behind.save_bindings("studio", vec![kept.clone(), binding("sip:gone@192.0.2.1", -1)]);
    behind.save_bindings("nobody", vec![BindingRecord { account: "nobody".to_owned(), ..kept.clone() }]);
    let call = CallRecord {
        leg: "leg1".to_owned(),
        trace: "abc@192.0.2.1".to_owned(),
        kind: "endpoint".to_owned(),
        caller: "sip:studio@example.org".to_owned(),
        dialled: "100100".to_owned(),
        account: Some("studio".to_owned()),
        room: Some("100100".to_owned()),
        role: Some("host".to_owned()),
        started: 1,
        answered: Some(2),
        seated: None,
        ended: 3,
        reason: "hung-up".to_owned(),
    };
    behind.save_call(call.clone());
    drop(behind);
    task.await.unwrap();
    store.close().await;

    let store = folder.store().await;
    assert_eq!(store.load_bindings().await.unwrap(), [kept]);
    assert_eq!(store.load_calls(10).await.unwrap(), [call]);
    // an account takes its bindings along
    store.remove_endpoint("studio").await.unwrap();
    assert!(store.load_bindings().await.unwrap().is_empty());
}

fn binding(contact: &str, lasts: i64) -> BindingRecord {
    BindingRecord {
        account: "studio".to_owned(),
        contact: contact.to_owned(),
        expires: unix_ms() + lasts,
        transport: "tcp".to_owned(),
        local: "192.0.2.9:5060".to_owned(),
        remote: "192.0.2.1:5071".to_owned(),
        path: None,
        call_id: "abc".to_owned(),
        cseq: 7,
        q: 1000,
        instance: Some("<urn:uuid:00000000-0000-1000-8000-000A95A0E128>".to_owned()),
        reg_id: Some(1),
        user_agent: Some("Studio/1.0".to_owned()),
    }
}
