-- What the planner is to expect. Without statistics SQLite takes a tenant's whole table
-- for as small as one person's rows in it, and a sale slows down with every hold. So
-- each index gets the figures of a large installation: a million rows, a hundred
-- thousand of one tenant, twenty behind a second column, two behind a third, and one
-- where the index is unique. They are set, not measured, so a plan never changes by itself.

ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat)
SELECT t.name, CASE i.origin WHEN 'pk' THEN t.name ELSE i.name END,
       '1000000' || (
           SELECT group_concat(' ' || CASE
               WHEN i."unique" AND c.seqno = (SELECT max(seqno) FROM pragma_index_info(i.name)) THEN 1
               WHEN c.seqno = 0 AND c.name = 'tenant' THEN 100000
               WHEN c.seqno = 0 THEN 10
               WHEN c.seqno = 1 THEN 20
               ELSE 2 END, '')
           FROM pragma_index_info(i.name) c)
FROM sqlite_schema t, pragma_index_list(t.name) i
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%';
ANALYZE sqlite_schema;
