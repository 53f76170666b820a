-- What a person should look at (docs/decisions/0017-issues-are-found-behind-the-hot-path.md). kind, status and severity: Issues/Issue.cs; status 2 is resolved, 3 ignored.
-- "cause" is what others like it are known by. "error", "is_down" and "over_at" say what ends it.
CREATE TABLE issues (
    no BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    workspace_no BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    status BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    cause TEXT NOT NULL,
    title TEXT NOT NULL,
    detail TEXT NOT NULL,
    source_id TEXT COLLATE "C",
    destination_id TEXT COLLATE "C",
    app_id TEXT COLLATE "C",
    endpoint_id TEXT COLLATE "C",
    recipient TEXT,
    entity_key TEXT,
    target_no BIGINT,
    source_no BIGINT,
    error TEXT,
    is_down BIGINT NOT NULL,
    times BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    over_at BIGINT,
    resolved_at BIGINT,
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
    issue_no BIGINT NOT NULL,
    item_seq BIGINT NOT NULL,
    item_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (issue_no, item_seq)
);

-- What was noted of deliveries with their outcomes, and is not yet in an issue (Issues/DeliverySignals.cs).
CREATE TABLE delivery_signals (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target_no BIGINT NOT NULL,
    error TEXT,
    response_status BIGINT,
    is_down BIGINT NOT NULL,
    times BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    items TEXT NOT NULL,
    reason TEXT
);
