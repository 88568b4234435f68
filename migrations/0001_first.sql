-- The first schema. Portable SQL: TEXT ids, BIGINT milliseconds UTC, JSON as TEXT; the CHECKs
-- repeat what the closed types of wilco-core say, so that an impossible row cannot be stored.

-- One row for each event of a platform that changed something: a second one with the same id is the same event.
CREATE TABLE IF NOT EXISTS inbox (
    account     TEXT   NOT NULL,
    event       TEXT   NOT NULL,
    received_at BIGINT NOT NULL CHECK (received_at + 0 = received_at),
    worker      TEXT,
    PRIMARY KEY (account, event)
);
CREATE INDEX IF NOT EXISTS inbox_by_age ON inbox (received_at);

CREATE TABLE IF NOT EXISTS workers (
    id             TEXT   NOT NULL PRIMARY KEY,
    short          TEXT   NOT NULL UNIQUE,
    kind           TEXT   NOT NULL,
    input          TEXT   NOT NULL,
    rules          TEXT   NOT NULL,
    state          TEXT   NOT NULL CHECK (state IN ('queued', 'running', 'waiting_for_input', 'cancelling',
                                                    'done', 'failed', 'cancelled', 'timed_out', 'interrupted')),
    person_id      TEXT   NOT NULL,
    person_name    TEXT   NOT NULL,
    account        TEXT   NOT NULL,
    channel        TEXT   NOT NULL,
    thread         TEXT,
    ahead          BIGINT CHECK (ahead >= 0),
    reruns         BIGINT NOT NULL DEFAULT 0 CHECK (reruns >= 0),
    created_at     BIGINT NOT NULL CHECK (created_at + 0 = created_at),
    started_at     BIGINT CHECK (started_at + 0 = started_at),
    ended_at       BIGINT CHECK (ended_at + 0 = ended_at),
    owner          TEXT,
    lease_until    BIGINT CHECK (lease_until + 0 = lease_until),
    hard_deadline  BIGINT CHECK (hard_deadline + 0 = hard_deadline),
    deadline       BIGINT CHECK (deadline + 0 = deadline),
    alive_at       BIGINT CHECK (alive_at + 0 = alive_at),
    shown          TEXT   NOT NULL DEFAULT '{}',
    cancel_by      TEXT,
    cancel_reason  TEXT,
    cancel_at      BIGINT CHECK (cancel_at + 0 = cancel_at),
    ending         TEXT,
    journal_seq    BIGINT NOT NULL DEFAULT 0,
    kept           BIGINT NOT NULL DEFAULT 1 CHECK (kept IN (0, 1)),
    CHECK ((state IN ('done', 'failed', 'cancelled', 'timed_out', 'interrupted')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) OR (ending IS NOT NULL AND owner IS NULL AND deadline IS NULL)),
    CHECK ((state <> 'cancelling') OR (cancel_at IS NOT NULL AND cancel_by IS NOT NULL AND cancel_reason IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS workers_queued   ON workers (created_at, id) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS workers_open     ON workers (account, person_id, state) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS workers_channel  ON workers (account, channel) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS workers_owned    ON workers (owner) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS workers_due      ON workers (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS workers_stopping ON workers (cancel_at) WHERE state = 'cancelling';
CREATE INDEX IF NOT EXISTS workers_person   ON workers (account, person_id, created_at);
CREATE INDEX IF NOT EXISTS workers_kind     ON workers (kind, created_at, state) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS workers_newest   ON workers (created_at, id) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS workers_by_kind  ON workers (kind, created_at);
CREATE INDEX IF NOT EXISTS workers_recent   ON workers (created_at, id);
CREATE INDEX IF NOT EXISTS workers_ended    ON workers (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS workers_kept     ON workers (ended_at) WHERE kept = 1 AND ended_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS contracts (
    id                TEXT   NOT NULL PRIMARY KEY,
    worker            TEXT   NOT NULL REFERENCES workers (id),
    number            BIGINT NOT NULL CHECK (number >= 0),
    state             TEXT   NOT NULL CHECK (state IN ('created', 'acked', 'progressing', 'sla_missed',
                                                       'terminal_pending', 'terminal_acked', 'terminal_failed')),
    person            TEXT   NOT NULL,
    route             TEXT   NOT NULL,
    step              BIGINT NOT NULL CHECK (step >= 0),
    account           TEXT   NOT NULL,
    channel           TEXT   NOT NULL,
    thread            TEXT,
    message           TEXT,
    ack_deadline      BIGINT CHECK (ack_deadline + 0 = ack_deadline),
    progress_deadline BIGINT CHECK (progress_deadline + 0 = progress_deadline),
    acked_at          BIGINT CHECK (acked_at + 0 = acked_at),
    shown_print       TEXT,
    shown_at          BIGINT CHECK (shown_at + 0 = shown_at),
    edit_open         BIGINT NOT NULL DEFAULT 0 CHECK (edit_open IN (0, 1)),
    edit_until        BIGINT CHECK (edit_until + 0 = edit_until),
    doubt_at          BIGINT CHECK (doubt_at + 0 = doubt_at),
    created_at        BIGINT NOT NULL CHECK (created_at + 0 = created_at),
    UNIQUE (worker, number)
);
CREATE INDEX IF NOT EXISTS contracts_ack_due      ON contracts (ack_deadline) WHERE ack_deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS contracts_progress_due ON contracts (progress_deadline) WHERE progress_deadline IS NOT NULL;
CREATE INDEX IF NOT EXISTS contracts_windows      ON contracts (edit_until) WHERE edit_open = 1;
CREATE INDEX IF NOT EXISTS contracts_by_place     ON contracts (account, channel, created_at);

CREATE TABLE IF NOT EXISTS receipts (
    id            TEXT   NOT NULL PRIMARY KEY,
    contract      TEXT   NOT NULL REFERENCES contracts (id),
    worker        TEXT   NOT NULL REFERENCES workers (id),
    kind          TEXT   NOT NULL CHECK (kind IN ('stub', 'content', 'part', 'file', 'question', 'ping')),
    part          BIGINT NOT NULL CHECK (part >= 0),
    generation    BIGINT NOT NULL CHECK (generation >= 0),
    state         TEXT   NOT NULL CHECK (state IN ('waiting', 'pending', 'sending', 'surfaced', 'failed')),
    account       TEXT   NOT NULL,
    channel       TEXT   NOT NULL,
    thread        TEXT,
    body          TEXT,
    message       TEXT,
    shape         TEXT   NOT NULL DEFAULT 'rich' CHECK (shape IN ('rich', 'plain', 'excerpt')),
    attempts      BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    fallbacks     BIGINT NOT NULL DEFAULT 0 CHECK (fallbacks >= 0),
    first_due     BIGINT CHECK (first_due + 0 = first_due),
    due_at        BIGINT CHECK (due_at + 0 = due_at),
    parked_until  BIGINT CHECK (parked_until + 0 = parked_until),
    first_attempt BIGINT CHECK (first_attempt + 0 = first_attempt),
    doubt         BIGINT NOT NULL DEFAULT 0 CHECK (doubt IN (0, 1)),
    edit_open     BIGINT NOT NULL DEFAULT 0 CHECK (edit_open IN (0, 1)),
    reassert_at   BIGINT CHECK (reassert_at + 0 = reassert_at),
    lease_owner   TEXT,
    lease_until   BIGINT CHECK (lease_until + 0 = lease_until),
    fence         BIGINT NOT NULL DEFAULT 0,
    last_error    TEXT,
    reason        TEXT,
    -- It failed only because another one took its place, so it is no operator's business.
    replaced      BIGINT NOT NULL DEFAULT 0 CHECK (replaced IN (0, 1)),
    created_at    BIGINT NOT NULL CHECK (created_at + 0 = created_at),
    settled_at    BIGINT CHECK (settled_at + 0 = settled_at),
    UNIQUE (contract, kind, part, generation),
    CHECK ((state IN ('surfaced', 'failed')) = (settled_at IS NOT NULL)),
    CHECK ((state = 'sending') = (lease_owner IS NOT NULL)),
    CHECK ((state <> 'failed') OR (reason IS NOT NULL)),
    CHECK ((replaced = 0) OR (state = 'failed')),
    CHECK ((state = 'pending') OR (due_at IS NULL)),
    CHECK ((reassert_at IS NULL) OR (state = 'surfaced'))
);
-- A pending receipt without a due time belongs to a paused account.
CREATE INDEX IF NOT EXISTS receipts_due      ON receipts (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS receipts_reassert ON receipts (reassert_at, id) WHERE reassert_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS receipts_sending  ON receipts (lease_until) WHERE state = 'sending';
CREATE INDEX IF NOT EXISTS receipts_open     ON receipts (account, channel) WHERE settled_at IS NULL;
CREATE INDEX IF NOT EXISTS receipts_worker   ON receipts (worker);
CREATE INDEX IF NOT EXISTS receipts_failed   ON receipts (created_at, id) WHERE state = 'failed';
CREATE INDEX IF NOT EXISTS receipts_recent   ON receipts (created_at, id);
CREATE INDEX IF NOT EXISTS receipts_shown    ON receipts (account, settled_at) WHERE state = 'surfaced';

CREATE TABLE IF NOT EXISTS questions (
    id          TEXT   NOT NULL PRIMARY KEY,
    worker      TEXT   NOT NULL REFERENCES workers (id),
    number      BIGINT NOT NULL CHECK (number >= 1),
    text        TEXT   NOT NULL,
    choices     TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('open', 'answered', 'expired')),
    answer      BIGINT CHECK (answer >= 0),
    answered_by TEXT,
    asked_at    BIGINT NOT NULL CHECK (asked_at + 0 = asked_at),
    settled_at  BIGINT CHECK (settled_at + 0 = settled_at),
    UNIQUE (worker, number),
    CHECK ((state = 'answered') = (answer IS NOT NULL)),
    CHECK ((state = 'open') = (settled_at IS NULL))
);

-- The only history. No row is changed, and none is removed outside of the retention.
CREATE TABLE IF NOT EXISTS journal (
    worker TEXT   NOT NULL REFERENCES workers (id),
    seq    BIGINT NOT NULL CHECK (seq >= 1),
    at     BIGINT NOT NULL CHECK (at + 0 = at),
    event  TEXT   NOT NULL,
    body   TEXT   NOT NULL,
    PRIMARY KEY (worker, seq)
);

-- Channels and whole accounts that asked for silence. An empty channel stands for the account.
CREATE TABLE IF NOT EXISTS parks (
    account TEXT   NOT NULL,
    channel TEXT   NOT NULL,
    until   BIGINT NOT NULL CHECK (until + 0 = until),
    PRIMARY KEY (account, channel)
);

CREATE TABLE IF NOT EXISTS paused_accounts (
    account TEXT   NOT NULL PRIMARY KEY,
    reason  TEXT   NOT NULL,
    since   BIGINT NOT NULL CHECK (since + 0 = since)
);

CREATE TABLE IF NOT EXISTS shelf (
    account TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (account, key)
);
