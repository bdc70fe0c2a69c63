-- A tiding that is told again, because the bus had refused it: streams had missed it,
-- webhooks had not, and are not sent it twice.
ALTER TABLE outbox ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
