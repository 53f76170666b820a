-- What a person should look at (docs/decisions/0017-issues-are-found-behind-the-hot-path.md). kind, status and severity: Issues/Issue.cs; status 2 is resolved, 3 ignored.
-- "cause" is what others like it are known by. "error", "is_down" and "over_at" say what ends it.
CREATE TABLE issues (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workspace_no INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    status INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    cause TEXT NOT NULL,
    title TEXT NOT NULL,
    detail TEXT NOT NULL,
    source_id TEXT,
    destination_id TEXT,
    app_id TEXT,
    endpoint_id TEXT,
    recipient TEXT,
    entity_key TEXT,
    target_no INTEGER,
    source_no INTEGER,
    error TEXT,
    is_down INTEGER NOT NULL,
    times INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    over_at INTEGER,
    resolved_at INTEGER,
    resolved_by TEXT
);
-- One issue for a cause, until it is resolved.
CREATE UNIQUE INDEX issues_by_cause ON issues (workspace_no, cause) WHERE status <> 2;
-- Lists of a workspace's issues, newest first: all, and those of a status.
CREATE INDEX issues_by_workspace ON issues (workspace_no, no);
CREATE INDEX issues_by_status ON issues (workspace_no, status, no);
-- What ends when its target recovers: gone round.
CREATE INDEX issues_about_targets ON issues (no) WHERE status <> 2 AND target_no IS NOT NULL;
-- What ends when it is not seen again: looked for by time.
CREATE INDEX issues_by_end ON issues (over_at) WHERE status < 2 AND over_at IS NOT NULL;
-- Retention.
CREATE INDEX issues_resolved ON issues (workspace_no, resolved_at) WHERE status = 2;
-- The issues of a recipient are erased with it.
CREATE INDEX issues_by_recipient ON issues (app_id, recipient) WHERE recipient IS NOT NULL;

-- The last events or messages at which an issue was seen.
CREATE TABLE issue_items (
    issue_no INTEGER NOT NULL,
    item_seq INTEGER NOT NULL,
    item_id TEXT NOT NULL,
    PRIMARY KEY (issue_no, item_seq)
) WITHOUT ROWID;

-- What was noted of deliveries with their outcomes, and is not yet in an issue (Issues/DeliverySignals.cs).
CREATE TABLE delivery_signals (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    target_no INTEGER NOT NULL,
    error TEXT,
    response_status INTEGER,
    is_down INTEGER NOT NULL,
    times INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    items TEXT NOT NULL,
    reason TEXT
);
