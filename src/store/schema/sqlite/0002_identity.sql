-- Who is who: tenants, persons, sessions and the refresh tokens that carry them on.

CREATE TABLE tenant (
    id          BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    name        TEXT NOT NULL,
    slug        TEXT NOT NULL UNIQUE,
    status      TEXT NOT NULL DEFAULT 'ACTIVE'
                CHECK (status IN ('ACTIVE', 'SUSPENDED', 'INACTIVE')),
    settings    TEXT NOT NULL DEFAULT '{}',
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The tenant that an installation starts with.
INSERT INTO tenant (id, name, slug, created_at)
VALUES (x'00000000000000000000000000000001', 'Default', 'default', 0);

-- A person is one (tenant, email). The email is kept in lower case.
CREATE TABLE person (
    tenant         BLOB NOT NULL REFERENCES tenant (id),
    id             BLOB NOT NULL CHECK (length(id) = 16),
    email          TEXT NOT NULL,
    password_hash  TEXT,                         -- NULL: can't sign in with a password
    first_name     TEXT NOT NULL DEFAULT '',
    last_name      TEXT NOT NULL DEFAULT '',
    phone          TEXT,
    email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
    mfa_enabled    INTEGER NOT NULL DEFAULT 0 CHECK (mfa_enabled IN (0, 1)),
    role           TEXT NOT NULL DEFAULT 'customer'
                   CHECK (role IN ('customer', 'venue_manager', 'admin', 'super-admin')),
    status         TEXT NOT NULL DEFAULT 'PENDING'
                   CHECK (status IN ('PENDING', 'ACTIVE', 'SUSPENDED', 'DELETED')),
    failed_logins  INTEGER NOT NULL DEFAULT 0,   -- that led to the lock
    locked_until   INTEGER,
    last_login_at  INTEGER,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, email)
) STRICT, WITHOUT ROWID;

-- A session is a family of refresh tokens; access tokens carry its id.
CREATE TABLE session (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    person      BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,                -- however often it is carried on
    ended_at    INTEGER,
    ended_why   TEXT,
    ip          TEXT,
    user_agent  TEXT,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_person  ON session (tenant, person, id);
CREATE INDEX session_ended   ON session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_expires ON session (expires_at);

-- A refresh token is known by its SHA-256. Once used it keeps its successor, sealed, for
-- the client that lost the answer.
CREATE TABLE refresh_token (
    tenant      BLOB NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    session     BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,
    successor   BLOB,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, session) REFERENCES session (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_token_session ON refresh_token (tenant, session);
CREATE INDEX refresh_token_expires ON refresh_token (expires_at);
