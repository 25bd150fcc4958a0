-- Runs, their trials and what happened to them. Nothing here is ever changed or removed:
-- how far a run came is derived from its events, so no column has to be updated.
--
-- Each record is kept whole as JSON text; the columns beside it are copies that queries need.

CREATE TABLE writers (
    tool_version TEXT NOT NULL PRIMARY KEY,
    database_version INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    format TEXT NOT NULL,
    tool_version TEXT NOT NULL,
    name TEXT NOT NULL,
    started TEXT NOT NULL,
    environments TEXT NOT NULL CHECK (json_valid(environments)),
    workloads TEXT NOT NULL CHECK (json_valid(workloads)),
    trials_asked INTEGER NOT NULL CHECK (trials_asked >= 0),
    record TEXT NOT NULL CHECK (json_valid(record))
) STRICT;

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL REFERENCES runs (id),
    at TEXT NOT NULL,
    event TEXT NOT NULL,
    record TEXT NOT NULL CHECK (json_valid(record))
) STRICT;

CREATE INDEX events_of_run ON events (run, sequence);

CREATE TABLE trials (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL REFERENCES runs (id),
    block INTEGER NOT NULL CHECK (block >= 0),
    environment TEXT NOT NULL,
    workload TEXT NOT NULL,
    status TEXT NOT NULL,
    record TEXT NOT NULL CHECK (json_valid(record)),
    UNIQUE (run, block, environment, workload)
) STRICT;

-- Failed trials are counted without touching the records, which are long.
CREATE INDEX trials_by_status ON trials (run, status);

CREATE TRIGGER writers_not_changed BEFORE UPDATE ON writers
BEGIN SELECT RAISE(ABORT, 'writers are append-only'); END;
CREATE TRIGGER writers_not_removed BEFORE DELETE ON writers
BEGIN SELECT RAISE(ABORT, 'writers are append-only'); END;
CREATE TRIGGER runs_not_changed BEFORE UPDATE ON runs
BEGIN SELECT RAISE(ABORT, 'runs are append-only'); END;
CREATE TRIGGER runs_not_removed BEFORE DELETE ON runs
BEGIN SELECT RAISE(ABORT, 'runs are append-only'); END;
CREATE TRIGGER events_not_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_not_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER trials_not_changed BEFORE UPDATE ON trials
BEGIN SELECT RAISE(ABORT, 'trials are append-only'); END;
CREATE TRIGGER trials_not_removed BEFORE DELETE ON trials
BEGIN SELECT RAISE(ABORT, 'trials are append-only'); END;
