-- Targets that fail: Deliveries/TargetCircuit.cs. "failing_since" is set while the circuit is open, and a row changes once a probe. Failures from before "forgiven_at" do not count.
CREATE TABLE target_circuits (
    target_no BIGINT PRIMARY KEY,
    failing_since BIGINT,
    probe_at BIGINT,
    pause BIGINT,
    forgiven_at BIGINT
);
INSERT INTO target_circuits (target_no, failing_since, probe_at, pause)
SELECT no, failing_since, failing_since, 30000 FROM endpoints WHERE failing_since IS NOT NULL AND deleted_at IS NULL;
ALTER TABLE endpoints DROP COLUMN failing_since;
