-- Rights that were given to people while the bot ran, such as to whoever gave the pairing code. The rules of the
-- configuration are the operator's own and stay in their file.
CREATE TABLE grants (
    account    TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    role       TEXT   NOT NULL CHECK (role IN ('viewer', 'operator', 'owner')),
    granted_at BIGINT NOT NULL CHECK (granted_at + 0 = granted_at),
    PRIMARY KEY (account, person)
);

-- The one pairing code that may be open. It ends with the process that serves it.
CREATE TABLE pairing (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- The SHA-256 of the code: whoever reads the store does not read the code.
    digest     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL CHECK (expires_at + 0 = expires_at),
    wrong      BIGINT NOT NULL DEFAULT 0 CHECK (wrong >= 0),
    used_at    BIGINT CHECK (used_at + 0 = used_at)
);

-- Wrong tries, for as long as they count against their person.
CREATE TABLE pairing_tries (
    account  TEXT   NOT NULL,
    person   TEXT   NOT NULL,
    event    TEXT   NOT NULL,
    tried_at BIGINT NOT NULL CHECK (tried_at + 0 = tried_at),
    PRIMARY KEY (account, person, event)
);
CREATE INDEX pairing_tries_age ON pairing_tries (tried_at);

-- The guild in which a follow-up was scheduled: a person's roles are another set in each.
ALTER TABLE followups ADD COLUMN guild TEXT;
