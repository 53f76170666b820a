CREATE TABLE apps (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    routing_key_body_path TEXT,
    routing_key_header TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER
);
-- Lists of a workspace's apps.
CREATE INDEX apps_by_workspace ON apps (workspace_no, no);

CREATE TABLE event_types (
    no INTEGER PRIMARY KEY,
    app_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    example_payload BLOB,
    archived_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (app_no, name)
);

CREATE TABLE recipients (
    no INTEGER PRIMARY KEY,
    app_no INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    name TEXT,
    metadata BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (app_no, recipient)
);

-- "no" is the delivery engine's number of the target; numbers are never used again.
CREATE TABLE endpoints (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    app_no INTEGER NOT NULL,
    recipient_no INTEGER NOT NULL,
    url TEXT NOT NULL,
    name TEXT,
    enabled INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    disabled_reason TEXT,
    event_types TEXT,
    filter TEXT,
    headers BLOB,
    retry_max_attempts INTEGER NOT NULL,
    retry_backoff_seconds INTEGER NOT NULL,
    rate_limit_per_minute INTEGER,
    ordered INTEGER NOT NULL,
    secret BLOB NOT NULL,
    previous_secrets BLOB,
    failing_since INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
);
-- Lists of an app's endpoints, newest first.
CREATE INDEX endpoints_by_app ON endpoints (app_no, no) WHERE deleted_at IS NULL;
-- Fan-out: the endpoints of one recipient; a purge finds those that are deleted by it too.
CREATE INDEX endpoints_by_recipient ON endpoints (recipient_no, no);

-- "seq" is the order of acceptance, given by the counter "messages".
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    app_no INTEGER NOT NULL,
    id TEXT NOT NULL,
    recipient_no INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deliver_at INTEGER,
    content_hash BLOB,
    data BLOB
);
-- A message by its id, and one message for a caller's own id.
CREATE UNIQUE INDEX messages_by_id ON messages (app_no, id);
-- Lists of an app's messages, newest first. There is no index by time, which every send would pay for: "seq" follows created_at but for the moments between a request
-- and its commit, so a list between two times finds its range of "seq" by halving (MessageStore.SeqAt).
CREATE INDEX messages_by_app ON messages (app_no, seq);
-- Lists of a recipient's messages, newest first.
CREATE INDEX messages_by_recipient ON messages (recipient_no, seq);

CREATE TABLE idempotency_keys (
    app_no INTEGER NOT NULL,
    key TEXT NOT NULL,
    message_seq INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (app_no, key)
) WITHOUT ROWID;
-- Expired keys are removed a few at a time.
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
-- Keys are erased with their messages.
CREATE INDEX idempotency_keys_by_message ON idempotency_keys (message_seq);
