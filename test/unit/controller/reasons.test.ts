import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** Reasons of events are written where the event is made: in `controller/`, as `normal('Reason'` or `reason: 'Reason'`. */
test('an operator finds every reason of an event in the README', () => {
  const readme = read('README.md');
  const tables = [/\n### Reasons\n[\s\S]*?\n##+ /, /\n### Events\n[\s\S]*?\n## /]
    .map(section => section.exec(readme)?.[0] ?? '')
    .join('\n');
  const sources = readdirSync(new URL('../../../src/controller', import.meta.url)).map(file =>
    read(`src/controller/${file}`),
  );
  const reasons = sources.flatMap(source =>
    [...source.matchAll(/(?:normal|warning)\(\s*'(\w+)'|type: '(?:Normal|Warning)', reason: '(\w+)'/g)].map(
      ([, called, written]) => called ?? written ?? '',
    ),
  );
  assert.ok(reasons.length > 20, reasons.join(' '));
  assert.deepEqual(
    reasons.filter(reason => !tables.includes(`\`${reason}\``)),
    [],
  );
});
