-- Accounts spread over several servers, by PL/Proxy: the functions that people call on
-- the proxy's database, each of which runs on the node where its account lives.
--
-- Before: CREATE EXTENSION plproxy, and a server "fleet" of it with an option p0, p1, ...
-- for each node, and modular_mapping so that their number may be any.
CREATE SCHEMA fleet;

-- Where an account lives.  Moving one is: dump it, restore it on the other node, and
-- update its row here; nothing must write to it meanwhile.
CREATE TABLE fleet.accounts (
	account name PRIMARY KEY,
	node integer NOT NULL CHECK (node >= 0)
);

-- The node's number, which PL/Proxy routes by; an error if nobody knows the account.
CREATE FUNCTION fleet.node_of(account text) RETURNS integer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	found_node integer;
BEGIN
	SELECT a.node INTO STRICT found_node FROM fleet.accounts AS a WHERE a.account = node_of.account;
	RETURN found_node;
EXCEPTION WHEN no_data_found THEN
	RAISE 'account "%" is on no node', account USING ERRCODE = 'undefined_object', HINT = 'See fleet.accounts.';
END $$;

CREATE FUNCTION fleet.create_account(account text, product text) RETURNS text
LANGUAGE plproxy
AS $$
	CLUSTER 'fleet';
	RUN ON fleet.node_of(account);
	SELECT orgsync.create_account(account::name, product::orgsync.product)::text;
$$;

CREATE FUNCTION fleet.import_csv(account text, csv bytea, mode text,
	OUT state text, OUT rows_read bigint, OUT created bigint, OUT updated bigint, OUT unchanged bigint, OUT rejected bigint)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
	CLUSTER 'fleet';
	RUN ON fleet.node_of(account);
	SELECT state, rows_read, created, updated, unchanged, rejected
		FROM orgsync.import_csv(account::regnamespace, csv, 'default', mode);
$$;

CREATE FUNCTION fleet.export_csv(account text,
	OUT export_id bigint, OUT seq integer, OUT kind text, OUT file_name text, OUT row_count bigint, OUT csv text)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
	CLUSTER 'fleet';
	RUN ON fleet.node_of(account);
	SELECT export_id, seq, kind, file_name, row_count, csv FROM orgsync.export_csv(account::regnamespace);
$$;

CREATE FUNCTION fleet.confirm_export(account text, export_id bigint) RETURNS void
LANGUAGE plproxy
AS $$
	CLUSTER 'fleet';
	RUN ON fleet.node_of(account);
	SELECT orgsync.confirm_export(account::regnamespace, export_id);
$$;

-- All accounts of all nodes.
CREATE FUNCTION fleet.report(OUT account text, OUT product text, OUT profiles bigint, OUT last_import timestamptz)
RETURNS SETOF record
LANGUAGE plproxy
AS $$
	CLUSTER 'fleet';
	RUN ON ALL;
	SELECT account::text, product::text, profiles, last_import FROM orgsync.accounts;
$$;
