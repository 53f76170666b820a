-- The id of the member or the key that made an invitation: it holds no longer than they may make it. Null where the operator did, and on links of other kinds.
ALTER TABLE access_links ADD COLUMN invited_by TEXT;
