-- What the server keeps about the store itself: Storage/StoreSettings.cs.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE workspaces (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    workspace_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
);

-- Numbers given by the writer (WriteSession.TakeNumbers).
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- One row for each thing that changed: what every node's in-memory views are checked against. "seq" comes from a counter whose row stays locked until the
-- commit, so that changes become visible in its order.
CREATE TABLE configuration_changes (
    seq INTEGER PRIMARY KEY,
    subject TEXT NOT NULL
);
CREATE TABLE configuration_counter (value INTEGER NOT NULL);
INSERT INTO configuration_counter (value) VALUES (0);
