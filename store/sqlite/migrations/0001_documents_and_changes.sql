CREATE TABLE documents (
    key       TEXT   NOT NULL PRIMARY KEY, -- folded ID
    id        TEXT   NOT NULL,             -- as first written
    type      TEXT   NOT NULL,             -- folded
    type_name TEXT   NOT NULL,
    parent    TEXT   NOT NULL,             -- folded; '' for the tenant root
    name      TEXT   NOT NULL,             -- last part of the key
    revision  INTEGER NOT NULL,            -- sequence number of the change that wrote it
    created   INTEGER NOT NULL,            -- microseconds since 1970, like every time here
    updated   INTEGER NOT NULL,
    body      BLOB   NOT NULL,             -- JSON object
    secret    BLOB                         -- sealed
) STRICT;

CREATE INDEX documents_by_type ON documents (type, key);
CREATE INDEX documents_by_parent ON documents (parent, type, key);
CREATE INDEX documents_by_name ON documents (name, type, key);

-- record comes last, so that reading the other columns of a large one stops early.
CREATE TABLE changes (
    seq           INTEGER NOT NULL PRIMARY KEY,
    time          INTEGER NOT NULL,
    kind          TEXT   NOT NULL,
    resource      TEXT   NOT NULL,         -- folded ID of the document; '' for none
    scope         TEXT   NOT NULL,         -- folded; where the action was authorized
    type          TEXT   NOT NULL,         -- folded
    actor         TEXT   NOT NULL,
    operation     TEXT   NOT NULL,
    correlation   TEXT   NOT NULL,
    hash          BLOB   NOT NULL,
    secret_before BLOB,                    -- sealed
    secret_after  BLOB,                    -- sealed
    record        BLOB   NOT NULL          -- JSON
) STRICT;

CREATE TABLE tickets (
    kind    TEXT   NOT NULL,
    key     TEXT   NOT NULL,               -- digest
    owner   TEXT   NOT NULL,
    value   BLOB   NOT NULL,               -- sealed
    expires INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT;

CREATE INDEX tickets_by_owner ON tickets (owner, kind);
CREATE INDEX tickets_by_expiry ON tickets (expires);

CREATE TABLE data_keys (
    id      INTEGER NOT NULL PRIMARY KEY,
    wrapped BLOB   NOT NULL,               -- sealed by the master key
    created INTEGER NOT NULL
) STRICT;

CREATE INDEX changes_by_time ON changes (time);
CREATE INDEX changes_by_resource ON changes (resource);
CREATE INDEX changes_by_actor ON changes (actor);
CREATE INDEX changes_by_operation ON changes (operation);
CREATE INDEX changes_by_correlation ON changes (correlation);

-- Most changes are authorized at the resource itself; this one finds the others.
CREATE INDEX changes_by_scope ON changes (scope) WHERE scope <> resource;

-- Row counts for the planner, fixed so that a statement is run the same way
-- whatever the tables hold: total, then rows per value of each leading column.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('documents', 'sqlite_autoindex_documents_1', '1000000 1'),
    ('documents', 'documents_by_type', '1000000 20000 1'),
    ('documents', 'documents_by_parent', '1000000 50 20 1'),
    ('documents', 'documents_by_name', '1000000 5 5 1'),
    ('changes', 'changes_by_time', '10000000 2'),
    ('changes', 'changes_by_resource', '10000000 10'),
    ('changes', 'changes_by_actor', '10000000 10000'),
    ('changes', 'changes_by_operation', '10000000 2'),
    ('changes', 'changes_by_correlation', '10000000 2'),
    ('changes', 'changes_by_scope', '100000 100');
ANALYZE sqlite_schema;
