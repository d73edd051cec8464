-- complain if the script is sourced in psql, rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION orgsync" to load this file. \quit

-- All functions run as their caller, and who has no privileges on an account can do nothing with them.
GRANT USAGE ON SCHEMA orgsync TO PUBLIC;

