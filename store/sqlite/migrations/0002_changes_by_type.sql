-- What each document of a type was at a past moment is found here, without reading the log.
CREATE INDEX changes_by_type ON changes (type, resource) WHERE kind IN ('write', 'delete');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('changes', 'changes_by_type', '10000000 200000 10');
ANALYZE sqlite_schema;
