-- Machines that call us.

-- A service that is not taken any more, or one token of one: by id, or by hex SHA-256. They
-- belong to no tenant. changed_at is how other nodes find what was done.
CREATE TABLE service_revocation (
    kind       text NOT NULL CHECK (kind IN ('token', 'service')),
    name       text NOT NULL,
    reason     text NOT NULL,
    until      timestamptz,
    lifted     boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX service_revocation_at ON service_revocation (changed_at);

-- A tenant's keys for its own programs; only the hash is here.
CREATE TABLE api_key (
    tenant       uuid NOT NULL REFERENCES tenant (id),
    id           uuid NOT NULL,
    hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix       text NOT NULL,
    name         text NOT NULL,
    scopes       text NOT NULL,
    created_by   uuid,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX api_key_revoked ON api_key (revoked_at) WHERE revoked_at IS NOT NULL;

SELECT guard_tables();
