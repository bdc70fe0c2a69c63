-- What the store itself keeps: tidings for the relay, answers to retried requests.
-- Ids are 16 bytes, instants milliseconds since 1970, states their names.

CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,   -- the id that streams resume by
    tenant  BLOB NOT NULL,
    person  BLOB,                                -- who hears it; NULL: who watches the event
    event   BLOB,                                -- what it is about
    type    TEXT NOT NULL,
    data    TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_person ON outbox (tenant, person, id) WHERE person IS NOT NULL;
CREATE INDEX outbox_event  ON outbox (tenant, event, id)  WHERE person IS NULL;

CREATE TABLE once (
    tenant  BLOB NOT NULL,
    person  BLOB NOT NULL,
    scope   TEXT NOT NULL,                       -- method and route
    key     TEXT NOT NULL,
    request BLOB NOT NULL,                       -- SHA-256 of the body
    status  INTEGER NOT NULL,
    answer  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (tenant, person, scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_at ON once (at);               -- for the sweep
