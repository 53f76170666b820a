-- API keys get a number, for lists newest first.
CREATE TABLE numbered_api_keys (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
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
INSERT INTO numbered_api_keys (id, workspace_no, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at)
    SELECT id, workspace_no, name, prefix, hash, scopes, created_at, expires_at, last_used_at, revoked_at FROM api_keys ORDER BY created_at, id;
DROP TABLE api_keys;
ALTER TABLE numbered_api_keys RENAME TO api_keys;
-- Lists of a workspace's keys, newest first.
CREATE INDEX api_keys_by_workspace ON api_keys (workspace_no, no);

-- A workspace's own limits: null follows the server's setting, 0 is no limit.
ALTER TABLE workspaces ADD COLUMN requests_per_second INTEGER;
ALTER TABLE workspaces ADD COLUMN messages_per_month INTEGER;
ALTER TABLE workspaces ADD COLUMN most_apps INTEGER;
ALTER TABLE workspaces ADD COLUMN endpoints_per_recipient INTEGER;
ALTER TABLE workspaces ADD COLUMN retention_days INTEGER;
ALTER TABLE workspaces ADD COLUMN payload_bytes INTEGER;
-- What portal sessions may do at most, divided by spaces; null for everything.
ALTER TABLE workspaces ADD COLUMN portal_capabilities TEXT;

-- Messages accepted in each month (UTC, such as 202601). A process counts in a slot of its own, so that nodes do not wait for each other's commits; of a workspace
-- with a limit all count in slot 0, whose row is locked while an accept looks at it.
CREATE TABLE message_counts (
    workspace_no INTEGER NOT NULL,
    month INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (workspace_no, month, slot)
) WITHOUT ROWID;

CREATE TABLE portal_sessions (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    workspace_no INTEGER NOT NULL,
    app_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    theme TEXT,
    return_url TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
);
-- Those that end with an app, or with one recipient.
CREATE INDEX portal_sessions_by_recipient ON portal_sessions (app_id, recipient);
-- Expired ones are removed a few at a time.
CREATE INDEX portal_sessions_by_expiry ON portal_sessions (expires_at);

CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY,
    workspace_no INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_name TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    request_id TEXT
);
-- A workspace's log newest first, since a time.
CREATE INDEX audit_log_by_time ON audit_log (workspace_no, at, seq);
-- The same of one actor.
CREATE INDEX audit_log_by_actor ON audit_log (workspace_no, actor, at, seq);
-- The same of one object.
CREATE INDEX audit_log_by_object ON audit_log (workspace_no, object, at, seq);
