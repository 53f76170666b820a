-- Lists of failed and of canceled messages, newest first. Only deliveries that ended so are in it: those that succeed pay nothing.
CREATE INDEX deliveries_ended_badly ON deliveries (status, message_seq) WHERE status >= 2;

-- The failed attempts of an endpoint, newest first: those that succeed pay nothing.
CREATE INDEX attempts_failed ON attempts (target_no, seq) WHERE error IS NOT NULL;

-- Lists of an app's recipients, newest first.
CREATE INDEX recipients_by_app ON recipients (app_no, no) WHERE deleted_at IS NULL;

-- Recipients by the beginning of their names, without regard to case: the server folds names (Recipient.Fold), since the databases do not agree on how. Names
-- from before this column with letters beyond ASCII are found by them when they are next set.
ALTER TABLE recipients ADD COLUMN folded_name TEXT;
UPDATE recipients SET folded_name = upper(name) WHERE name IS NOT NULL;
CREATE INDEX recipients_by_name ON recipients (app_no, folded_name) WHERE folded_name IS NOT NULL;

-- Lists of an app's endpoints that are enabled, or not.
CREATE INDEX endpoints_by_app_enabled ON endpoints (app_no, enabled, no) WHERE deleted_at IS NULL;

-- Lists of a workspace's apps and of an app's event types, newest first: of those that are in use, and of all types.
CREATE INDEX apps_in_use ON apps (workspace_no, no) WHERE archived_at IS NULL;
CREATE INDEX event_types_in_use ON event_types (app_no, no) WHERE archived_at IS NULL;
CREATE INDEX event_types_by_app ON event_types (app_no, no);
