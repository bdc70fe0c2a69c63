-- Webhooks of integrators: where a tenant's tidings are sent, and how that went.

-- Where a tenant's tidings are sent. `told` is the number of its last delivery, `sent` of the
-- last that arrived; `cursor` the last outbox row that was looked at for it.
CREATE TABLE webhook_endpoint (
    tenant         uuid NOT NULL,
    id             uuid NOT NULL,
    url            text NOT NULL,
    types          json NOT NULL,                -- JSON: what it wants to hear
    description    text NOT NULL,
    status         text NOT NULL DEFAULT 'ACTIVE'
                   CHECK (status IN ('ACTIVE', 'PAUSED', 'FAILED', 'DELETED')),
    secret         bytea,                        -- sealed; NULL: deleted
    old_secret     bytea,
    old_until      timestamptz,
    cursor         bigint NOT NULL,
    told           bigint NOT NULL DEFAULT 0,
    sent           bigint NOT NULL DEFAULT 0,
    tries          bigint NOT NULL DEFAULT 0,    -- since the last success
    slow           boolean NOT NULL DEFAULT false,  -- keeps to the slow lane
    try_at         timestamptz NOT NULL DEFAULT to_timestamp(0),
    failing_since  timestamptz,
    last_error     text,
    claimed_until  timestamptz NOT NULL DEFAULT to_timestamp(0),  -- a node is sending
    created_by     uuid,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CHECK (sent <= told)
);
CREATE UNIQUE INDEX webhook_endpoint_id ON webhook_endpoint (id);
CREATE INDEX webhook_endpoint_due ON webhook_endpoint (try_at)
    WHERE status = 'ACTIVE' AND sent < told;

CREATE TABLE webhook_delivery (
    tenant       uuid NOT NULL,
    endpoint     uuid NOT NULL,
    sequence     bigint NOT NULL,
    id           uuid NOT NULL,
    type         text NOT NULL,
    body         text NOT NULL,                  -- as it is signed, to the letter
    at           timestamptz NOT NULL,
    status       text NOT NULL DEFAULT 'PENDING'
                 CHECK (status IN ('PENDING', 'FAILING', 'DELIVERED')),
    attempts     bigint NOT NULL DEFAULT 0,
    http_status  bigint,
    ms           bigint,
    error        text,
    tried_at     timestamptz,
    delivered_at timestamptz,
    PRIMARY KEY (tenant, endpoint, sequence),
    FOREIGN KEY (tenant, endpoint) REFERENCES webhook_endpoint (tenant, id)
);
CREATE INDEX webhook_delivery_at ON webhook_delivery (at);

SELECT guard_tables();

SELECT guard_tables();
