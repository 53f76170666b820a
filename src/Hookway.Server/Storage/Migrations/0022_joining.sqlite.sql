-- What is to be delivered at a time of its own has a negative position until it was tried or that time has come: it alone waits for a clock. All else is in its line at
-- once, whatever the clock of the node said that accepted it.
UPDATE deliveries SET position = -message_seq WHERE status = 0 AND run_attempts = 0 AND run_trigger <> 1 AND next_attempt_at > CAST(strftime('%s', 'now') AS INTEGER) * 1000;

-- What joins the line of an ordered target by now, however much is to join it later and however much is in it. Only deliveries with a time of their own are in it:
-- those of any other message pay nothing.
CREATE INDEX deliveries_to_join ON deliveries (target_no, next_attempt_at, message_seq) WHERE status = 0 AND position < 0;
