-- What was made on the host, written down before it is made. Append-only as well: a step
-- is a row of its own, and what has no step `gone` may still exist.
--
-- `run` refers to no row of `runs` on purpose: writing down an intention must never fail
-- because of the order in which a run is begun and its first resource is made.

CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT,
    resource TEXT NOT NULL CHECK (json_valid(resource)),
    owner TEXT NOT NULL CHECK (json_valid(owner))
) STRICT;

CREATE TABLE journal_steps (
    entry INTEGER NOT NULL REFERENCES journal (id),
    step TEXT NOT NULL CHECK (step IN ('created', 'gone')),
    PRIMARY KEY (entry, step)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER journal_not_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_not_removed BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_steps_not_changed BEFORE UPDATE ON journal_steps
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_steps_not_removed BEFORE DELETE ON journal_steps
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
