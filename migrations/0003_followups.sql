-- Follow-ups: what shall happen later. Times here are the wall clock's, because people mean it.

CREATE TABLE followups (
    id               TEXT   NOT NULL PRIMARY KEY,
    short            TEXT   NOT NULL UNIQUE,
    task             TEXT   NOT NULL,
    kind             TEXT   NOT NULL CHECK (kind IN ('turn', 'command', 'agent')),
    schedule         TEXT   NOT NULL,
    recurring        BIGINT NOT NULL CHECK (recurring IN (0, 1)),
    state            TEXT   NOT NULL CHECK (state IN ('pending', 'paused', 'ended', 'cancelled')),
    -- Why it stands so, when somebody or something changed it.
    reason           TEXT,
    -- Why it was scheduled.
    purpose          TEXT   NOT NULL,
    dedupe           TEXT,
    delete_after_run BIGINT NOT NULL DEFAULT 0 CHECK (delete_after_run IN (0, 1)),
    failures         BIGINT NOT NULL DEFAULT 0 CHECK (failures >= 0),
    pause_after      BIGINT NOT NULL CHECK (pause_after >= 1),
    person           TEXT   NOT NULL,
    person_id        TEXT   NOT NULL,
    account          TEXT   NOT NULL,
    channel          TEXT   NOT NULL,
    thread           TEXT,
    place            TEXT   NOT NULL,
    created_at       BIGINT NOT NULL CHECK (created_at + 0 = created_at),
    ended_at         BIGINT CHECK (ended_at + 0 = ended_at),
    -- Whether its texts are kept; the retention takes them before the row.
    kept             BIGINT NOT NULL DEFAULT 1 CHECK (kept IN (0, 1)),
    CHECK ((state IN ('ended', 'cancelled')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX followups_dedupe ON followups (account, person_id, dedupe)
    WHERE dedupe IS NOT NULL AND ended_at IS NULL;
CREATE INDEX followups_person  ON followups (account, person_id, created_at) WHERE ended_at IS NULL;
CREATE INDEX followups_place   ON followups (account, channel, created_at) WHERE ended_at IS NULL;
CREATE INDEX followups_open    ON followups (created_at, id) WHERE ended_at IS NULL;
CREATE INDEX followups_newest  ON followups (created_at, id);
CREATE INDEX followups_ended   ON followups (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX followups_kept    ON followups (ended_at) WHERE kept = 1 AND ended_at IS NOT NULL;

-- One row for each due time. (follow-up, due, manual) is the fire key: no second row for the same one.
CREATE TABLE occurrences (
    id           TEXT   NOT NULL PRIMARY KEY,
    followup     TEXT   NOT NULL REFERENCES followups (id),
    due          BIGINT NOT NULL CHECK (due + 0 = due),
    manual       BIGINT NOT NULL DEFAULT 0 CHECK (manual IN (0, 1)),
    state        TEXT   NOT NULL CHECK (state IN ('scheduled', 'running', 'success', 'failed', 'failed_dropped',
                                                  'missed', 'skipped', 'cancelled')),
    -- When it is claimed next: its due time, or that of its next attempt. None while it is paused or held.
    due_at       BIGINT CHECK (due_at + 0 = due_at),
    reason       TEXT,
    attempts     BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_error   TEXT,
    lease_owner  TEXT,
    lease_until  BIGINT CHECK (lease_until + 0 = lease_until),
    fence        BIGINT NOT NULL DEFAULT 0,
    fired_at     BIGINT CHECK (fired_at + 0 = fired_at),
    late         TEXT,
    worker       TEXT,
    -- The backend whose gate it waits for.
    gate         TEXT,
    settled_at   BIGINT CHECK (settled_at + 0 = settled_at),
    UNIQUE (followup, due, manual),
    CHECK ((state IN ('scheduled', 'running')) = (settled_at IS NULL)),
    CHECK ((due_at IS NULL) OR (state = 'scheduled')),
    CHECK ((gate IS NULL) OR (due_at IS NULL)),
    CHECK ((lease_owner IS NULL) OR (state = 'running')),
    CHECK ((state <> 'running') OR (lease_owner IS NOT NULL) OR (worker IS NOT NULL)),
    CHECK ((state NOT IN ('failed', 'failed_dropped', 'missed', 'skipped', 'cancelled')) OR (reason IS NOT NULL))
);
CREATE INDEX occurrences_due     ON occurrences (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX occurrences_claimed ON occurrences (lease_until) WHERE lease_owner IS NOT NULL;
CREATE INDEX occurrences_held    ON occurrences (gate) WHERE gate IS NOT NULL;
CREATE INDEX occurrences_open    ON occurrences (followup, due) WHERE settled_at IS NULL;
CREATE INDEX occurrences_settled ON occurrences (settled_at) WHERE settled_at IS NOT NULL;
-- An empty reason is one whose retention is over.
CREATE INDEX occurrences_worded  ON occurrences (settled_at) WHERE reason <> '' AND settled_at IS NOT NULL;

-- The job of an occurrence settles it when it ends.
ALTER TABLE workers ADD COLUMN occurrence TEXT;
-- The same request to schedule, given again, is answered as it was the first time.
ALTER TABLE inbox ADD COLUMN followup TEXT;

-- The time zones that people set, of themselves or of a channel; the other one of the two is empty.
CREATE TABLE zones (
    account TEXT NOT NULL,
    person  TEXT NOT NULL,
    channel TEXT NOT NULL,
    zone    TEXT NOT NULL,
    PRIMARY KEY (account, person, channel),
    CHECK ((person = '') <> (channel = ''))
);

-- When the bot was last seen alive, and since when it had not been before that: what is late can say why.
CREATE TABLE pulse (
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    alive_at BIGINT NOT NULL CHECK (alive_at + 0 = alive_at),
    gap_from BIGINT CHECK (gap_from + 0 = gap_from),
    gap_to   BIGINT CHECK (gap_to + 0 = gap_to),
    CHECK ((gap_from IS NULL) = (gap_to IS NULL))
);
