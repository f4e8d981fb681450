-- When the last token that an event voids has expired at the latest: from then
-- on the event is of no use. NULL for what matters for ever: accounts that were
-- disabled, enabled or deleted.
ALTER TABLE account_events ADD COLUMN until BIGINT;

-- No token lives longer than a year.
UPDATE account_events SET until = at + 31536000000
WHERE kind IN ('session_revoked', 'tokens_revoked');

CREATE INDEX account_events_by_end ON account_events (until);
