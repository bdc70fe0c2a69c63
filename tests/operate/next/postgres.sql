-- What a next release might bring: a column that today's program does not know and need
-- not fill, and a table of tenants.

ALTER TABLE ticket_type ADD COLUMN colour text;

CREATE TABLE seat (
    tenant uuid NOT NULL,
    id     uuid NOT NULL,
    label  text NOT NULL,
    PRIMARY KEY (tenant, id)
);
SELECT guard_tables();
