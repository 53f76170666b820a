-- Targets that fail: Deliveries/TargetCircuit.cs. "failing_since" is set while the circuit is open, and a row changes once a probe. Failures from before "forgiven_at" do not count.
CREATE TABLE target_circuits (
    target_no INTEGER PRIMARY KEY,
    failing_since INTEGER,
    probe_at INTEGER,
    pause INTEGER,
    forgiven_at INTEGER
);
INSERT INTO target_circuits (target_no, failing_since, probe_at, pause)
SELECT no, failing_since, failing_since, 30000 FROM endpoints WHERE failing_since IS NOT NULL AND deleted_at IS NULL;
ALTER TABLE endpoints DROP COLUMN failing_since;
