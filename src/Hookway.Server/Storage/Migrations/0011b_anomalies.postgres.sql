-- How far the ledger has been watched (Ingest/Anomalies/LedgerWatch.cs): moved on in the transaction that acts on what was read.
CREATE TABLE watch_cursors (
    name TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);
INSERT INTO watch_cursors (name, position) VALUES ('ledger', 0);

-- Events that should come. "cause" is set when one has not come in time: that of its issue, which ends when it comes after all.
CREATE TABLE expectations (
    source_no BIGINT NOT NULL,
    rule TEXT NOT NULL,
    entity TEXT NOT NULL,
    event_seq BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT,
    began_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    cause TEXT COLLATE "C",
    PRIMARY KEY (source_no, rule, entity)
);
-- What is due: looked for each second, however many wait.
CREATE INDEX expectations_due ON expectations (due_at) WHERE cause IS NULL;
-- What was missed for a cause, and how much.
CREATE INDEX expectations_missed ON expectations (cause) WHERE cause IS NOT NULL;
-- What was missed so long ago that it can be forgotten.
CREATE INDEX expectations_old ON expectations (due_at) WHERE cause IS NOT NULL;

-- The last number of what a source numbers.
CREATE TABLE sequence_marks (
    source_no BIGINT NOT NULL,
    rule TEXT NOT NULL,
    scope TEXT NOT NULL,
    last BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (source_no, rule, scope)
);
-- What has not been seen for long is forgotten.
CREATE INDEX sequence_marks_by_age ON sequence_marks (seen_at);

-- How many genuine events a source sent in an hour (counted from 1970), for its usual rate.
CREATE TABLE source_hours (
    source_no BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (source_no, hour)
);
