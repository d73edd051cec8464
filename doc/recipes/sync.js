#!/usr/bin/env node
// sync.js ACCOUNT FILE DIRECTORY: imports a file and writes the files to upload.
//
// Needs pg (npm install pg, or Debian's node-pg).  The connection is that of the
// environment: PGHOST, PGUSER, PGPASSWORD, ...
'use strict';

const fs = require('fs');
const path = require('path');
const { Client } = require('pg');

// Hands a file to the vendor: put your delivery here.
async function upload(file) {
  console.log(`upload ${path.basename(file)}`);
}

// The whole job; resolves to false if the file was refused.
async function sync(client, account, file, directory) {
  const { rows: [imported] } = await client.query(
    'SELECT import_id, state, rows_read, rejected FROM orgsync.import_csv($1, $2::bytea, source => $3)',
    [account, fs.readFileSync(file), path.basename(file)]);
  const { import_id: importId, state, rows_read: rowsRead, rejected } = imported;
  console.log(`import ${importId}: ${state}, ${rowsRead} rows, ${rejected} rejected`);

  // The name stands here as it is: import_csv has refused what is no schema's name.
  const findings = await client.query(
    `SELECT line, severity, code, message FROM ${account}.import_findings WHERE import_id = $1 ORDER BY line, finding_id`,
    [importId]);
  for (const { line, severity, code, message } of findings.rows) {
    console.log(`line ${line}: ${severity} ${code}: ${message}`);
  }
  if (rejected > 0) {
    const { rows: [result] } = await client.query('SELECT orgsync.results_csv($1, $2) AS csv', [account, importId]);
    fs.writeFileSync(path.join(directory, 'rejected.csv'), result.csv);
  }
  if (state !== 'applied') {
    return false;
  }

  const { rows: files } = await client.query('SELECT export_id, file_name, csv FROM orgsync.export_csv($1)', [account]);
  for (const { file_name: name, csv } of files) {     // in the order in which to upload them
    fs.writeFileSync(path.join(directory, name), csv);
    await upload(path.join(directory, name));
  }
  if (files.length > 0) {
    await client.query('SELECT orgsync.confirm_export($1, $2)', [account, files[0].export_id]);
    console.log(`export ${files[0].export_id}: confirmed`);
  }
  return true;
}

async function main() {
  if (process.argv.length !== 5) {
    console.error('usage: sync.js ACCOUNT FILE DIRECTORY');
    return 64;
  }
  const client = new Client();
  await client.connect();
  try {
    return await sync(client, ...process.argv.slice(2)) ? 0 : 2;
  } finally {
    await client.end();
  }
}

main().then((status) => { process.exitCode = status; }, (error) => { console.error(error.message); process.exitCode = 1; });
