-- What caused a tiding or a letter, as a traceparent (W3C Trace Context), so that who hears
-- or carries it goes on with its trace. Only of those that are followed.
ALTER TABLE outbox ADD COLUMN trace TEXT;
ALTER TABLE letter ADD COLUMN trace TEXT;
