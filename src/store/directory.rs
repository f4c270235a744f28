//! Rooms and endpoints as the running server knows them: an immutable snapshot in memory.

use std::{collections::HashMap, fmt, str::FromStr, sync::Arc};

use super::{Secret, StoreError, names};
use crate::ids::RoomId;

/// All rooms and endpoints at one moment.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    seq: i64,
    rooms: Vec<Arc<RoomRecord>>,
    endpoints: Vec<Arc<EndpointRecord>>,
    by_name: HashMap<String, Named>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Named {
    Room(Arc<RoomRecord>),
    Endpoint(Arc<EndpointRecord>),
}

impl Directory {
    pub(super) fn new(seq: i64, rooms: Vec<RoomRecord>, endpoints: Vec<EndpointRecord>) -> Self {
        let rooms: Vec<_> = rooms.into_iter().map(Arc::new).collect();
        let endpoints: Vec<_> = endpoints.into_iter().map(Arc::new).collect();
        let mut by_name = HashMap::new();
        for room in &rooms {
            for name in std::iter::once(&room.address).chain(&room.aliases) {
                by_name.insert(name.clone(), Named::Room(Arc::clone(room)));
            }
        }
        for endpoint in &endpoints {
            by_name.insert(endpoint.name.clone(), Named::Endpoint(Arc::clone(endpoint)));
        }
        Self { seq, rooms, endpoints, by_name }
    }

    /// The change that this snapshot includes.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// What a dialled name stands for; letters count the same in either case.
    pub fn find(&self, name: &str) -> Option<&Named> {
        self.by_name.get(&names::fold(name))
    }

    /// A room by its address or an alias.
    pub fn room(&self, name: &str) -> Option<&Arc<RoomRecord>> {
        match self.find(name)? {
            Named::Room(room) => Some(room),
            Named::Endpoint(_) => None,
        }
    }

    pub fn room_by_id(&self, id: RoomId) -> Option<&Arc<RoomRecord>> {
        self.rooms.iter().find(|room| room.id == id)
    }

    pub fn endpoint(&self, name: &str) -> Option<&Arc<EndpointRecord>> {
        match self.find(name)? {
            Named::Endpoint(endpoint) => Some(endpoint),
            Named::Room(_) => None,
        }
    }

    /// All rooms, by address.
    pub fn rooms(&self) -> &[Arc<RoomRecord>] {
        &self.rooms
    }

    /// All endpoints, by name.
    pub fn endpoints(&self) -> &[Arc<EndpointRecord>] {
        &self.endpoints
    }
}

/// A room as it stands in the store.
#[derive(Clone, Debug)]
pub struct RoomRecord {
    pub id: RoomId,
    /// What callers dial: in lower case.
    pub address: String,
    pub aliases: Vec<String>,
    pub name: String,
    pub kind: RoomType,
    /// None: everybody is host.
    pub host_pin: Option<Secret>,
    /// None beside a host PIN: `#` is guest.
    pub guest_pin: Option<Secret>,
    pub video: VideoClass,
    /// How many people are expected, the host included: a sensitive room then locks itself.
    pub expected: Option<u32>,
    pub chat: bool,
    pub organisation: Option<String>,
    /// Unix ms.
    pub created: i64,
    pub changed: i64,
}

/// An endpoint's account.
#[derive(Clone, Debug)]
pub struct EndpointRecord {
    pub id: i64,
    /// User part and digest user name: in lower case.
    pub name: String,
    pub password: Secret,
    /// Unix ms.
    pub created: i64,
}

/// What a room is for. Its rules stand in the table of room types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoomType {
    /// Patient consultations.
    Sensitive,
    /// Meetings.
    Administrative,
    /// One person's own.
    Personal,
    /// Lectures.
    Auditorium,
}

impl RoomType {
    pub const ALL: [Self; 4] = [Self::Sensitive, Self::Administrative, Self::Personal, Self::Auditorium];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sensitive => "sensitive",
            Self::Administrative => "administrative",
            Self::Personal => "personal",
            Self::Auditorium => "auditorium",
        }
    }

    /// How many people fit in.
    pub const fn capacity(self) -> u32 {
        match self {
            Self::Sensitive | Self::Personal => 5,
            Self::Administrative => 50,
            Self::Auditorium => 500,
        }
    }

    /// Whether a leg that is not encrypted is refused.
    pub const fn requires_encryption(self) -> bool {
        matches!(self, Self::Sensitive | Self::Personal)
    }

    pub const fn requires_host_pin(self) -> bool {
        !matches!(self, Self::Administrative)
    }

    pub const fn shortest_pin(self) -> usize {
        match self {
            Self::Sensitive | Self::Personal => 6,
            Self::Administrative | Self::Auditorium => 4,
        }
    }

    pub const fn allows_video(self, video: VideoClass) -> bool {
        matches!((self, video), (Self::Sensitive, _) | (_, VideoClass::Hd720))
    }

    /// How many people make the room lock itself, unless the room says otherwise.
    pub const fn locks_at(self) -> Option<u32> {
        match self {
            Self::Sensitive | Self::Personal => Some(2),
            Self::Administrative | Self::Auditorium => None,
        }
    }
}

impl fmt::Display for RoomType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RoomType {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            StoreError::Rule(format!(
                "{text:?} is no room type; write sensitive, administrative, personal or auditorium"
            ))
        })
    }
}

/// The largest picture in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoClass {
    /// 1280x720
    Hd720,
    /// 1920x1080
    Hd1080,
}

impl VideoClass {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hd720 => "720p",
            Self::Hd1080 => "1080p",
        }
    }
}

impl fmt::Display for VideoClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for VideoClass {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text {
            "720p" => Ok(Self::Hd720),
            "1080p" => Ok(Self::Hd1080),
            _ => Err(StoreError::Rule(format!("{text:?} is no picture size; write 720p or 1080p"))),
        }
    }
}
