-- Where the events of sources go: a URL, or an app of Dispatch. Numbers of destinations are numbers of targets, far above those of endpoints, so that a target has one
-- number whichever half it is of (Deliveries/DeliveryTarget.cs). "secret" and "headers" are sealed under the master key.
CREATE TABLE destinations (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workspace_no INTEGER NOT NULL,
    source_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    endpoint_url TEXT,
    app_id TEXT,
    enabled INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    disabled_reason TEXT,
    secret BLOB,
    filter_event_types TEXT,
    filter_entity_key TEXT,
    filter_body_path TEXT,
    filter_body_value TEXT,
    transform_body_path TEXT,
    transform_expression TEXT,
    headers BLOB,
    retry_max_attempts INTEGER NOT NULL,
    retry_backoff_seconds INTEGER NOT NULL,
    rate_limit_per_minute INTEGER,
    ordered INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
);
INSERT INTO sqlite_sequence (name, seq) VALUES ('destinations', 999999999999);

-- Lists of a workspace's destinations, newest first; also with those that are deleted, whose attempts can still be read.
CREATE INDEX destinations_by_workspace ON destinations (workspace_no, no);
-- The destinations that a source's events may go to.
CREATE INDEX destinations_by_source ON destinations (source_no, no) WHERE deleted_at IS NULL;
