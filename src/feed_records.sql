CREATE FUNCTION orgsync.feed_records_forget() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_feed_records_forget' LANGUAGE C;
COMMENT ON FUNCTION orgsync.feed_records_forget() IS 'trigger: notes that what a feed gave a profile is not as it left it';

CREATE FUNCTION orgsync.feed_record_entries(entries bytea, OUT profile_id bigint, OUT has_record boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'orgsync_feed_record_entries' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.feed_record_entries(bytea) IS
	'the profiles of a row of feed_records; one row of nulls if it is damaged';
