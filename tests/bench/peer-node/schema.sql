-- The tables that a reservation touches, as the document lists them: cents in integers,
-- checks on states, the indexes it names, no foreign keys.
CREATE TABLE ticket_types (
    id                 uuid PRIMARY KEY,
    tenant_id          uuid NOT NULL,
    event_id           uuid NOT NULL,
    name               varchar(100) NOT NULL,
    price_cents        integer NOT NULL,
    quantity           integer NOT NULL CHECK (quantity > 0),
    available_quantity integer NOT NULL CHECK (available_quantity BETWEEN 0 AND quantity),
    reserved_quantity  integer NOT NULL DEFAULT 0,
    sold_quantity      integer NOT NULL DEFAULT 0,
    min_purchase       integer NOT NULL DEFAULT 1,
    max_purchase       integer NOT NULL DEFAULT 10,
    is_active          boolean NOT NULL DEFAULT true,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, name)
);
CREATE INDEX idx_ticket_types_tenant ON ticket_types (tenant_id);

CREATE TABLE reservations (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL,
    event_id       uuid NOT NULL,
    ticket_type_id uuid NOT NULL,
    user_id        uuid NOT NULL,
    total_quantity integer NOT NULL CHECK (total_quantity > 0),
    tickets        jsonb NOT NULL,
    status         varchar(20) NOT NULL
                   CHECK (status IN ('PENDING', 'ACTIVE', 'EXPIRED', 'COMPLETED', 'CANCELLED')),
    expires_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_reservations_tenant_user    ON reservations (tenant_id, user_id);
CREATE INDEX idx_reservations_expires_at     ON reservations (expires_at);
CREATE INDEX idx_reservations_status_expires ON reservations (status, expires_at);

CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    event_type   varchar(100) NOT NULL,
    payload      jsonb NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz
);
CREATE INDEX idx_outbox_unprocessed ON outbox (created_at) WHERE processed_at IS NULL;
