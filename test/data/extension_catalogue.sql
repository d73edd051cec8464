-- What the extension consists of, one line each, without the numbers that differ from
-- database to database: to compare an updated extension with a new one.
WITH member AS (
	SELECT classid, objid, pg_describe_object(classid, objid, 0) AS name
	FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'orgsync')
), definition AS (
	SELECT 'pg_proc'::regclass AS classid, oid AS objid,
		concat_ws(' ', CASE WHEN prokind = 'a' THEN 'aggregate' ELSE pg_get_functiondef(oid) END, proacl) AS definition FROM pg_proc
	UNION ALL SELECT 'pg_class'::regclass, c.oid, concat_ws(' ', relkind, reloptions, relacl,
		CASE WHEN relkind = 'v' THEN pg_get_viewdef(c.oid) END,
		(SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attacl), ', ' ORDER BY attnum)
			FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)) FROM pg_class AS c
	UNION ALL SELECT 'pg_type'::regclass, t.oid, concat_ws(' ', typlen, typbyval, typtype, typcategory, typispreferred, typinput, typoutput,
		typreceive, typsend, typmodin, typalign, typstorage, typcollation::regcollation, typbasetype::regtype, typelem::regtype, typdefault, typacl,
		(SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)) FROM pg_type AS t
	UNION ALL SELECT 'pg_operator'::regclass, oid, concat_ws(' ', oprcode, oprresult::regtype, oprcom::regoperator, oprnegate::regoperator,
		oprcanmerge, oprcanhash, oprrest, oprjoin) FROM pg_operator
	UNION ALL SELECT 'pg_cast'::regclass, oid, concat_ws(' ', castfunc::regprocedure, castcontext, castmethod) FROM pg_cast
	UNION ALL SELECT 'pg_opclass'::regclass, oid, concat_ws(' ', opcdefault, opckeytype::regtype) FROM pg_opclass
	UNION ALL SELECT 'pg_opfamily'::regclass, f.oid, concat_ws(' ',
		(SELECT string_agg(concat_ws(' ', amopstrategy, amopopr::regoperator, amoppurpose), ', ' ORDER BY amopstrategy, amopopr::regoperator::text)
			FROM pg_amop WHERE amopfamily = f.oid),
		(SELECT string_agg(concat_ws(' ', amprocnum, amproc::regprocedure, amproclefttype::regtype, amprocrighttype::regtype), ', '
				ORDER BY amprocnum, amproc::regprocedure::text)
			FROM pg_amproc WHERE amprocfamily = f.oid)) FROM pg_opfamily AS f
)
SELECT replace(concat_ws(' = ', name, definition, obj_description(objid, classid::regclass::name)), E'\n', ' ')
FROM member LEFT JOIN definition USING (classid, objid) ORDER BY name COLLATE "C";
