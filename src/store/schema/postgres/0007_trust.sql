-- Trust: how authority is taken back before a token has run out, and how a person is forgotten.

-- Tokens say the epoch of their person; those of an older one are void. epoch_at is when it
-- rose, so that other nodes find it.
ALTER TABLE person ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN epoch_at timestamptz;
CREATE INDEX person_epoch ON person (epoch_at) WHERE epoch_at IS NOT NULL;

-- When a tenant was last suspended or let go on, for the same reason.
ALTER TABLE tenant ADD COLUMN status_at timestamptz;
CREATE INDEX tenant_status ON tenant (status_at) WHERE status_at IS NOT NULL;

-- Who wants to be forgotten is DELETED at once; erased when nothing personal is left.
ALTER TABLE person ADD COLUMN deleted_at timestamptz;
ALTER TABLE person ADD COLUMN erased_at timestamptz;
CREATE INDEX person_deleted ON person (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;

CREATE INDEX venue_staff_person ON venue_staff (tenant, person);

-- Tokens and session ids that are void and of which no session tells.
CREATE TABLE revoked_token (
    tenant     uuid NOT NULL,
    id         uuid NOT NULL,
    revoked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX revoked_token_at ON revoked_token (revoked_at);

SELECT guard_tables();
