-- What proves who somebody is, beside a password. Whatever is one-use and may be lost (the
-- challenges) is in the kv; what was used and must stay used is here.

-- One authenticator app. The secret is sealed; last_step is the newest step that was used.
CREATE TABLE totp (
    tenant      uuid NOT NULL,
    person      uuid NOT NULL,
    secret      bytea NOT NULL,
    last_step   bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, person),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);

-- By a keyed hash: eight hex digits could be tried through by whoever reads the table.
CREATE TABLE backup_code (
    tenant      uuid NOT NULL,
    person      uuid NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    used_at     timestamptz,
    PRIMARY KEY (tenant, person, hash),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);

CREATE TABLE passkey (
    tenant       uuid NOT NULL,
    id           uuid NOT NULL,
    person       uuid NOT NULL,
    credential   bytea NOT NULL,                  -- the authenticator's id for it
    public_key   bytea NOT NULL,                  -- SubjectPublicKeyInfo, DER
    counter      bigint NOT NULL,
    backed_up    boolean NOT NULL,
    may_back_up  boolean NOT NULL,
    name         text NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, credential),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);
CREATE INDEX passkey_person ON passkey (tenant, person, id);

-- One wallet, one account.
CREATE TABLE wallet (
    tenant       uuid NOT NULL,
    chain        text NOT NULL CHECK (chain IN ('solana', 'ethereum')),
    address      text NOT NULL,
    person       uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    PRIMARY KEY (tenant, chain, address),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);
CREATE INDEX wallet_person ON wallet (tenant, person, chain);

-- A key that a phone opens for its owner's face or finger.
CREATE TABLE device_key (
    tenant       uuid NOT NULL,
    id           uuid NOT NULL,
    person       uuid NOT NULL,
    device       text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('faceId', 'touchId', 'fingerprint')),
    public_key   bytea NOT NULL,                  -- SubjectPublicKeyInfo, DER
    name         text NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, person, device),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);

SELECT guard_tables();
