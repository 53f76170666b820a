-- The one recipient whose items a replay repeats, so that its portal sessions see it.
ALTER TABLE replays ADD COLUMN recipient TEXT;
