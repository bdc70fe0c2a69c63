-- Where things happen and what happens there: venues, who works at them, events.

CREATE TABLE venue (
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL,
    name       TEXT NOT NULL,
    timezone   TEXT NOT NULL,                    -- IANA name
    capacity   INTEGER NOT NULL CHECK (capacity BETWEEN 1 AND 1000000),
    country    TEXT CHECK (length(country) = 2), -- ISO 3166
    city       TEXT,
    status     TEXT NOT NULL CHECK (status IN ('ACTIVE', 'CLOSED')),
    created_by BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE venue_staff (
    tenant     BLOB NOT NULL,
    venue      BLOB NOT NULL,
    person     BLOB NOT NULL,
    role       TEXT NOT NULL
               CHECK (role IN ('venue-owner', 'venue-manager', 'box-office', 'door-staff')),
    granted_by BLOB NOT NULL,
    granted_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (tenant, venue, person),
    FOREIGN KEY (tenant, venue) REFERENCES venue (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    tenant         BLOB NOT NULL,
    id             BLOB NOT NULL,
    venue          BLOB NOT NULL,
    name           TEXT NOT NULL,
    description    TEXT,
    timezone       TEXT NOT NULL,
    starts_at      INTEGER NOT NULL,
    ends_at        INTEGER NOT NULL,
    doors_open_at  INTEGER,
    sales_start_at INTEGER,
    sales_end_at   INTEGER,
    status         TEXT NOT NULL
                   CHECK (status IN ('DRAFT', 'REVIEW', 'APPROVED', 'PUBLISHED', 'ON_SALE',
                                     'SALES_PAUSED', 'SOLD_OUT', 'IN_PROGRESS', 'COMPLETED',
                                     'CANCELLED', 'POSTPONED', 'RESCHEDULED')),
    status_reason  TEXT,
    published_at   INTEGER,                      -- since when everybody sees it; NULL: not yet
    on_sale_at     INTEGER,                      -- when its first sale could happen
    due_at         INTEGER,                      -- when the clock must look; NULL: never
    deleted_at     INTEGER,
    content        TEXT NOT NULL DEFAULT '{}',   -- gallery, lineup, schedule, performers
    created_by     BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, venue) REFERENCES venue (tenant, id),
    CHECK (ends_at > starts_at),
    CHECK (doors_open_at <= starts_at),
    CHECK (sales_end_at > sales_start_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_time  ON event (tenant, starts_at, id) WHERE deleted_at IS NULL;
CREATE INDEX event_venue ON event (tenant, venue);
CREATE INDEX event_due   ON event (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE event_history (
    tenant  BLOB NOT NULL,
    event   BLOB NOT NULL,
    version INTEGER NOT NULL,                    -- of the event after the move
    at      INTEGER NOT NULL,
    was     TEXT NOT NULL,
    became  TEXT NOT NULL,
    action  TEXT NOT NULL,
    person  BLOB,                                -- NULL: the clock, or another machine
    reason  TEXT,
    PRIMARY KEY (tenant, event, version),
    FOREIGN KEY (tenant, event) REFERENCES event (tenant, id)
) STRICT, WITHOUT ROWID;
