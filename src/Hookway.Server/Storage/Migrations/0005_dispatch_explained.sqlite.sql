-- The JSON Schema that the data of a type's messages must match, as it was given.
ALTER TABLE event_types ADD COLUMN schema BLOB;

-- The recipient's endpoints that a message was not for, each with a letter for the reason (Dispatch/Messages/Unmatched.cs); null when there were none.
ALTER TABLE messages ADD COLUMN unmatched TEXT;

-- When a delivery was canceled, whatever canceled it; the end of any other is that of its last attempt.
ALTER TABLE deliveries ADD COLUMN canceled_at INTEGER;

-- The last sends that an app refused, without what they carried (Dispatch/Refusals/RefusedSends.cs keeps a thousand, or a few more).
CREATE TABLE refused_messages (
    no INTEGER PRIMARY KEY,
    app_no INTEGER NOT NULL,
    at INTEGER NOT NULL,
    recipient TEXT,
    event_type TEXT,
    message_id TEXT,
    status INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    request_id TEXT NOT NULL
);
-- An app's, newest first.
CREATE INDEX refused_messages_by_app ON refused_messages (app_no, no);

-- How many sends an app has refused in all, by the problem's code.
CREATE TABLE refused_counts (
    app_no INTEGER NOT NULL,
    code TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (app_no, code)
) WITHOUT ROWID;
