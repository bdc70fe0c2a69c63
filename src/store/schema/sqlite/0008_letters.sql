-- Letters that are on their way. A row is written with what it tells of and deleted when the
-- letter was handed over. What it says is sealed: there may be a secret in it.
CREATE TABLE letter (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    person      BLOB NOT NULL,                   -- whose account it is about
    kind        TEXT NOT NULL,
    sealed      BLOB NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,                -- not before; who carries it moves it ahead
    expires_at  INTEGER NOT NULL,                -- after it the letter is of no use
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, person) REFERENCES person (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX letter_due    ON letter (due_at);
CREATE INDEX letter_person ON letter (tenant, person);

-- Who gets what is left behind.
CREATE INDEX person_admin ON person (tenant, created_at, id) WHERE role IN ('admin', 'super-admin');

-- Deeds about others, for who asks what one has done.
CREATE INDEX audit_actor ON audit (tenant, actor)
    WHERE actor IS NOT NULL AND (subject IS NULL OR subject <> actor);
