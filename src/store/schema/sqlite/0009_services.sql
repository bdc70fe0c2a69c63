-- Machines that call us.

-- A service that is not taken any more, or one token of one: by id, or by hex SHA-256. They
-- belong to no tenant. changed_at is how other nodes find what was done.
CREATE TABLE service_revocation (
    kind       TEXT NOT NULL CHECK (kind IN ('token', 'service')),
    name       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    until      INTEGER,
    lifted     INTEGER NOT NULL CHECK (lifted IN (0, 1)),
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_revocation_at ON service_revocation (changed_at);

-- A tenant's keys for its own programs; only the hash is here.
CREATE TABLE api_key (
    tenant       BLOB NOT NULL REFERENCES tenant (id),
    id           BLOB NOT NULL CHECK (length(id) = 16),
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix       TEXT NOT NULL,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_by   BLOB,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_revoked ON api_key (revoked_at) WHERE revoked_at IS NOT NULL;
