//! The one name space of rooms, aliases and endpoints.

use sqlx::SqliteConnection;

use super::StoreError;

/// What `*` and `#` mean in dial strings, and what pages and services of ours are called.
const TAKEN: &[&str] = &[
    "api",
    "assets",
    "favicon.ico",
    "healthz",
    "index.html",
    "lobby",
    "metrics",
    "portal",
    "readyz",
    "robots.txt",
    "test",
    "ws",
];

const LONGEST: usize = 64;

/// Names count the same in either case.
pub(super) fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// A name that can be dialled, keyed and stand in a web address, folded.
pub(super) fn check(name: &str) -> Result<String, StoreError> {
    let rule = |problem: &str| {
        Err(StoreError::Rule(format!(
            "{name:?} cannot be dialled: {problem}; use up to {LONGEST} letters (a to z), digits, dots, hyphens and \
             underscores, beginning with a letter or digit"
        )))
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if name.is_empty() {
        return rule("it is empty");
    }
    if name.len() > LONGEST {
        return rule("it is too long");
    }
    if !name.bytes().all(fits) {
        return rule("it has other characters");
    }
    if !name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()) {
        return rule("it begins with a sign");
    }
    let name = fold(name);
    if TAKEN.contains(&name.as_str()) {
        return Err(StoreError::Rule(format!("the name {name} is used by Roomgate itself; choose another")));
    }
    Ok(name)
}

#[derive(Clone, Copy)]
pub(super) enum Owner {
    Room(i64),
    Alias(i64),
    Endpoint(i64),
}

/// Takes a name, or tells who has it.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    name: &str,
    owner: Owner,
) -> Result<(), StoreError> {
    let (kind, room, endpoint) = match owner {
        Owner::Room(room) => ("room", Some(room), None),
        Owner::Alias(room) => ("alias", Some(room), None),
        Owner::Endpoint(endpoint) => ("endpoint", None, Some(endpoint)),
    };
    let claimed = sqlx::query(
        "INSERT INTO names (name, kind, room, endpoint) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(kind)
    .bind(room)
    .bind(endpoint)
    .execute(&mut *connection)
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(());
    }
    refuse_taken(connection, name).await
}

/// Refuses a name that somebody has.
pub(super) async fn check_free(connection: &mut SqliteConnection, name: &str) -> Result<(), StoreError> {
    refuse_taken(connection, name).await
}

async fn refuse_taken(connection: &mut SqliteConnection, name: &str) -> Result<(), StoreError> {
    let holder: Option<(String, Option<String>)> = sqlx::query_as(
        "SELECT names.kind, rooms.address FROM names LEFT JOIN rooms ON rooms.id = names.room WHERE names.name = $1",
    )
    .bind(name)
    .fetch_optional(connection)
    .await?;
    let by = match holder {
        None => return Ok(()),
        Some((kind, Some(address))) if kind == "alias" => format!("room {address}, as an alias"),
        Some((kind, Some(_))) if kind == "room" => "a room".to_owned(),
        Some(_) => "an endpoint".to_owned(),
    };
    Err(StoreError::NameTaken { name: name.to_owned(), by })
}
