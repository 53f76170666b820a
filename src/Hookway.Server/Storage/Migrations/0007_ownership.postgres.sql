-- The nodes that run: docs/decisions/0008-targets-are-owned-by-nodes.md. A number is never used again: it is the epoch of what its node does.
CREATE TABLE nodes (
    no BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);

-- Numbers of nodes that are gone, until others have their targets.
CREATE TABLE departed_nodes (no BIGINT PRIMARY KEY);

-- A row for each target that has work. Without an owner it is free, and looked for when it is due. "claims" counts how often a row that was there was taken.
CREATE TABLE target_owners (
    target_no BIGINT PRIMARY KEY,
    owner BIGINT,
    due_at BIGINT,
    claims BIGINT NOT NULL DEFAULT 0
);
-- What is free and due: looked for each second.
CREATE INDEX target_owners_free ON target_owners (due_at) WHERE owner IS NULL;
-- What a node that is gone had.
CREATE INDEX target_owners_by_owner ON target_owners (owner) WHERE owner IS NOT NULL;

INSERT INTO target_owners (target_no, due_at) SELECT DISTINCT target_no, 0 FROM deliveries WHERE status = 0;
