import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** What an operator is told about reasons. */
function tables(): string {
  const readme = read('README.md');
  return [/\n### Reasons\n[\s\S]*?\n##+ /, /\n### Events\n[\s\S]*?\n## /]
    .map(section => section.exec(readme)?.[0] ?? '')
    .join('\n');
}

function sourcesIn(room: string): readonly string[] {
  const files = readdirSync(new URL(`../../../src/${room}`, import.meta.url), { recursive: true });
  return files
    .map(String)
    .filter(file => file.endsWith('.ts'))
    .map(file => read(`src/${room}/${file}`));
}

/** Reasons of events are written where the event is made: in `controller/`, as `normal('Reason'` or `reason: 'Reason'`. */
test('an operator finds every reason of an event in the README', () => {
  const told = tables();
  const sources = sourcesIn('controller');
  const reasons = sources.flatMap(source =>
    [
      ...source.matchAll(
        /(?:normal|warning)\(\s*'(\w+)'|type: '(?:Normal|Warning)', reason: '(\w+)'|^ +\['\w+', '(\w+)'\],$/gm,
      ),
    ].map(([, called, written, listed]) => called ?? written ?? listed ?? ''),
  );
  assert.ok(reasons.length > 20, reasons.join(' '));
  assert.deepEqual(
    reasons.filter(reason => !told.includes(`\`${reason}\``)),
    [],
  );
});

/** Of conditions: as it should be, or on its way there by itself. */
const NEED_NOBODY = [
  ...['Accepted', 'Activating', 'Active', 'Deactivating', 'Found', 'HostNetwork', 'HostStopping', 'Inactive'],
  ...['JobPending', 'MachineEnding', 'Pending', 'Removing', 'RollingBack', 'SandboxReady', 'Settling'],
];

test('an operator finds every reason of a condition in the README, but those that need nobody', () => {
  const told = tables();
  const reasons = [...sourcesIn('planning'), ...sourcesIn('controller')].flatMap(source =>
    [...source.matchAll(WRITTEN)].flatMap(([, ...found]) => found.filter(reason => reason !== undefined)),
  );
  assert.ok(reasons.length > 50, reasons.join(' '));
  const open = new Set(reasons.filter(reason => !told.includes(`\`${reason}\``)));
  assert.deepEqual([...open].sort(), NEED_NOBODY);
});

/** `reason: 'A'`, `reason: x ? 'A' : 'B'`, `fact('True', 'A'`, `stay('A'`. */
const WRITTEN =
  /reason: '([A-Z]\w+)'|reason: [^'\n]*\? '([A-Z]\w+)' : '([A-Z]\w+)'|fact\('\w+', '([A-Z]\w+)'|stay\('(\w+)'/g;
