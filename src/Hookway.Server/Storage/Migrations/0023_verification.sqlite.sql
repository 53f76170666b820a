-- By what it is known again that something is signed (Ingest/Intake/SignatureReuse.cs): its key in event_keys goes with the event.
ALTER TABLE events ADD COLUMN signed_key BLOB;

-- Events that turned out to be genuine after the watcher of the ledger had come by. It is nearly always empty.
CREATE TABLE events_to_watch (
    seq INTEGER PRIMARY KEY
);
