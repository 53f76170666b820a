-- Vendor feeds. "secrets", "token" and "data_key" are sealed under the master key; what is secret in the requests of events is sealed under "data_key".
CREATE TABLE sources (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workspace_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    vendor TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    secrets BLOB,
    verification TEXT,
    public_url TEXT,
    forward_duplicates INTEGER NOT NULL,
    retention_days INTEGER,
    rate_limit_per_minute INTEGER,
    token BLOB NOT NULL,
    previous_tokens TEXT,
    data_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER
);
-- Lists of a workspace's sources, newest first: of those in use, and of all.
CREATE INDEX sources_in_use ON sources (workspace_no, no) WHERE archived_at IS NULL;
CREATE INDEX sources_by_workspace ON sources (workspace_no, no);

-- What has come in by a source, in as many rows as there are writers that count: they need not wait for each other.
CREATE TABLE source_counts (
    source_no INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    events INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    unchecked INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    last_event_at INTEGER NOT NULL,
    PRIMARY KEY (source_no, slot)
) WITHOUT ROWID;

-- The types that a source's events have had, so that a search knows whether any begins as it asks.
CREATE TABLE source_types (
    workspace_no INTEGER NOT NULL,
    type TEXT NOT NULL,
    source_no INTEGER NOT NULL,
    PRIMARY KEY (workspace_no, type, source_no)
) WITHOUT ROWID;

-- The ledger. "seq" comes from the counter of messages, so that a delivery's item has one number whichever half it is of.
-- signature_status: 0 unchecked, 1 verified, 2 failed; signature_coverage: 0 none, 1 partial, 2 body. "sealed" has what is secret in headers, query and URL.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    workspace_no INTEGER NOT NULL,
    source_no INTEGER NOT NULL,
    id TEXT NOT NULL,
    vendor_event_id TEXT,
    event_type TEXT,
    entity_key TEXT,
    signature_status INTEGER NOT NULL,
    signature_coverage INTEGER NOT NULL,
    signature_error TEXT,
    signature_detail TEXT,
    evidence TEXT,
    duplicate_key BLOB NOT NULL,
    duplicate_of INTEGER,
    method TEXT NOT NULL,
    query TEXT NOT NULL,
    headers TEXT NOT NULL,
    sealed BLOB,
    content_type TEXT,
    source_ip TEXT,
    occurred_at INTEGER,
    received_at INTEGER NOT NULL,
    body_size INTEGER NOT NULL,
    body BLOB
);
-- An event by its id.
CREATE UNIQUE INDEX events_by_id ON events (workspace_no, id);
-- Lists of a workspace's and of a source's events, newest first.
CREATE INDEX events_by_workspace ON events (workspace_no, seq);
CREATE INDEX events_by_source ON events (source_no, seq);
-- Searches for the vendor's own id, exact or by its beginning.
CREATE INDEX events_by_vendor_id ON events (workspace_no, vendor_event_id) WHERE vendor_event_id IS NOT NULL;
-- Lists of what happened to one thing, newest first; searches for it.
CREATE INDEX events_by_entity ON events (workspace_no, entity_key, seq) WHERE entity_key IS NOT NULL;
-- The last that a source refused: lists of them, and which of them are too many. What is genuine is never in it.
CREATE INDEX events_refused ON events (source_no, seq) WHERE signature_status = 2;
-- The later copies of an event. What was sent once is never in it.
CREATE INDEX events_repeated ON events (duplicate_of, seq) WHERE duplicate_of IS NOT NULL;

-- Which event was the first of its kind (Ingest/Intake/EventCommit.cs). "trust" is 1 for one that was verified and 0 for one that could not be checked: what anyone
-- could have sent never makes a genuine event a repeated one.
CREATE TABLE event_keys (
    source_no INTEGER NOT NULL,
    duplicate_key BLOB NOT NULL,
    trust INTEGER NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (source_no, duplicate_key, trust)
) WITHOUT ROWID;

-- The last requests that a source refused without taking them into the ledger, and how many there were in all, by the problem's code.
CREATE TABLE refused_requests (
    no INTEGER PRIMARY KEY,
    source_no INTEGER NOT NULL,
    at INTEGER NOT NULL,
    method TEXT NOT NULL,
    source_ip TEXT,
    status INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    request_id TEXT NOT NULL
);
-- A source's, newest first.
CREATE INDEX refused_requests_by_source ON refused_requests (source_no, no);
CREATE TABLE refused_request_counts (
    source_no INTEGER NOT NULL,
    code TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (source_no, code)
) WITHOUT ROWID;
