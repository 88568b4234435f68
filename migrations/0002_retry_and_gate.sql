-- Retries of jobs, and gates: one per backend account, closed while nothing can succeed until a person acts.

-- How often it was started for its failures; a start that a crash took back does not count.
ALTER TABLE workers ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0 CHECK (attempt >= 0);
-- A queued job with a due time rests between two attempts.
ALTER TABLE workers ADD COLUMN due_at BIGINT CHECK (due_at + 0 = due_at);
-- Why the attempt before failed, in one line for people.
ALTER TABLE workers ADD COLUMN retry_cause TEXT;
-- The account whose gate it respects; none for a job that needs no account.
ALTER TABLE workers ADD COLUMN backend TEXT;
CREATE INDEX IF NOT EXISTS workers_resting ON workers (due_at) WHERE state = 'queued' AND due_at IS NOT NULL;
-- What runs and waits of a kind is counted at every acceptance. The count reads the rest of a waiting job, too, and an
-- index without it would be no better than the one that holds every finished job.
DROP INDEX IF EXISTS workers_kind;
CREATE INDEX IF NOT EXISTS workers_kind    ON workers (kind, created_at, state, due_at) WHERE ended_at IS NULL;

-- A row is a closed gate; an open one has none.
CREATE TABLE IF NOT EXISTS gates (
    backend   TEXT   NOT NULL PRIMARY KEY,
    reason    TEXT   NOT NULL CHECK (reason IN ('session_expired', 'needs_credit', 'needs_key')),
    closed_at BIGINT NOT NULL CHECK (closed_at + 0 = closed_at),
    -- The short id of the job that found out.
    job       TEXT   NOT NULL,
    -- How the file with the credentials looked when that job began; another look opens the gate.
    stamp     TEXT
);

-- Who was told what to do, so that each is told once while a gate is closed.
CREATE TABLE IF NOT EXISTS gate_notices (
    backend   TEXT   NOT NULL,
    account   TEXT   NOT NULL,
    person_id TEXT   NOT NULL,
    PRIMARY KEY (backend, account, person_id)
);
