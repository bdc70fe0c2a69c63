-- Where things happen and what happens there: venues, who works at them, events.

CREATE TABLE venue (
    tenant     uuid NOT NULL,
    id         uuid NOT NULL,
    name       text NOT NULL,
    timezone   text NOT NULL,                    -- IANA name
    capacity   integer NOT NULL CHECK (capacity BETWEEN 1 AND 1000000),
    country    text CHECK (length(country) = 2), -- ISO 3166
    city       text,
    status     text NOT NULL CHECK (status IN ('ACTIVE', 'CLOSED')),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version    integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE venue_staff (
    tenant     uuid NOT NULL,
    venue      uuid NOT NULL,
    person     uuid NOT NULL,
    role       text NOT NULL
               CHECK (role IN ('venue-owner', 'venue-manager', 'box-office', 'door-staff')),
    granted_by uuid NOT NULL,
    granted_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (tenant, venue, person),
    FOREIGN KEY (tenant, venue) REFERENCES venue (tenant, id)
);

CREATE TABLE event (
    tenant         uuid NOT NULL,
    id             uuid NOT NULL,
    venue          uuid NOT NULL,
    name           text NOT NULL,
    description    text,
    timezone       text NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    doors_open_at  timestamptz,
    sales_start_at timestamptz,
    sales_end_at   timestamptz,
    status         text NOT NULL
                   CHECK (status IN ('DRAFT', 'REVIEW', 'APPROVED', 'PUBLISHED', 'ON_SALE',
                                     'SALES_PAUSED', 'SOLD_OUT', 'IN_PROGRESS', 'COMPLETED',
                                     'CANCELLED', 'POSTPONED', 'RESCHEDULED')),
    status_reason  text,
    published_at   timestamptz,                  -- since when everybody sees it; NULL: not yet
    on_sale_at     timestamptz,                  -- when its first sale could happen
    due_at         timestamptz,                  -- when the clock must look; NULL: never
    deleted_at     timestamptz,
    content        jsonb NOT NULL DEFAULT '{}',  -- gallery, lineup, schedule, performers
    created_by     uuid NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    version        integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, venue) REFERENCES venue (tenant, id),
    CHECK (ends_at > starts_at),
    CHECK (doors_open_at <= starts_at),
    CHECK (sales_end_at > sales_start_at)
);
CREATE INDEX event_time  ON event (tenant, starts_at, id) WHERE deleted_at IS NULL;
CREATE INDEX event_venue ON event (tenant, venue);
CREATE INDEX event_due   ON event (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE event_history (
    tenant  uuid NOT NULL,
    event   uuid NOT NULL,
    version integer NOT NULL,                    -- of the event after the move
    at      timestamptz NOT NULL,
    was     text NOT NULL,
    became  text NOT NULL,
    action  text NOT NULL,
    person  uuid,                                -- NULL: the clock, or another machine
    reason  text,
    PRIMARY KEY (tenant, event, version),
    FOREIGN KEY (tenant, event) REFERENCES event (tenant, id)
);

SELECT guard_tables();
