-- How many transactions each node's writer has committed: asked for when a connection broke during a commit.
-- One row for each, changed by every commit in place, so there is room for it beside its last versions.
CREATE TABLE writers (
    id TEXT NOT NULL PRIMARY KEY,
    commits BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 10);
