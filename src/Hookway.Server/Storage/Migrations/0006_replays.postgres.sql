-- A replay is a run. It walks over what its filter may match, from walk_after to walk_last, in steps; each moves walk_after in the transaction in which it opens
-- deliveries again. state: 0 walking, 1 delivering, 2 completed, 3 failed, 4 canceling, 5 canceled (Deliveries/Replays/Replay.cs).
-- "driver" leads the run until "driven_until", and again after: then any other may take it over.
ALTER TABLE replays ADD COLUMN state BIGINT NOT NULL DEFAULT 1;
ALTER TABLE replays ADD COLUMN reason TEXT;
ALTER TABLE replays ADD COLUMN owner_id TEXT;
ALTER TABLE replays ADD COLUMN target_id TEXT;
ALTER TABLE replays ADD COLUMN target_no BIGINT;
ALTER TABLE replays ADD COLUMN queued BIGINT NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN skipped BIGINT NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN walk_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN walk_last BIGINT NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN driver TEXT;
ALTER TABLE replays ADD COLUMN driven_until BIGINT;
UPDATE replays SET queued = matched, state = CASE WHEN finished_at IS NULL THEN 1 ELSE 2 END;

-- The runs that somebody must drive.
CREATE INDEX replays_to_drive ON replays (no) WHERE state IN (0, 4);

-- What a replay waits for: how much of it is due, and what to end when it is canceled. A delivery that no replay waits for is not in it.
CREATE INDEX deliveries_replayed ON deliveries (replay_no, next_attempt_at) WHERE replay_no IS NOT NULL;

-- What a target did not get, in order: replays of what failed. A delivery that succeeds is never in it.
CREATE INDEX deliveries_unsuccessful ON deliveries (target_no, message_seq) WHERE status >= 2;
