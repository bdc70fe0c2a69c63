-- What caused a tiding, as a traceparent (W3C Trace Context), so that who hears it goes on
-- with its trace. Only of those that are followed.
ALTER TABLE outbox ADD COLUMN trace text;
SELECT guard_tables();
