-- Who is who: tenants, persons, sessions and the refresh tokens that carry them on.

CREATE TABLE tenant (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    slug        text NOT NULL UNIQUE,
    status      text NOT NULL DEFAULT 'ACTIVE'
                CHECK (status IN ('ACTIVE', 'SUSPENDED', 'INACTIVE')),
    settings    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL
);

-- The tenant that an installation starts with.
INSERT INTO tenant (id, name, slug, created_at)
VALUES ('00000000-0000-0000-0000-000000000001', 'Default', 'default', to_timestamp(0));

-- A person is one (tenant, email). The email is kept in lower case.
CREATE TABLE person (
    tenant         uuid NOT NULL REFERENCES tenant (id),
    id             uuid NOT NULL,
    email          text NOT NULL,
    password_hash  text,                         -- NULL: can't sign in with a password
    first_name     text NOT NULL DEFAULT '',
    last_name      text NOT NULL DEFAULT '',
    phone          text,
    email_verified boolean NOT NULL DEFAULT false,
    mfa_enabled    boolean NOT NULL DEFAULT false,
    role           text NOT NULL DEFAULT 'customer'
                   CHECK (role IN ('customer', 'venue_manager', 'admin', 'super-admin')),
    status         text NOT NULL DEFAULT 'PENDING'
                   CHECK (status IN ('PENDING', 'ACTIVE', 'SUSPENDED', 'DELETED')),
    failed_logins  integer NOT NULL DEFAULT 0,   -- that led to the lock
    locked_until   timestamptz,
    last_login_at  timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    version        integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, email)
);

-- A session is a family of refresh tokens; access tokens carry its id.
CREATE TABLE session (
    tenant      uuid NOT NULL,
    id          uuid NOT NULL,
    person      uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,            -- however often it is carried on
    ended_at    timestamptz,
    ended_why   text,
    ip          text,
    user_agent  text,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);
CREATE INDEX session_person  ON session (tenant, person, id);
CREATE INDEX session_ended   ON session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_expires ON session (expires_at);

-- A refresh token is known by its SHA-256. Once used it keeps its successor, sealed, for
-- the client that lost the answer.
CREATE TABLE refresh_token (
    tenant      uuid NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    session     uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    successor   bytea,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, session) REFERENCES session (tenant, id)
);
CREATE INDEX refresh_token_session ON refresh_token (tenant, session);
CREATE INDEX refresh_token_expires ON refresh_token (expires_at);

SELECT guard_tables();
