-- Of the genuine events of an hour those that came much later than usual; and requests that the vendor had tried before.
ALTER TABLE source_hours ADD COLUMN slow INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source_hours ADD COLUMN retried INTEGER NOT NULL DEFAULT 0;

-- How often something took how long, by rule, day (counted from 1970) and step of time (Ingest/Anomalies/UsualTime.cs), for what is usual of a source.
CREATE TABLE source_times (
    source_no INTEGER NOT NULL,
    rule TEXT NOT NULL,
    day INTEGER NOT NULL,
    step INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (source_no, rule, day, step)
) WITHOUT ROWID;

-- How many genuine events of a type a source sent in an hour, for the usual rate of each.
CREATE TABLE type_hours (
    source_no INTEGER NOT NULL,
    type TEXT NOT NULL,
    hour INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (source_no, type, hour)
) WITHOUT ROWID;

-- What the events of a type look like: fields and versions of the vendor's API, as far as samples tell (Ingest/Anomalies/TypeShape.cs).
CREATE TABLE source_shapes (
    source_no INTEGER NOT NULL,
    type TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    in_doubt INTEGER NOT NULL,
    fields TEXT NOT NULL,
    versions TEXT NOT NULL,
    PRIMARY KEY (source_no, type)
) WITHOUT ROWID;
