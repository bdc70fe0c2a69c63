-- What proves who somebody is, beside a password. Whatever is one-use and may be lost (the
-- challenges) is in the kv; what was used and must stay used is here.

-- One authenticator app. The secret is sealed; last_step is the newest step that was used.
CREATE TABLE totp (
    tenant      BLOB NOT NULL,
    person      BLOB NOT NULL CHECK (length(person) = 16),
    secret      BLOB NOT NULL,
    last_step   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, person),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;

-- By a keyed hash: eight hex digits could be tried through by whoever reads the table.
CREATE TABLE backup_code (
    tenant      BLOB NOT NULL,
    person      BLOB NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    used_at     INTEGER,
    PRIMARY KEY (tenant, person, hash),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkey (
    tenant       BLOB NOT NULL,
    id           BLOB NOT NULL CHECK (length(id) = 16),
    person       BLOB NOT NULL,
    credential   BLOB NOT NULL,                  -- the authenticator's id for it
    public_key   BLOB NOT NULL,                  -- SubjectPublicKeyInfo, DER
    counter      INTEGER NOT NULL,
    backed_up    INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    may_back_up  INTEGER NOT NULL CHECK (may_back_up IN (0, 1)),
    name         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, credential),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_person ON passkey (tenant, person, id);

-- One wallet, one account.
CREATE TABLE wallet (
    tenant       BLOB NOT NULL,
    chain        TEXT NOT NULL CHECK (chain IN ('solana', 'ethereum')),
    address      TEXT NOT NULL,
    person       BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (tenant, chain, address),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX wallet_person ON wallet (tenant, person, chain);

-- A key that a phone opens for its owner's face or finger.
CREATE TABLE device_key (
    tenant       BLOB NOT NULL,
    id           BLOB NOT NULL CHECK (length(id) = 16),
    person       BLOB NOT NULL,
    device       TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('faceId', 'touchId', 'fingerprint')),
    public_key   BLOB NOT NULL,                  -- SubjectPublicKeyInfo, DER
    name         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, person, device),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;
