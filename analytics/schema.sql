-- Text that repeats is a number. What belongs to no API, product and so on is the empty text.
CREATE TABLE IF NOT EXISTS names (
    id     INTEGER NOT NULL PRIMARY KEY,
    text   TEXT    NOT NULL UNIQUE,
    folded TEXT    NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS names_by_folded ON names (folded);

-- Sums over the requests of a quarter of an hour; times in milliseconds.
CREATE TABLE IF NOT EXISTS buckets (
    service      INTEGER NOT NULL,
    time         INTEGER NOT NULL,         -- start, seconds since 1970
    api          INTEGER NOT NULL,
    operation    INTEGER NOT NULL,
    product      INTEGER NOT NULL,
    subscription INTEGER NOT NULL,
    user         INTEGER NOT NULL,
    gateway      INTEGER NOT NULL,
    country      INTEGER NOT NULL,
    region       INTEGER NOT NULL,
    zip          INTEGER NOT NULL,
    success      INTEGER NOT NULL,
    blocked      INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    other        INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    hits         INTEGER NOT NULL,
    misses       INTEGER NOT NULL,
    total        REAL    NOT NULL,
    total_min    REAL    NOT NULL,
    total_max    REAL    NOT NULL,
    backend      REAL    NOT NULL,
    backend_min  REAL    NOT NULL,
    backend_max  REAL    NOT NULL,
    PRIMARY KEY (service, time, api, operation, product, subscription, user, gateway, country, region, zip)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS buckets_by_time ON buckets (time);

-- The newest requests, many to a row, in the order in which they came.
CREATE TABLE IF NOT EXISTS segments (
    id      INTEGER NOT NULL PRIMARY KEY,
    service INTEGER NOT NULL,
    first   INTEGER NOT NULL,              -- time of the earliest, microseconds since 1970
    last    INTEGER NOT NULL,              -- time of the latest
    upto    INTEGER NOT NULL,              -- how many requests there had been with these
    n       INTEGER NOT NULL,              -- how many are in data
    gone    INTEGER NOT NULL,              -- how many of them, from the first on, do not count any more
    data    BLOB    NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS segments_by_time ON segments (service, last);

-- How many requests the buckets tell of: those of later segments are not summed up yet.
CREATE TABLE IF NOT EXISTS progress (
    id     INTEGER NOT NULL PRIMARY KEY,
    summed INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS quotas (
    service INTEGER NOT NULL,
    counter TEXT    NOT NULL,
    period  TEXT    NOT NULL,
    start   INTEGER NOT NULL,              -- seconds since 1970
    until   INTEGER NOT NULL,
    calls   INTEGER NOT NULL,
    kb      REAL    NOT NULL,
    PRIMARY KEY (service, counter, period)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS quotas_by_end ON quotas (until);

-- What somebody set, for gateways elsewhere, which follow it by number: a time, so that numbers grow also when this database is made anew.
CREATE TABLE IF NOT EXISTS edits (
    id      INTEGER NOT NULL PRIMARY KEY,
    service INTEGER NOT NULL,
    counter TEXT    NOT NULL,
    period  TEXT    NOT NULL,
    time    INTEGER NOT NULL,              -- seconds since 1970
    calls   INTEGER,
    kb      REAL
) STRICT;

CREATE INDEX IF NOT EXISTS edits_by_service ON edits (service, id);
