-- Campaigns and what became of their slots. Append-only like runs: the state of a slot is
-- derived from its events.
--
-- `run` refers to no row of `runs` on purpose: that a slot begins is written down before its
-- run is, so that a kill between the two cannot lose the slot.

CREATE TABLE campaigns (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    format TEXT NOT NULL,
    tool_version TEXT NOT NULL,
    name TEXT NOT NULL,
    started TEXT NOT NULL,
    record TEXT NOT NULL CHECK (json_valid(record))
) STRICT;

CREATE TABLE slot_events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign TEXT NOT NULL REFERENCES campaigns (id),
    slot INTEGER NOT NULL CHECK (slot >= 0),
    record TEXT NOT NULL CHECK (json_valid(record))
) STRICT;

CREATE INDEX slot_events_of_campaign ON slot_events (campaign, sequence);

CREATE TRIGGER campaigns_not_changed BEFORE UPDATE ON campaigns
BEGIN SELECT RAISE(ABORT, 'campaigns are append-only'); END;
CREATE TRIGGER campaigns_not_removed BEFORE DELETE ON campaigns
BEGIN SELECT RAISE(ABORT, 'campaigns are append-only'); END;
CREATE TRIGGER slot_events_not_changed BEFORE UPDATE ON slot_events
BEGIN SELECT RAISE(ABORT, 'slot events are append-only'); END;
CREATE TRIGGER slot_events_not_removed BEFORE DELETE ON slot_events
BEGIN SELECT RAISE(ABORT, 'slot events are append-only'); END;
