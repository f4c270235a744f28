-- Times are Unix milliseconds. Secrets are sealed (src/store/secret.rs); `secret_key` names the key that sealed the row.

CREATE TABLE secret_keys (
    id       TEXT PRIMARY KEY NOT NULL,
    created  BIGINT NOT NULL
);

CREATE TABLE rooms (
    id            INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    address       TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    type          TEXT NOT NULL CHECK (type IN ('sensitive', 'administrative', 'personal', 'auditorium')),
    host_pin      BLOB,
    guest_pin     BLOB,
    secret_key    TEXT NOT NULL REFERENCES secret_keys (id),
    video         TEXT NOT NULL CHECK (video IN ('720p', '1080p')),
    expected      BIGINT,
    chat          BOOLEAN NOT NULL,
    organisation  TEXT,
    created       BIGINT NOT NULL,
    changed       BIGINT NOT NULL
);

CREATE TABLE endpoints (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name        TEXT NOT NULL UNIQUE,
    password    BLOB NOT NULL,
    secret_key  TEXT NOT NULL REFERENCES secret_keys (id),
    created     BIGINT NOT NULL,
    changed     BIGINT NOT NULL
);

-- Rooms, their aliases and endpoints share one name space: what a caller dials means one thing.
CREATE TABLE names (
    name      TEXT PRIMARY KEY NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('room', 'alias', 'endpoint')),
    room      BIGINT REFERENCES rooms (id) ON DELETE CASCADE,
    endpoint  BIGINT REFERENCES endpoints (id) ON DELETE CASCADE,
    CHECK ((kind = 'endpoint') = (endpoint IS NOT NULL)),
    CHECK ((kind <> 'endpoint') = (room IS NOT NULL))
);
CREATE INDEX names_room ON names (room);
CREATE INDEX names_endpoint ON names (endpoint);

-- Where endpoints are reached, written behind the registrar.
CREATE TABLE bindings (
    account     TEXT NOT NULL REFERENCES endpoints (name) ON DELETE CASCADE ON UPDATE CASCADE,
    contact     TEXT NOT NULL,
    expires     BIGINT NOT NULL,
    transport   TEXT NOT NULL,
    local       TEXT NOT NULL,
    remote      TEXT NOT NULL,
    path        TEXT,
    call_id     TEXT NOT NULL,
    cseq        BIGINT NOT NULL,
    q           BIGINT NOT NULL,
    instance    TEXT,
    reg_id      BIGINT,
    user_agent  TEXT,
    PRIMARY KEY (account, contact)
);

-- One row for each leg that has ended.
CREATE TABLE cdr (
    id        INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    leg       TEXT NOT NULL,
    trace     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    caller    TEXT NOT NULL,
    dialled   TEXT NOT NULL,
    account   TEXT,
    room      TEXT,
    role      TEXT,
    started   BIGINT NOT NULL,
    answered  BIGINT,
    seated    BIGINT,
    ended     BIGINT NOT NULL,
    reason    TEXT NOT NULL
);
CREATE INDEX cdr_started ON cdr (started);

-- A running server polls the highest number: what commands change, it sees.
CREATE TABLE changes (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at     BIGINT NOT NULL,
    topic  TEXT NOT NULL
);
