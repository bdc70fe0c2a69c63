-- Accounts: what letters carry, and what was done by whom.

-- A proof is the secret of one letter, known by its SHA-256: whoever shows it reads that
-- mailbox. A typed code goes with it, kept as a MAC, because six digits hide behind no hash.
CREATE TABLE mail_proof (
    tenant      uuid NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    person      uuid NOT NULL,
    purpose     text NOT NULL CHECK (purpose IN ('verify', 'reset')),
    code        bytea CHECK (length(code) = 32),
    code_tries  integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,                         -- or given up for a newer one
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);
CREATE INDEX mail_proof_person  ON mail_proof (tenant, person, purpose, created_at);
CREATE INDEX mail_proof_expires ON mail_proof (expires_at);

-- Written in the transaction of what it records, and never changed.
CREATE TABLE audit (
    tenant      uuid NOT NULL,
    id          uuid NOT NULL,                           -- rises with time
    at          timestamptz NOT NULL,
    action      text NOT NULL,                   -- 'user.login'
    success     boolean NOT NULL,
    actor       uuid,                            -- who did it; NULL: not known
    subject     uuid,                            -- whose account it is about
    target      text,                            -- what else it is about
    ip          text,
    user_agent  text,
    details     jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, id)
);
CREATE INDEX audit_subject ON audit (tenant, subject, id);
CREATE INDEX audit_action  ON audit (tenant, action, id);
CREATE INDEX audit_at      ON audit (at);

SELECT guard_tables();
