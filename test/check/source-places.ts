import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { repository } from '../testbed/places.ts';

/**
 * The text with each place in a program that `makeRoomPrograms` left in `directory` told as the place in the sources it was
 * made of. Node can do that itself (--enable-source-maps), but then does it for every error that a test only looks at.
 */
export function tellSourcePlaces(text: string, directory: string): string {
  const maps = new Map<string, SourceMap>();
  const mapOf = (program: string) => {
    const known = maps.get(program);
    if (known !== undefined) return known;
    const map = new SourceMap(JSON.parse(readFileSync(join(directory, `${program}.map`), 'utf8')));
    maps.set(program, map);
    return map;
  };
  const name = directory.replace(/^.*\//, '');
  const place = new RegExp(`(?:file://)?[^\\s'"()]*/${name}/([\\w.-]+\\.mjs):(\\d+):(\\d+)`, 'g');
  return text.replaceAll(place, (whole, program: string, line: string, column: string) => {
    const origin = mapOf(program).findOrigin(Number(line), Number(column));
    if (!('fileName' in origin) || origin.fileName === undefined) return whole;
    const file = relative(repository, resolve(directory, origin.fileName));
    return `${file}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}
