-- Letters are carried for one tenant after the other: the next one's that is due the longest.
CREATE INDEX letter_turn ON letter (tenant, due_at);

SELECT guard_tables();
