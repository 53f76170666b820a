-- What a source expects in another time than usual, or not at all: seconds or null, by the name of a rule.
ALTER TABLE sources ADD COLUMN expectations TEXT;

-- Issues about sources that are gone, or whose rules were switched off, end: gone round.
CREATE INDEX issues_about_sources ON issues (no) WHERE status <> 2 AND source_no IS NOT NULL;
