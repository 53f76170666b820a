-- The URL as given to the vendor holds the token where that is part of the vendor's URL, so it is sealed as the token is: under the master key, which SQL does not have.
-- What is there is moved at the next start (SourceStore.SealPublicUrls).
ALTER TABLE sources RENAME COLUMN public_url TO plain_public_url;
ALTER TABLE sources ADD COLUMN public_url BYTEA;

-- A search by type looks for what "source_types" has: now also the types of events that failed, and of a source with more types than are kept '', for the others.
INSERT INTO source_types (workspace_no, type, source_no)
    SELECT DISTINCT workspace_no, event_type, source_no FROM events WHERE signature_status = 2 AND event_type IS NOT NULL
    ON CONFLICT (workspace_no, type, source_no) DO NOTHING;
INSERT INTO source_types (workspace_no, type, source_no)
    SELECT workspace_no, '', source_no FROM source_types WHERE true GROUP BY workspace_no, source_no HAVING count(*) >= 1000
    ON CONFLICT (workspace_no, type, source_no) DO NOTHING;
