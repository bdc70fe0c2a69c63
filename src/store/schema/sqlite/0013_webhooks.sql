-- Webhooks of integrators: where a tenant's tidings are sent, and how that went.

-- Where a tenant's tidings are sent. `told` is the number of its last delivery, `sent` of the
-- last that arrived; `cursor` the last outbox row that was looked at for it.
CREATE TABLE webhook_endpoint (
    tenant         BLOB NOT NULL,
    id             BLOB NOT NULL CHECK (length(id) = 16),
    url            TEXT NOT NULL,
    types          TEXT NOT NULL,                -- JSON: what it wants to hear
    description    TEXT NOT NULL,
    status         TEXT NOT NULL DEFAULT 'ACTIVE'
                   CHECK (status IN ('ACTIVE', 'PAUSED', 'FAILED', 'DELETED')),
    secret         BLOB,                         -- sealed; NULL: deleted
    old_secret     BLOB,
    old_until      INTEGER,
    cursor         INTEGER NOT NULL,
    told           INTEGER NOT NULL DEFAULT 0,
    sent           INTEGER NOT NULL DEFAULT 0,
    tries          INTEGER NOT NULL DEFAULT 0,   -- since the last success
    slow           INTEGER NOT NULL DEFAULT 0,   -- keeps to the slow lane
    try_at         INTEGER NOT NULL DEFAULT 0,
    failing_since  INTEGER,
    last_error     TEXT,
    claimed_until  INTEGER NOT NULL DEFAULT 0,   -- a node is sending
    created_by     BLOB,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    CHECK (sent <= told)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_endpoint_id ON webhook_endpoint (id);
CREATE INDEX webhook_endpoint_due ON webhook_endpoint (try_at)
    WHERE status = 'ACTIVE' AND sent < told;

CREATE TABLE webhook_delivery (
    tenant       BLOB NOT NULL,
    endpoint     BLOB NOT NULL,
    sequence     INTEGER NOT NULL,
    id           BLOB NOT NULL,
    type         TEXT NOT NULL,
    body         TEXT NOT NULL,                  -- as it is signed, to the letter
    at           INTEGER NOT NULL,
    status       TEXT NOT NULL DEFAULT 'PENDING'
                 CHECK (status IN ('PENDING', 'FAILING', 'DELIVERED')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    http_status  INTEGER,
    ms           INTEGER,
    error        TEXT,
    tried_at     INTEGER,
    delivered_at INTEGER,
    PRIMARY KEY (tenant, endpoint, sequence),
    FOREIGN KEY (tenant, endpoint) REFERENCES webhook_endpoint (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_delivery_at ON webhook_delivery (at);
