-- Of the genuine events of an hour those that came much later than usual; and requests that the vendor had tried before.
ALTER TABLE source_hours ADD COLUMN slow BIGINT NOT NULL DEFAULT 0;
ALTER TABLE source_hours ADD COLUMN retried BIGINT NOT NULL DEFAULT 0;

-- How often something took how long, by rule, day (counted from 1970) and step of time (Ingest/Anomalies/UsualTime.cs), for what is usual of a source.
CREATE TABLE source_times (
    source_no BIGINT NOT NULL,
    rule TEXT NOT NULL,
    day BIGINT NOT NULL,
    step BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (source_no, rule, day, step)
);

-- How many genuine events of a type a source sent in an hour, for the usual rate of each.
CREATE TABLE type_hours (
    source_no BIGINT NOT NULL,
    type TEXT NOT NULL,
    hour BIGINT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (source_no, type, hour)
);

-- What the events of a type look like: fields and versions of the vendor's API, as far as samples tell (Ingest/Anomalies/TypeShape.cs).
CREATE TABLE source_shapes (
    source_no BIGINT NOT NULL,
    type TEXT NOT NULL,
    since_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    samples BIGINT NOT NULL,
    in_doubt BIGINT NOT NULL,
    fields TEXT NOT NULL,
    versions TEXT NOT NULL,
    PRIMARY KEY (source_no, type)
);
