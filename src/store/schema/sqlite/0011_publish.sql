-- What others publish through us, and what could not be told.

-- Ids of messages that were published, so that a repeated one is told once.
CREATE TABLE published (
    tenant  BLOB NOT NULL,
    id      TEXT NOT NULL,                       -- the publisher's
    digest  BLOB NOT NULL,                       -- SHA-256 of what it says
    at      INTEGER NOT NULL,                    -- when it happened, as he says
    came_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX published_came ON published (came_at);

-- Tidings that the bus refused for good. The id is the outbox row's.
CREATE TABLE dead_letter (
    tenant     BLOB NOT NULL,
    id         INTEGER NOT NULL,
    person     BLOB,
    event      BLOB,
    type       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    attempts   INTEGER NOT NULL CHECK (attempts > 0),
    last_error TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    moved_at   INTEGER NOT NULL,
    state      TEXT NOT NULL DEFAULT 'DEAD' CHECK (state IN ('DEAD', 'RETRIED', 'DISCARDED')),
    settled_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX dead_letter_id ON dead_letter (id);
CREATE INDEX dead_letter_state ON dead_letter (state, moved_at);
CREATE INDEX dead_letter_list  ON dead_letter (tenant, state, id);
CREATE INDEX dead_letter_person ON dead_letter (tenant, person) WHERE person IS NOT NULL;
