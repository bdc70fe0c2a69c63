-- What a next release might bring: a column that today's program does not know and need
-- not fill, and a table of tenants.

ALTER TABLE ticket_type ADD COLUMN colour TEXT;

CREATE TABLE seat (
    tenant BLOB NOT NULL,
    id     BLOB NOT NULL,
    label  TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
