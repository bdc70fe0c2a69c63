-- Whom other issuers' tokens speak of. Nobody is made an account by a foreign token, and an
-- email links nothing: an admin says which subject is whose.
CREATE TABLE foreign_identity (
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL CHECK (length(id) = 16),
    person     BLOB NOT NULL,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, issuer, subject),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX foreign_identity_person ON foreign_identity (tenant, person, id);
