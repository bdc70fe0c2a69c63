-- Endpoints that were removed go when their last delivery has; until then they are found here.
CREATE INDEX webhook_endpoint_gone ON webhook_endpoint (updated_at) WHERE status = 'DELETED';

SELECT guard_tables();
