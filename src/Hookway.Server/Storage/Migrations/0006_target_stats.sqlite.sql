-- What attempts to a target came to, in slots of five minutes (Deliveries/Stats/TargetStatStore.cs). A slot may have several rows, which add up: each process writes
-- its own ("part"), so that none has to read what another wrote; part 0 counts what ended without an attempt.
CREATE TABLE target_stats (
    no INTEGER PRIMARY KEY,
    target_no INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    part INTEGER NOT NULL,
    attempts_succeeded INTEGER NOT NULL,
    attempts_failed INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    latencies BLOB NOT NULL,
    UNIQUE (target_no, slot, part)
);
