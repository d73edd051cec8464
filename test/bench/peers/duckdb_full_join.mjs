// The difference of two files of the generator's, as DuckDB finds it: a full join.
// node duckdb_full_join.mjs DIRECTORY-OF-node_modules BASE.csv NEXT.csv
// Prints the seconds that the query took, and what it found.
import { createRequire } from 'node:module';
const [directory, base, next] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(directory + '/')('@duckdb/node-api');

const connection = await (await DuckDBInstance.create(':memory:')).connect();
const quote = (path) => "'" + path.replaceAll("'", "''") + "'";
const file = (path) => `read_csv(${quote(path)}, header = true, all_varchar = true)`;
const columns = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${file(base)}`)).getRows()
    .map((row) => '"' + row[0].replaceAll('"', '""') + '"');
const differs = columns.map((name) => `a.${name} IS DISTINCT FROM b.${name}`).join(' OR ');
const begin = process.hrtime.bigint();
const reader = await connection.runAndReadAll(`
    SELECT count(*) FILTER (WHERE a.primary_email_address IS NULL) AS added,
        count(*) FILTER (WHERE b.primary_email_address IS NULL) AS removed,
        count(*) FILTER (WHERE a.primary_email_address IS NOT NULL AND b.primary_email_address IS NOT NULL
            AND (${differs})) AS changed
    FROM ${file(base)} AS a FULL JOIN ${file(next)} AS b USING (primary_email_address)`);
const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
console.log(seconds.toFixed(3), ...reader.getRows()[0].map(String));
