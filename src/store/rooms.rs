//! Rooms in the store, and the rules that a room of each type keeps.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{
    RoomRecord, RoomType, Secret, Store, StoreError, VideoClass, announce,
    names::{self, Owner},
    secret::{SecretKey, random_pin},
    unix_ms,
};
use crate::ids::RoomId;

/// What a PIN shall be.
#[derive(Clone, Debug, Default)]
pub enum PinChoice {
    /// Six digits by chance.
    #[default]
    Made,
    Given(Secret),
    None,
}

/// A room to be added.
#[derive(Clone, Debug)]
pub struct RoomDraft {
    pub address: String,
    pub name: String,
    pub kind: RoomType,
    pub host_pin: PinChoice,
    pub guest_pin: PinChoice,
    pub video: VideoClass,
    pub expected: Option<u32>,
    pub chat: bool,
    pub aliases: Vec<String>,
    pub organisation: Option<String>,
}

/// What of a room shall change; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct RoomChange {
    pub name: Option<String>,
    pub kind: Option<RoomType>,
    pub host_pin: Option<PinChoice>,
    pub guest_pin: Option<PinChoice>,
    pub video: Option<VideoClass>,
    /// `Some(None)`: as many as the type says.
    pub expected: Option<Option<u32>>,
    pub chat: Option<bool>,
    /// All aliases from now on.
    pub aliases: Option<Vec<String>>,
    pub organisation: Option<Option<String>>,
}

impl Store {
    /// Adds a room. Its PINs stand in the record returned: those that were made are known nowhere else.
    pub async fn add_room(&self, draft: RoomDraft) -> Result<RoomRecord, StoreError> {
        let (host_pin, guest_pin) = pins(draft.host_pin, draft.guest_pin, None, None);
        let now = unix_ms();
        let mut room = RoomRecord {
            id: RoomId(0),
            address: names::check(&draft.address)?,
            aliases: check_aliases(&draft.aliases)?,
            name: draft.name.trim().to_owned(),
            kind: draft.kind,
            host_pin,
            guest_pin,
            video: draft.video,
            expected: draft.expected,
            chat: draft.chat,
            organisation: draft.organisation.map(|o| o.trim().to_owned()).filter(|o| !o.is_empty()),
            created: now,
            changed: now,
        };
        check(&room)?;
        let mut transaction = self.write().await?;
        names::check_free(&mut transaction, &room.address).await?;
        let (id,): (i64,) = sqlx::query_as(
            "INSERT INTO rooms (address, name, type, secret_key, video, chat, created, changed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
        )
        .bind(&room.address)
        .bind(&room.name)
        .bind(room.kind.as_str())
        .bind(self.key.id())
        .bind(room.video.as_str())
        .bind(room.chat)
        .bind(now)
        .fetch_one(&mut *transaction)
        .await?;
        room.id = RoomId(id.cast_unsigned());
        names::claim(&mut transaction, &room.address, Owner::Room(id)).await?;
        self.write_room(&mut transaction, &room).await?;
        transaction.commit().await?;
        Ok(room)
    }

    /// Changes a room, found by its address or an alias. PINs that the change makes stand in the record returned.
    pub async fn change_room(&self, name: &str, change: RoomChange) -> Result<RoomRecord, StoreError> {
        let mut transaction = self.write().await?;
        let id = find(&mut transaction, name).await?;
        let rooms = load(&mut transaction, &self.key).await?;
        let room = rooms.into_iter().find(|room| room.id.0 == id.cast_unsigned());
        let mut room = room.ok_or_else(|| StoreError::NoRoom(name.to_owned()))?;
        let guest_pin = match change.guest_pin {
            // without a host PIN there is nobody to be a guest of
            None if matches!(change.host_pin, Some(PinChoice::None)) => PinChoice::None,
            None => room.guest_pin.clone().map_or(PinChoice::None, PinChoice::Given),
            Some(choice) => choice,
        };
        let host_pin = change
            .host_pin
            .unwrap_or_else(|| room.host_pin.clone().map_or(PinChoice::None, PinChoice::Given));
        (room.host_pin, room.guest_pin) =
            pins(host_pin, guest_pin, room.host_pin.take(), room.guest_pin.take());
        if let Some(name) = change.name {
            room.name = name.trim().to_owned();
        }
        room.kind = change.kind.unwrap_or(room.kind);
        room.video = change.video.unwrap_or(room.video);
        room.expected = change.expected.unwrap_or(room.expected);
        room.chat = change.chat.unwrap_or(room.chat);
        if let Some(aliases) = change.aliases {
            room.aliases = check_aliases(&aliases)?;
        }
        if let Some(organisation) = change.organisation {
            room.organisation = organisation.map(|o| o.trim().to_owned()).filter(|o| !o.is_empty());
        }
        room.changed = unix_ms();
        check(&room)?;
        self.write_room(&mut transaction, &room).await?;
        transaction.commit().await?;
        Ok(room)
    }

    /// Removes a room, found by its address or an alias, with its names.
    pub async fn remove_room(&self, name: &str) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let id = find(&mut transaction, name).await?;
        sqlx::query("DELETE FROM rooms WHERE id = $1").bind(id).execute(&mut *transaction).await?;
        announce(&mut transaction, "rooms").await?;
        Ok(transaction.commit().await?)
    }

    /// Writes all of a room but its address, which stays for its life.
    async fn write_room(
        &self,
        connection: &mut SqliteConnection,
        room: &RoomRecord,
    ) -> Result<(), StoreError> {
        let id = room.id.0.cast_signed();
        let seal =
            |pin: &Option<Secret>, field| pin.as_ref().map(|pin| self.key.seal(pin, &record(id), field));
        sqlx::query(
            "UPDATE rooms SET name = $2, type = $3, host_pin = $4, guest_pin = $5, secret_key = $6, video = $7, \
             expected = $8, chat = $9, organisation = $10, changed = $11 WHERE id = $1",
        )
        .bind(id)
        .bind(&room.name)
        .bind(room.kind.as_str())
        .bind(seal(&room.host_pin, HOST_PIN))
        .bind(seal(&room.guest_pin, GUEST_PIN))
        .bind(self.key.id())
        .bind(room.video.as_str())
        .bind(room.expected.map(i64::from))
        .bind(room.chat)
        .bind(&room.organisation)
        .bind(room.changed)
        .execute(&mut *connection)
        .await?;
        sqlx::query("DELETE FROM names WHERE room = $1 AND kind = 'alias'")
            .bind(id)
            .execute(&mut *connection)
            .await?;
        for alias in &room.aliases {
            names::claim(connection, alias, Owner::Alias(id)).await?;
        }
        announce(connection, "rooms").await
    }
}

const HOST_PIN: &str = "host_pin";
const GUEST_PIN: &str = "guest_pin";
/// A television shows this much in large type.
const LONGEST_NAME: usize = 80;
const LONGEST_PIN: usize = 16;
const MADE_PIN: usize = 6;
const MOST_ALIASES: usize = 20;

fn record(id: i64) -> String {
    format!("room/{id}")
}

async fn find(connection: &mut SqliteConnection, name: &str) -> Result<i64, StoreError> {
    let found: Option<(Option<i64>,)> = sqlx::query_as("SELECT room FROM names WHERE name = $1")
        .bind(names::fold(name))
        .fetch_optional(connection)
        .await?;
    found.and_then(|(room,)| room).ok_or_else(|| StoreError::NoRoom(name.to_owned()))
}

type Row = (
    i64,
    String,
    String,
    String,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    String,
    Option<i64>,
    bool,
    Option<String>,
    i64,
    i64,
);

pub(super) async fn load(
    connection: &mut SqliteConnection,
    key: &SecretKey,
) -> Result<Vec<RoomRecord>, StoreError> {
    let names: Vec<(i64, String)> =
        sqlx::query_as("SELECT room, name FROM names WHERE kind = 'alias' ORDER BY name")
            .fetch_all(&mut *connection)
            .await?;
    let mut aliases: HashMap<i64, Vec<String>> = HashMap::new();
    for (room, name) in names {
        aliases.entry(room).or_default().push(name);
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, address, name, type, host_pin, guest_pin, video, expected, chat, organisation, created, changed \
         FROM rooms ORDER BY address",
    )
    .fetch_all(connection)
    .await?;
    let read = |row: Row| {
        let (id, address, name, kind, host, guest, video, expected, chat, organisation, created, changed) =
            row;
        let open =
            |blob: Option<Vec<u8>>, field| blob.map(|blob| key.open(&blob, &record(id), field)).transpose();
        Ok(RoomRecord {
            id: RoomId(id.cast_unsigned()),
            address,
            aliases: aliases.remove(&id).unwrap_or_default(),
            name,
            kind: kind.parse()?,
            host_pin: open(host, HOST_PIN)?,
            guest_pin: open(guest, GUEST_PIN)?,
            video: video.parse()?,
            expected: expected.and_then(|n| u32::try_from(n).ok()),
            chat,
            organisation,
            created,
            changed,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Makes the PINs that shall be made: never equal to the other one, nor to what they replace.
fn pins(
    host: PinChoice,
    guest: PinChoice,
    old_host: Option<Secret>,
    old_guest: Option<Secret>,
) -> (Option<Secret>, Option<Secret>) {
    let given = |choice: &PinChoice| match choice {
        PinChoice::Given(pin) => Some(pin.clone()),
        PinChoice::Made | PinChoice::None => None,
    };
    let make = |avoid: &[&Option<Secret>]| loop {
        let pin = random_pin(MADE_PIN);
        if !avoid.iter().any(|other| other.as_ref().is_some_and(|other| other.matches(pin.expose()))) {
            break Some(pin);
        }
    };
    let host = match host {
        PinChoice::Made => make(&[&given(&guest), &old_host, &old_guest]),
        choice => given(&choice),
    };
    let guest = match guest {
        PinChoice::Made => make(&[&host, &old_host, &old_guest]),
        choice => given(&choice),
    };
    (host, guest)
}

fn check_aliases(aliases: &[String]) -> Result<Vec<String>, StoreError> {
    let mut checked = aliases.iter().map(|alias| names::check(alias)).collect::<Result<Vec<_>, _>>()?;
    checked.sort();
    checked.dedup();
    if checked.len() > MOST_ALIASES {
        return Err(StoreError::Rule(format!("a room has at most {MOST_ALIASES} aliases")));
    }
    Ok(checked)
}

/// The rules of the room's type.
fn check(room: &RoomRecord) -> Result<(), StoreError> {
    let rule = |text: String| Err(StoreError::Rule(text));
    let kind = room.kind;
    if room.name.is_empty()
        || room.name.chars().count() > LONGEST_NAME
        || room.name.chars().any(char::is_control)
    {
        return rule(format!("the room's name must have 1 to {LONGEST_NAME} characters on one line"));
    }
    if let Some(organisation) = &room.organisation
        && (organisation.chars().count() > LONGEST_NAME || organisation.chars().any(char::is_control))
    {
        return rule(format!("the organisation must have at most {LONGEST_NAME} characters on one line"));
    }
    for (which, pin) in [("host", &room.host_pin), ("guest", &room.guest_pin)] {
        let Some(pin) = pin else { continue };
        check_pin(which, pin.expose(), kind)?;
    }
    match (&room.host_pin, &room.guest_pin) {
        (None, _) if kind.requires_host_pin() => {
            return rule(format!("{} {kind} room must have a host PIN", article(kind)));
        }
        (None, Some(_)) => {
            return rule("a guest PIN needs a host PIN beside it: without one everybody is host".to_owned());
        }
        (Some(host), Some(guest)) if host.matches(guest.expose()) => {
            return rule("host PIN and guest PIN must differ: the PIN tells who is host".to_owned());
        }
        _ => {}
    }
    if !kind.allows_video(room.video) {
        return rule(format!(
            "{} {kind} room has 720p; {} is for sensitive rooms",
            article(kind),
            room.video
        ));
    }
    if room.expected.is_some_and(|expected| expected < 2 || expected > kind.capacity()) {
        return rule(format!(
            "{} {kind} room expects 2 to {} people, the host included",
            article(kind),
            kind.capacity()
        ));
    }
    if room.aliases.contains(&room.address) {
        return rule("an alias equals the room's address".to_owned());
    }
    Ok(())
}

/// Never repeats the PIN.
fn check_pin(which: &str, pin: &str, kind: RoomType) -> Result<(), StoreError> {
    if pin.is_empty() || !pin.bytes().all(|b| b.is_ascii_digit()) {
        return Err(StoreError::Rule(format!("the {which} PIN must consist of the digits 0 to 9")));
    }
    if pin.len() < kind.shortest_pin() || pin.len() > LONGEST_PIN {
        return Err(StoreError::Rule(format!(
            "the {which} PIN of {} {kind} room must have {} to {LONGEST_PIN} digits",
            article(kind),
            kind.shortest_pin()
        )));
    }
    Ok(())
}

const fn article(kind: RoomType) -> &'static str {
    match kind {
        RoomType::Sensitive | RoomType::Personal => "a",
        RoomType::Administrative | RoomType::Auditorium => "an",
    }
}
