-- status: 0 pending, 1 succeeded, 2 failed, 3 canceled (Deliveries/DeliveryStatus.cs).
-- "replay_no" names the replay that waits for a pending delivery; whatever ends the delivery counts there and clears it.
-- A run is what one acceptance or one replay started; "run" numbers them, so that an attempt of an earlier run cannot end a later one.
CREATE TABLE deliveries (
    message_seq INTEGER NOT NULL,
    target_no INTEGER NOT NULL,
    status INTEGER NOT NULL,
    position INTEGER NOT NULL,
    run INTEGER NOT NULL,
    run_trigger INTEGER NOT NULL,
    run_attempts INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL,
    next_attempt_at INTEGER,
    last_response_status INTEGER,
    last_error TEXT,
    reason TEXT,
    replay_no INTEGER,
    PRIMARY KEY (message_seq, target_no)
) WITHOUT ROWID;
-- What is due for a target: only pending deliveries are in it.
CREATE INDEX deliveries_pending ON deliveries (target_no, next_attempt_at, message_seq) WHERE status = 0;

CREATE TABLE replays (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workspace_no INTEGER NOT NULL,
    kind TEXT NOT NULL,
    filter TEXT NOT NULL,
    matched INTEGER NOT NULL,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    canceled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
);
-- Lists of a workspace's replays, newest first.
CREATE INDEX replays_by_workspace ON replays (workspace_no, no);

CREATE TABLE attempts (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    message_seq INTEGER NOT NULL,
    target_no INTEGER NOT NULL,
    number INTEGER NOT NULL,
    run_trigger INTEGER NOT NULL,
    error TEXT,
    url TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    response_status INTEGER,
    response_headers TEXT,
    response_body BLOB,
    detail TEXT,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    next_attempt_at INTEGER
);
-- The attempts of a message.
CREATE INDEX attempts_by_message ON attempts (message_seq, seq);
-- The attempts of an endpoint, newest first.
CREATE INDEX attempts_by_target ON attempts (target_no, seq);
