-- What is sold: types and their stock, holds, orders, tickets, scans.
-- Invariant 1 stands in ticket_type as a CHECK: no commit can break it.

CREATE TABLE ticket_type (
    tenant      uuid NOT NULL,
    id          uuid NOT NULL,
    event       uuid NOT NULL,
    name        text NOT NULL,
    description text,
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    currency    text NOT NULL CHECK (length(currency) = 3),
    quantity    integer NOT NULL,
    available   integer NOT NULL CHECK (available >= 0),
    held        integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    sold        integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
    blocked     integer NOT NULL DEFAULT 0 CHECK (blocked >= 0),
    most        integer NOT NULL CHECK (most > 0),  -- per purchase
    sale_start  timestamptz,
    sale_end    timestamptz,
    active      boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, event, name),
    CHECK (quantity = available + held + sold + blocked),
    FOREIGN KEY (tenant, event) REFERENCES event (tenant, id)
) WITH (fillfactor = 50);                          -- room for the updates of a sale

-- A hold is one buyer's tickets of one event for ten minutes.
CREATE TABLE hold (
    tenant      uuid NOT NULL,
    id          uuid NOT NULL,
    event       uuid NOT NULL,
    person      uuid NOT NULL,
    status      text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    total_cents bigint NOT NULL,
    currency    text NOT NULL,
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX hold_person ON hold (tenant, person, event);
CREATE INDEX hold_due    ON hold (expires_at) WHERE status = 'ACTIVE';

CREATE TABLE hold_line (
    tenant      uuid NOT NULL,
    hold        uuid NOT NULL,
    type        uuid NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    price_cents bigint NOT NULL,                 -- of one, as it was taken
    PRIMARY KEY (tenant, hold, type)
);

-- One hold, one order; one payment, one order.
CREATE TABLE orders (
    tenant         uuid NOT NULL,
    id             uuid NOT NULL,
    number         text NOT NULL,
    event          uuid NOT NULL,
    person         uuid NOT NULL,
    hold           uuid NOT NULL,
    status         text NOT NULL,
    subtotal_cents bigint NOT NULL,
    fee_cents      bigint NOT NULL,
    total_cents    bigint NOT NULL CHECK (total_cents = subtotal_cents + fee_cents),
    currency       text NOT NULL,
    payment        text,                         -- the intent that paid it
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, number),
    UNIQUE (tenant, hold)
);
CREATE INDEX orders_person ON orders (tenant, person, id);

CREATE TABLE order_history (
    tenant  uuid NOT NULL,
    orders  uuid NOT NULL,
    at      timestamptz NOT NULL,
    was     text NOT NULL,
    became  text NOT NULL,
    reason  text
);
CREATE INDEX order_history_order ON order_history (tenant, orders);

-- Money that came, also when it came too late. A payment is known by its intent.
CREATE TABLE payment (
    tenant       uuid NOT NULL,
    intent       text NOT NULL,
    orders       uuid NOT NULL,
    amount_cents bigint NOT NULL,
    currency     text NOT NULL,
    status       text NOT NULL,                  -- TAKEN, REFUND_DUE
    at           timestamptz NOT NULL,
    PRIMARY KEY (tenant, intent)
);

CREATE TABLE ticket (
    tenant      uuid NOT NULL,
    id          uuid NOT NULL,
    event       uuid NOT NULL,
    type        uuid NOT NULL,
    person      uuid NOT NULL,                   -- who owns it now
    buyer       uuid NOT NULL,                   -- who bought it first
    orders      uuid NOT NULL,
    number      text NOT NULL,
    status      text NOT NULL,
    generation  integer NOT NULL DEFAULT 0,      -- rises with each owner
    price_cents bigint NOT NULL,
    currency    text NOT NULL,
    issued_at   timestamptz NOT NULL,
    used_at     timestamptz,
    used_gate   text,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, number)
);
CREATE INDEX ticket_person ON ticket (tenant, person, id);
CREATE INDEX ticket_order  ON ticket (tenant, orders);
CREATE INDEX ticket_event  ON ticket (tenant, event, id);

CREATE TABLE ticket_history (
    tenant  uuid NOT NULL,
    ticket  uuid NOT NULL,
    at      timestamptz NOT NULL,
    was     text NOT NULL,
    became  text NOT NULL,
    person  uuid,                                -- who moved it
    reason  text
);
CREATE INDEX ticket_history_ticket ON ticket_history (tenant, ticket);

-- Every answer that a door gave.
CREATE TABLE scan (
    tenant  uuid NOT NULL,
    event   uuid NOT NULL,
    ticket  uuid,
    at      timestamptz NOT NULL,
    person  uuid NOT NULL,                       -- who scanned
    gate    text,
    device  text,
    result  text NOT NULL,
    reason  text
);
CREATE INDEX scan_event ON scan (tenant, event, at);

CREATE TABLE webhook_nonce (
    endpoint text NOT NULL,
    nonce    text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (endpoint, nonce)
);
CREATE INDEX webhook_nonce_at ON webhook_nonce (at);

SELECT guard_tables();
