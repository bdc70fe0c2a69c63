-- Whom other issuers' tokens speak of. Nobody is made an account by a foreign token, and an
-- email links nothing: an admin says which subject is whose.
CREATE TABLE foreign_identity (
    tenant     uuid NOT NULL,
    id         uuid NOT NULL,
    person     uuid NOT NULL,
    issuer     text NOT NULL,
    subject    text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, issuer, subject),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
);
CREATE INDEX foreign_identity_person ON foreign_identity (tenant, person, id);

SELECT guard_tables();
