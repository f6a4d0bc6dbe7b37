import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * The table "The origin, line by line" of the README beside this says which test shows each row: `file`: start of the
 * test's name. A row whose test was renamed or removed shows nothing any more.
 */
const folder = fileURLToPath(new URL('.', import.meta.url));
const rows = readRows(readFileSync(`${folder}README.md`, 'utf8'));

test('the table of the origin has its rows', () => assert.ok(rows.length >= 30, `${rows.length} rows`));

describe('a row of the table of the origin names tests that exist:', () => {
  for (const [origin = '', , shownBy = ''] of rows) {
    test(origin, () => {
      const references = [...shownBy.matchAll(/`([^`]+)`: ([^;]+)/g)];
      assert.ok(references.length > 0, 'it names a test');
      for (const [, file = '', name = ''] of references) {
        const path = `${folder}${file}.test.ts`;
        assert.ok(existsSync(path), path);
        const titles = [...readFileSync(path, 'utf8').matchAll(/test\(\s*(['"`])(.+?)\1,/g)].map(
          match => match[2],
        );
        assert.ok(
          titles.some(title => title?.startsWith(name.trim())),
          `${path} has no test whose name starts with "${name.trim()}"`,
        );
      }
    });
  }
});

function readRows(readme: string): readonly (readonly string[])[] {
  const section = /^## The origin, line by line$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(readme)?.[1] ?? '';
  return section
    .split('\n')
    .filter(line => line.startsWith('|'))
    .slice(2)
    .map(line =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map(cell => cell.trim()),
    );
}
