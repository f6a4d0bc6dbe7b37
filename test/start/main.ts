import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Command } from 'commander';

import { bootHost } from '../testbed/boot-host.ts';
import type { Host } from '../testbed/host.ts';
import { repository } from '../testbed/places.ts';
import { hostTree } from '../testbed/recipes.ts';
import { defaultSuite } from '../testbed/suite.ts';
import { ensureTree } from '../testbed/tree.ts';
import { showLiveTable } from './live-table.ts';
import { readPage } from './page.ts';
import { exampleTrees } from './trees.ts';
import { untilReady } from './until-ready.ts';

/**
 * `npm start`: a test host with the two containers of manifests/, as a first look at nspawnd. Shows them until Ctrl-C;
 * with --once it ends when they answer. Whatever happens, the host ends with it.
 */
const program = new Command('start')
  .description('Boots a host, drops the manifests of manifests/ into it, and shows what becomes of them.')
  .option('--name <name>', 'the name of the host', 'start')
  .option('--once', 'end as soon as all containers are ready and answer')
  .parse();

const { name: hostName, once = false } = program.opts<{ name: string; once?: boolean }>();
const interruption = new AbortController();
let host: Host | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // While trees are made or the host boots there is nothing to end in order: it all ends with this process.
    if (!host) process.exit(130);
    interruption.abort();
  });
}

try {
  await start();
} catch (error) {
  if (!interruption.signal.aborted) {
    console.error(error instanceof Error ? error.message : error);
    if (host) console.error(`\n${await host.diagnose().catch(String)}`);
    process.exitCode = 1;
  }
} finally {
  await host?.down();
}

async function start(): Promise<void> {
  const recipes = await exampleTrees();
  say('preparing root trees; the first time, their Debian packages are fetched, which takes a few minutes');
  const trees = recipes.map(async recipe => [recipe.name, await ensureTree(recipe)] as const);
  const [extraTrees] = await Promise.all([Promise.all(trees), ensureTree(hostTree(defaultSuite))]);
  host = await bootHost({ name: hostName, extraTrees: Object.fromEntries(extraTrees) });
  say(`host "${hostName}" is up: Debian ${host.suite} with nspawnd.service`);
  for (const { name } of recipes) await dropManifest(host, name);
  await untilReady(
    host,
    recipes.map(({ name }) => name),
    say,
    interruption.signal,
  );
  console.log(`\n${await readPage(host)}\n`);
  if (once) return;
  explain(host);
  await showLiveTable(host, interruption.signal);
  say('\ntaking the host down');
}

async function dropManifest(host: Host, name: string): Promise<void> {
  const fileName = `${name}.yaml`;
  await host.writeManifest(fileName, await readFile(join(repository, 'manifests', fileName), 'utf8'));
  say(`manifests/${fileName} is now /etc/nspawnd/manifests/${fileName} of the host`);
}

function say(message: string): void {
  console.log(message);
}

function explain(host: Host): void {
  const inside = `npm run -s testbed -- exec ${hostName} --`;
  say(`While this runs, from another terminal:

  ${inside} curl -s http://webserver.containers/
  ${inside} nspawnctl get
  ${inside} nspawnctl describe webserver
  ${inside} systemctl kill -s KILL container@webserver     # and see it come back
  ${inside} bash

The manifests are in /etc/nspawnd/manifests of the host. To edit them from here, see what happens below, and remove one:

  ${host.path('/etc/nspawnd/manifests')}

Ctrl-C ends the host and everything in it.
`);
}
