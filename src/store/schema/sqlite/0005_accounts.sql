-- Accounts: what letters carry, and what was done by whom.

-- A proof is the secret of one letter, known by its SHA-256: whoever shows it reads that
-- mailbox. A typed code goes with it, kept as a MAC, because six digits hide behind no hash.
CREATE TABLE mail_proof (
    tenant      BLOB NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    person      BLOB NOT NULL,
    purpose     TEXT NOT NULL CHECK (purpose IN ('verify', 'reset')),
    code        BLOB CHECK (length(code) = 32),
    code_tries  INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,                         -- or given up for a newer one
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_proof_person  ON mail_proof (tenant, person, purpose, created_at);
CREATE INDEX mail_proof_expires ON mail_proof (expires_at);

-- Written in the transaction of what it records, and never changed.
CREATE TABLE audit (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),   -- rises with time
    at          INTEGER NOT NULL,
    action      TEXT NOT NULL,                   -- 'user.login'
    success     INTEGER NOT NULL CHECK (success IN (0, 1)),
    actor       BLOB,                            -- who did it; NULL: not known
    subject     BLOB,                            -- whose account it is about
    target      TEXT,                            -- what else it is about
    ip          TEXT,
    user_agent  TEXT,
    details     TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_subject ON audit (tenant, subject, id);
CREATE INDEX audit_action  ON audit (tenant, action, id);
CREATE INDEX audit_at      ON audit (at);
