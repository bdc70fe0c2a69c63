-- What is sold: types and their stock, holds, orders, tickets, scans.
-- Invariant 1 stands in ticket_type as a CHECK: no commit can break it.

CREATE TABLE ticket_type (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL,
    event       BLOB NOT NULL,
    name        TEXT NOT NULL,
    description TEXT,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    currency    TEXT NOT NULL CHECK (length(currency) = 3),
    quantity    INTEGER NOT NULL,
    available   INTEGER NOT NULL CHECK (available >= 0),
    held        INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    sold        INTEGER NOT NULL DEFAULT 0 CHECK (sold >= 0),
    blocked     INTEGER NOT NULL DEFAULT 0 CHECK (blocked >= 0),
    most        INTEGER NOT NULL CHECK (most > 0),       -- per purchase
    sale_start  INTEGER,
    sale_end    INTEGER,
    active      INTEGER NOT NULL DEFAULT 1,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, event, name),
    CHECK (quantity = available + held + sold + blocked),
    FOREIGN KEY (tenant, event) REFERENCES event (tenant, id)
) STRICT, WITHOUT ROWID;

-- A hold is one buyer's tickets of one event for ten minutes.
CREATE TABLE hold (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL,
    event       BLOB NOT NULL,
    person      BLOB NOT NULL,
    status      TEXT NOT NULL,
    quantity    INTEGER NOT NULL CHECK (quantity > 0),
    total_cents INTEGER NOT NULL,
    currency    TEXT NOT NULL,
    expires_at  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_person ON hold (tenant, person, event);
CREATE INDEX hold_due    ON hold (expires_at) WHERE status = 'ACTIVE';

CREATE TABLE hold_line (
    tenant      BLOB NOT NULL,
    hold        BLOB NOT NULL,
    type        BLOB NOT NULL,
    quantity    INTEGER NOT NULL CHECK (quantity > 0),
    price_cents INTEGER NOT NULL,                        -- of one, as it was taken
    PRIMARY KEY (tenant, hold, type)
) STRICT, WITHOUT ROWID;

-- One hold, one order; one payment, one order.
CREATE TABLE orders (
    tenant         BLOB NOT NULL,
    id             BLOB NOT NULL,
    number         TEXT NOT NULL,
    event          BLOB NOT NULL,
    person         BLOB NOT NULL,
    hold           BLOB NOT NULL,
    status         TEXT NOT NULL,
    subtotal_cents INTEGER NOT NULL,
    fee_cents      INTEGER NOT NULL,
    total_cents    INTEGER NOT NULL CHECK (total_cents = subtotal_cents + fee_cents),
    currency       TEXT NOT NULL,
    payment        TEXT,                                 -- the intent that paid it
    expires_at     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, number),
    UNIQUE (tenant, hold)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_person ON orders (tenant, person, id);

CREATE TABLE order_history (
    tenant  BLOB NOT NULL,
    orders  BLOB NOT NULL,
    at      INTEGER NOT NULL,
    was     TEXT NOT NULL,
    became  TEXT NOT NULL,
    reason  TEXT
) STRICT;
CREATE INDEX order_history_order ON order_history (tenant, orders);

-- Money that came, also when it came too late. A payment is known by its intent.
CREATE TABLE payment (
    tenant       BLOB NOT NULL,
    intent       TEXT NOT NULL,
    orders       BLOB NOT NULL,
    amount_cents INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    status       TEXT NOT NULL,                          -- TAKEN, REFUND_DUE
    at           INTEGER NOT NULL,
    PRIMARY KEY (tenant, intent)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL,
    event       BLOB NOT NULL,
    type        BLOB NOT NULL,
    person      BLOB NOT NULL,                           -- who owns it now
    buyer       BLOB NOT NULL,                           -- who bought it first
    orders      BLOB NOT NULL,
    number      TEXT NOT NULL,
    status      TEXT NOT NULL,
    generation  INTEGER NOT NULL DEFAULT 0,              -- rises with each owner
    price_cents INTEGER NOT NULL,
    currency    TEXT NOT NULL,
    issued_at   INTEGER NOT NULL,
    used_at     INTEGER,
    used_gate   TEXT,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_person ON ticket (tenant, person, id);
CREATE INDEX ticket_order  ON ticket (tenant, orders);
CREATE INDEX ticket_event  ON ticket (tenant, event, id);

CREATE TABLE ticket_history (
    tenant  BLOB NOT NULL,
    ticket  BLOB NOT NULL,
    at      INTEGER NOT NULL,
    was     TEXT NOT NULL,
    became  TEXT NOT NULL,
    person  BLOB,                                        -- who moved it
    reason  TEXT
) STRICT;
CREATE INDEX ticket_history_ticket ON ticket_history (tenant, ticket);

-- Every answer that a door gave.
CREATE TABLE scan (
    tenant  BLOB NOT NULL,
    event   BLOB NOT NULL,
    ticket  BLOB,
    at      INTEGER NOT NULL,
    person  BLOB NOT NULL,                               -- who scanned
    gate    TEXT,
    device  TEXT,
    result  TEXT NOT NULL,
    reason  TEXT
) STRICT;
CREATE INDEX scan_event ON scan (tenant, event, at);

CREATE TABLE webhook_nonce (
    endpoint TEXT NOT NULL,
    nonce    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (endpoint, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_nonce_at ON webhook_nonce (at);
