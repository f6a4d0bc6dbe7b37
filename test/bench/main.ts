import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bootHost } from '../testbed/boot-host.ts';
import { benchHostTree } from '../testbed/recipes.ts';
import { ensureTree } from '../testbed/tree.ts';
import { measureAdoption } from './adoption.ts';
import type { Bench } from './bench.ts';
import { measureCrashes } from './crashes.ts';
import { measureIdling } from './idling.ts';
import { measureListing } from './listing.ts';
import { measureManifests } from './manifests.ts';
import { measureMany } from './many.ts';
import { orWhyNot } from './or-why-not.ts';
import { measureReports } from './reports.ts';
import { measureStarts } from './starts.ts';

/**
 * `npm run bench [-- ROUNDS] [SECTION...]`: nspawnd beside other ways of running the same system container, each in turn on
 * one host in one run. What counts are the ratios; the absolute times are this machine's. Only all sections together
 * are written to latest.txt.
 */
const SECTIONS: Readonly<Record<string, (bench: Bench) => Promise<string>>> = {
  starts: measureStarts,
  crashes: measureCrashes,
  reports: measureReports,
  lists: measureListing,
  adoption: measureAdoption,
  manifests: measureManifests,
  idling: measureIdling,
  many: measureMany,
};
const WARM_UP = 1;

const [first = '', ...others] = process.argv.slice(2);
const hasRounds = /^\d+$/.test(first);
const rounds = hasRounds ? Number(first) : 11;
const wanted = (hasRounds ? others : [first, ...others]).filter(word => word !== '');
for (const name of wanted) {
  if (name in SECTIONS) continue;
  console.error(`there is no section ${name}; there are: ${Object.keys(SECTIONS).join(', ')}`);
  process.exit(2);
}

await using host = await bootHost({
  name: `bench-${process.pid}`,
  hostTree: await ensureTree(benchHostTree('trixie')),
});
const sections: string[] = [];
for (const [name, measure] of Object.entries(SECTIONS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const load = loadOfMachine();
  const section = `${await orWhyNot(name, measure({ host, rounds, warmUp: WARM_UP }))}(load of the machine before: ${load})\n`;
  console.log(`\n${section}`);
  sections.push(section);
}
if (wanted.length === 0) {
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GB`;
  const head = `${availableParallelism()} cores, ${memory} of memory; middle values of ${rounds} rounds\n`;
  await writeFile(fileURLToPath(new URL('latest.txt', import.meta.url)), [head, ...sections].join('\n'));
}

function loadOfMachine(): string {
  return readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 2).join(' and ');
}
