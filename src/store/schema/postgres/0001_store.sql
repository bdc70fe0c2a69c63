-- What the store itself keeps: its version, the wall between tenants, leases, tidings for
-- the relay, answers to retried requests.

CREATE TABLE schema_version (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL,
    oldest  integer NOT NULL                     -- program that can work on it
);
INSERT INTO schema_version (version, oldest) VALUES (0, 0);

-- The second wall: whatever a statement says, a transaction sees the rows of the tenant
-- that it was opened for. '*' is for clock jobs and the relay, which span tenants; an
-- unset tenant sees nothing. The sub-selects are evaluated once a statement, not once a row.
CREATE FUNCTION the_tenant() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT nullif(nullif(current_setting('tickettoken.tenant', true), '*'), '')::uuid
$$;
CREATE FUNCTION every_tenant() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_setting('tickettoken.tenant', true) = '*'
$$;

-- Puts up the wall around each table that has a tenant and has none yet. Every step that
-- makes a table ends with it; the owner of the tables is not excepted.
CREATE FUNCTION guard_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT c.oid::regclass AS name, a.attname AS key
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid
            AND a.attname = CASE c.relname WHEN 'tenant' THEN 'id' ELSE 'tenant' END
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
            AND NOT c.relrowsecurity
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY of_tenant ON %s USING (%I = (SELECT the_tenant())'
                       ' OR (SELECT every_tenant()))', t.name, t.key);
    END LOOP;
END
$$;

-- Which node does a job, and until when.
CREATE TABLE lease (
    name   text PRIMARY KEY,
    holder uuid NOT NULL,
    until  timestamptz NOT NULL
);

CREATE TABLE outbox (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- the id that streams resume by
    tenant  uuid NOT NULL,
    person  uuid,                                -- who hears it; NULL: who watches the event
    event   uuid,                                -- what it is about
    type    text NOT NULL,
    data    json NOT NULL,                       -- as it was told, to the letter
    at      timestamptz NOT NULL
);
CREATE INDEX outbox_person ON outbox (tenant, person, id) WHERE person IS NOT NULL;
CREATE INDEX outbox_event  ON outbox (tenant, event, id)  WHERE person IS NULL;

CREATE TABLE once (
    tenant  uuid NOT NULL,
    person  uuid NOT NULL,
    scope   text NOT NULL,                       -- method and route
    key     text NOT NULL,
    request bytea NOT NULL,                      -- SHA-256 of the body
    status  integer NOT NULL,
    answer  text NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, person, scope, key)
);
CREATE INDEX once_at ON once (at);               -- for the sweep

SELECT guard_tables();
