-- What others publish through us, and what could not be told.

-- Ids of messages that were published, so that a repeated one is told once.
CREATE TABLE published (
    tenant  uuid NOT NULL,
    id      text NOT NULL,                       -- the publisher's
    digest  bytea NOT NULL,                      -- SHA-256 of what it says
    at      timestamptz NOT NULL,                -- when it happened, as he says
    came_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX published_came ON published (came_at);

-- Tidings that the bus refused for good. The id is the outbox row's.
CREATE TABLE dead_letter (
    tenant     uuid NOT NULL,
    id         bigint NOT NULL,
    person     uuid,
    event      uuid,
    type       text NOT NULL,
    payload    json NOT NULL,
    attempts   bigint NOT NULL CHECK (attempts > 0),
    last_error text NOT NULL,
    created_at timestamptz NOT NULL,
    moved_at   timestamptz NOT NULL,
    state      text NOT NULL DEFAULT 'DEAD' CHECK (state IN ('DEAD', 'RETRIED', 'DISCARDED')),
    settled_at timestamptz,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX dead_letter_id ON dead_letter (id);
CREATE INDEX dead_letter_state ON dead_letter (state, moved_at);
CREATE INDEX dead_letter_list  ON dead_letter (tenant, state, id);
CREATE INDEX dead_letter_person ON dead_letter (tenant, person) WHERE person IS NOT NULL;

SELECT guard_tables();
