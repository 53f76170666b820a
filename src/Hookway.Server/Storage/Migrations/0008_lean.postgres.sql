-- What waits for ordered targets, in their order: however much that is, the head of the queue is found at once. What waits for any other target has position 0
-- and is not in it, so its deliveries pay nothing.
UPDATE deliveries SET position = 0 WHERE status = 0 AND target_no IN (SELECT no FROM endpoints WHERE ordered = 0);
CREATE INDEX deliveries_in_order ON deliveries (target_no, position, message_seq) WHERE status = 0 AND position > 0;
