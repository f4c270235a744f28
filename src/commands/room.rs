//! `roomgate room`.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{
    Failure,
    output::{Format, table, utc},
};
use crate::store::{
    PinChoice, RoomChange, RoomDraft, RoomRecord, RoomType, Secret, Store, StoreError, VideoClass,
};

#[derive(Debug, Subcommand)]
pub(super) enum RoomCommand {
    /// Add a room; PINs that are not given are made, and printed this once
    Add(AddArgs),
    /// List all rooms
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show one room, found by its address or an alias
    Show {
        address: String,
        #[command(flatten)]
        format: Format,
    },
    /// Change a room; what is not named stays
    Set(SetArgs),
    /// Remove a room with its aliases
    Remove { address: String },
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// What callers dial
    address: String,
    /// What screens and pages show
    #[arg(long, value_name = "N")]
    name: String,
    /// What the room is for
    #[arg(long = "type", value_enum, default_value_t = Kind::Administrative, value_name = "TYPE")]
    kind: Kind,
    #[command(flatten)]
    pins: PinArgs,
    /// The largest picture; 1080p in sensitive rooms only
    #[arg(long, value_enum, default_value_t = Video::Hd720)]
    video: Video,
    /// How many people are expected, the host included: then a sensitive room locks itself
    #[arg(long, value_name = "N")]
    expected: Option<u32>,
    /// Allow written messages
    #[arg(long)]
    chat: bool,
    /// Another name that can be dialled; may be given several times
    #[arg(long = "alias", value_name = "A")]
    aliases: Vec<String>,
    /// Whose room it is
    #[arg(long, value_name = "O")]
    organisation: Option<String>,
    #[command(flatten)]
    format: Format,
}

#[derive(Args)]
struct PinArgs {
    /// Digits, 6 at least in sensitive and personal rooms, 4 elsewhere
    #[arg(long, value_name = "P", conflicts_with = "no_pins")]
    host_pin: Option<String>,
    /// Digits, other than the host's
    #[arg(long, value_name = "P", conflicts_with_all = ["no_pins", "no_guest_pin"])]
    guest_pin: Option<String>,
    /// Guests need no PIN: # alone lets them in
    #[arg(long, conflicts_with = "no_pins")]
    no_guest_pin: bool,
    /// Nobody needs a PIN, everybody is host (administrative rooms only)
    #[arg(long)]
    no_pins: bool,
}

/// PINs are not printed, here neither.
impl std::fmt::Debug for PinArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PinArgs(_)")
    }
}

#[derive(Args, Debug)]
pub(super) struct SetArgs {
    /// The room's address or an alias
    address: String,
    #[arg(long, value_name = "N")]
    name: Option<String>,
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<Kind>,
    #[command(flatten)]
    pins: PinArgs,
    /// Make a new host PIN, and print it
    #[arg(long, conflicts_with_all = ["host_pin", "no_pins"])]
    new_host_pin: bool,
    /// Make a new guest PIN, and print it
    #[arg(long, conflicts_with_all = ["guest_pin", "no_guest_pin", "no_pins"])]
    new_guest_pin: bool,
    #[arg(long, value_enum)]
    video: Option<Video>,
    #[arg(long, value_name = "N")]
    expected: Option<u32>,
    /// As many people as the type says
    #[arg(long, conflicts_with = "expected")]
    no_expected: bool,
    #[arg(long)]
    chat: bool,
    #[arg(long, conflicts_with = "chat")]
    no_chat: bool,
    /// All aliases from now on; may be given several times
    #[arg(long = "alias", value_name = "A")]
    aliases: Vec<String>,
    /// Drop all aliases
    #[arg(long, conflicts_with = "aliases")]
    no_alias: bool,
    /// Whose room it is; empty for nobody's
    #[arg(long, value_name = "O")]
    organisation: Option<String>,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Sensitive,
    Administrative,
    Personal,
    Auditorium,
}

impl From<Kind> for RoomType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Sensitive => Self::Sensitive,
            Kind::Administrative => Self::Administrative,
            Kind::Personal => Self::Personal,
            Kind::Auditorium => Self::Auditorium,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Video {
    #[value(name = "720p")]
    Hd720,
    #[value(name = "1080p")]
    Hd1080,
}

impl From<Video> for VideoClass {
    fn from(video: Video) -> Self {
        match video {
            Video::Hd720 => Self::Hd720,
            Video::Hd1080 => Self::Hd1080,
        }
    }
}

pub(super) async fn run(store: &Store, command: RoomCommand) -> Result<(), Failure> {
    match command {
        RoomCommand::Add(args) => add(store, args).await,
        RoomCommand::List { format } => list(store, format).await,
        RoomCommand::Show { address, format } => {
            let directory = store.load().await?;
            let room = directory.room(&address).ok_or(StoreError::NoRoom(address))?;
            format.print(&RoomView::of(room), text)
        }
        RoomCommand::Set(args) => set(store, args).await,
        RoomCommand::Remove { address } => {
            store.remove_room(&address).await?;
            eprintln!("room {address} is removed");
            Ok(())
        }
    }
}

async fn add(store: &Store, args: AddArgs) -> Result<(), Failure> {
    let (host_pin, guest_pin) = args.pins.choices();
    let draft = RoomDraft {
        address: args.address,
        name: args.name,
        kind: args.kind.into(),
        host_pin: host_pin.unwrap_or_default(),
        guest_pin: guest_pin.unwrap_or_default(),
        video: args.video.into(),
        expected: args.expected,
        chat: args.chat,
        aliases: args.aliases,
        organisation: args.organisation,
    };
    let room = store.add_room(draft).await?;
    args.format.print(&RoomView::of(&room).with_pins(&room, true, true), text)
}

async fn set(store: &Store, args: SetArgs) -> Result<(), Failure> {
    let (mut host_pin, mut guest_pin) = args.pins.choices();
    if args.new_host_pin {
        host_pin = Some(PinChoice::Made);
    }
    if args.new_guest_pin {
        guest_pin = Some(PinChoice::Made);
    }
    let (show_host, show_guest) = (host_pin.is_some(), guest_pin.is_some());
    let change = RoomChange {
        name: args.name,
        kind: args.kind.map(Into::into),
        host_pin,
        guest_pin,
        video: args.video.map(Into::into),
        expected: args.expected.map(Some).or_else(|| args.no_expected.then_some(None)),
        chat: (args.chat || args.no_chat).then_some(args.chat),
        aliases: (args.no_alias || !args.aliases.is_empty()).then_some(args.aliases),
        organisation: args.organisation.map(Some),
    };
    let room = store.change_room(&args.address, change).await?;
    args.format.print(&RoomView::of(&room).with_pins(&room, show_host, show_guest), text)
}

async fn list(store: &Store, format: Format) -> Result<(), Failure> {
    let directory = store.load().await?;
    let rooms: Vec<_> = directory.rooms().iter().map(|room| RoomView::of(room)).collect();
    format.print(&rooms, |rooms| {
        let head = ["ADDRESS", "NAME", "TYPE", "PINS", "VIDEO", "ALIASES"].map(str::to_owned).to_vec();
        let rows = rooms.iter().map(|room| {
            vec![
                room.address.clone(),
                room.name.clone(),
                room.kind.to_owned(),
                room.pins().to_owned(),
                room.video.to_owned(),
                room.aliases.join(" "),
            ]
        });
        table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    })
}

impl PinArgs {
    /// What is said of either PIN; nothing where nothing is said.
    fn choices(&self) -> (Option<PinChoice>, Option<PinChoice>) {
        let given = |pin: &Option<String>| pin.as_deref().map(|pin| PinChoice::Given(Secret::new(pin)));
        match self {
            Self { no_pins: true, .. } => (Some(PinChoice::None), Some(PinChoice::None)),
            Self { no_guest_pin: true, host_pin, .. } => (given(host_pin), Some(PinChoice::None)),
            Self { host_pin, guest_pin, .. } => (given(host_pin), given(guest_pin)),
        }
    }
}

/// A room as it is printed. PINs stand in it once: in the answer to the command that set them.
#[derive(Serialize)]
struct RoomView {
    address: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    aliases: Vec<String>,
    has_host_pin: bool,
    has_guest_pin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_pin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest_pin: Option<String>,
    video: &'static str,
    expected: Option<u32>,
    chat: bool,
    organisation: Option<String>,
    /// Unix ms.
    created: i64,
    changed: i64,
}

impl RoomView {
    fn of(room: &RoomRecord) -> Self {
        Self {
            address: room.address.clone(),
            name: room.name.clone(),
            kind: room.kind.as_str(),
            aliases: room.aliases.clone(),
            has_host_pin: room.host_pin.is_some(),
            has_guest_pin: room.guest_pin.is_some(),
            host_pin: None,
            guest_pin: None,
            video: room.video.as_str(),
            expected: room.expected,
            chat: room.chat,
            organisation: room.organisation.clone(),
            created: room.created,
            changed: room.changed,
        }
    }

    fn with_pins(mut self, room: &RoomRecord, host: bool, guest: bool) -> Self {
        let expose = |pin: &Option<Secret>| pin.as_ref().map(|pin| pin.expose().to_owned());
        self.host_pin = expose(&room.host_pin).filter(|_| host);
        self.guest_pin = expose(&room.guest_pin).filter(|_| guest);
        self
    }

    const fn pins(&self) -> &'static str {
        match (self.has_host_pin, self.has_guest_pin) {
            (true, true) => "host, guest",
            (true, false) => "host",
            _ => "none",
        }
    }
}

fn text(room: &RoomView) -> String {
    let pin = |shown: &Option<String>, has: bool| match (shown, has) {
        (Some(pin), _) => pin.clone(),
        (None, true) => "set".to_owned(),
        (None, false) => "none".to_owned(),
    };
    let mut rows = [
        ["address:", &room.address],
        ["name:", &room.name],
        ["type:", room.kind],
        ["host PIN:", &pin(&room.host_pin, room.has_host_pin)],
        ["guest PIN:", &pin(&room.guest_pin, room.has_guest_pin)],
        ["video:", room.video],
        ["expected:", &room.expected.map_or_else(|| "as the type says".to_owned(), |n| n.to_string())],
        ["chat:", if room.chat { "yes" } else { "no" }],
        ["aliases:", &if room.aliases.is_empty() { "none".to_owned() } else { room.aliases.join(" ") }],
    ]
    .map(|row| row.map(str::to_owned).to_vec())
    .to_vec();
    if let Some(organisation) = &room.organisation {
        rows.push(vec!["organisation:".to_owned(), organisation.clone()]);
    }
    rows.push(vec!["changed:".to_owned(), utc(room.changed)]);
    table(&rows)
}
