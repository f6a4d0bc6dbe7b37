import { LIBRARIES, MAX_LINES, PURE_ROOMS, ROOMS } from './rooms.ts';
import { importsOf, roomOf, type Sources } from './sources.ts';

/** Each rule answers with what breaks it, one sentence each; none when all is well. */
export type Rule = (sources: Sources) => readonly string[];

export const roomsKnowOnlyTheirNeighbours: Rule = sources =>
  eachImport(sources, (file, { target, isType }) => {
    if (!target.startsWith('src/')) return null;
    const room = roomOf(file);
    const neighbours = ROOMS[room];
    if (neighbours === undefined) return `${file}: ${room} is in no table of rooms`;
    const targetRoom = roomOf(target);
    const isIn = (list: readonly string[]) => list.includes(targetRoom) || list.includes(target);
    if (targetRoom === room || isIn(neighbours.uses)) return null;
    if (isIn(neighbours.knows)) return isType ? null : `${file} imports more than types from ${target}`;
    return `${file} imports ${target}`;
  });

export const pureRoomsDoNothing: Rule = sources => [
  ...eachImport(sources, (file, { target }) => {
    const allowed = PURE_ROOMS[roomOf(file)];
    if (allowed === undefined || target.startsWith('src/') || allowed.includes(target)) return null;
    return `${file} imports ${target}`;
  }),
  ...eachFile(sources, (file, text) => {
    if (roomOf(file) !== 'planning') return [];
    return [...code(text).matchAll(IMPURE)].map(([found]) => `${file} uses ${found}`);
  }),
];

/** Of a clock, of chance, of the process and of waiting. A given time may be formatted: `new Date(ms)`. */
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)|\bMath\.random\b|\bperformance\.|\bprocess\.(?:env|argv|cwd|pid|hrtime|platform|exit|nextTick|std(?:in|out|err))\b|\bset(?:Timeout|Interval|Immediate)\b|\bfetch\(|\bconsole\.|\bglobalThis\b|\brandom(?:UUID|Bytes|Int|FillSync)\b|\bawait\b/g;

export const librariesHaveOnePlace: Rule = sources =>
  eachImport(sources, (file, { target }) => {
    if (target.startsWith('src/') || target.startsWith('node:')) return null;
    const places = LIBRARIES[target];
    if (places === undefined) return `${file} imports ${target}, which is in no table of libraries`;
    return places.includes(file)
      ? null
      : `${file} imports ${target}, which belongs to ${places.join(' and ')}`;
  });

/** The tables describe what is there: an entry without its import is a leftover. */
export const tablesHaveNoLeftovers: Rule = sources => {
  const used = new Set(eachImport(sources, (file, { target }) => `${target} in ${file}`));
  return Object.entries(LIBRARIES).flatMap(([library, files]) =>
    files
      .map(file => `${library} in ${file}`)
      .filter(place => !used.has(place))
      .map(place => `${place} is in the table of libraries and nowhere else`),
  );
};

/** Every import of a package is a dependency, and every dependency is imported. */
export const dependenciesAreThoseUsed: Rule = sources => {
  const { dependencies } = JSON.parse(sources['package.json'] ?? '{}') as {
    dependencies: Record<string, string>;
  };
  const isPackage = (target: string) => !target.startsWith('src/') && !target.startsWith('node:');
  const used = new Set(eachImport(sources, (_file, { target }) => (isPackage(target) ? target : null)));
  const declared = Object.keys(dependencies ?? {});
  return [
    ...[...used]
      .filter(name => !declared.includes(name))
      .map(name => `${name} is imported and not in package.json`),
    ...declared.filter(name => !used.has(name)).map(name => `${name} is in package.json and never imported`),
  ];
};

export const modulesAreInOurStyle: Rule = sources =>
  eachFile(sources, (file, text) => [
    ...(/^export default\b|\bas default\b/m.test(text) ? [`${file} has a default export`] : []),
    ...(/^(?:export )?(?:declare )?(?:const )?enum\b/m.test(text) ? [`${file} has an enum`] : []),
    ...(/^(?:export )?(?:declare )?namespace\b/m.test(text) ? [`${file} has a namespace`] : []),
    ...(/constructor\((?:[^){]*,)?\s*(?:private|public|protected|readonly) /.test(text)
      ? [`${file} has a parameter property`]
      : []),
    ...(/(?:^|\/)(?:utils?|helpers?|common|misc|index)(?:\.ts$|\/)/.test(file)
      ? [`${file} is not named for what it does`]
      : []),
    ...(/^export \* /m.test(text) ? [`${file} is a barrel`] : []),
    ...(text.split('\n').length - 1 > MAX_LINES ? [`${file} is longer than ${MAX_LINES} lines`] : []),
  ]);

export const importsHaveNoCycles: Rule = sources => {
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (finished.has(file)) return;
    for (const { target } of importsOf(file, sources[file] ?? '')) {
      if (target in sources) visit(target, [...path, file]);
    }
    finished.add(file);
  };
  for (const file of Object.keys(sources)) visit(file, []);
  return cycles;
};

/** A clone works anywhere: nothing of one machine, one network or one mirror is in it. */
export const filesBelongToNoMachine: Rule = sources =>
  Object.entries(sources).flatMap(([file, text]) =>
    [...text.matchAll(REGISTRY), ...text.matchAll(DEVELOPERS_PATH)].map(
      ([found]) => `${file} names ${found}`,
    ),
  );

const REGISTRY =
  /\b(?:registry\.(?:npmjs|yarnpkg)\.\w+|registry\.npmmirror\.com|(?:deb|ftp|http|security|snapshot|archive)\.debian\.org|archive\.ubuntu\.com|pypi\.org|cache\.nixos\.org|proxy\.golang\.org|(?:ghcr|docker|quay)\.io)\b|\bhttps?:\/\/[\w.-]*(?:artifactory|nexus|mirror|proxy)[\w.-]*/gi;
const DEVELOPERS_PATH =
  /(?<![\w.])\/(?:(?:home|Users)\/(?!me\b)\w+|work\/\w+)\/[\w./-]+|\b[A-Z]:\\Users\\\w+/g;

function eachImport(
  sources: Sources,
  judge: (file: string, found: { readonly target: string; readonly isType: boolean }) => string | null,
): readonly string[] {
  return eachFile(sources, (file, text) =>
    importsOf(file, text)
      .map(found => judge(file, found))
      .filter(sentence => sentence !== null),
  );
}

function eachFile(
  sources: Sources,
  judge: (file: string, text: string) => readonly string[],
): readonly string[] {
  return Object.entries(sources)
    .filter(([file]) => file.startsWith('src/'))
    .flatMap(([file, text]) => judge(file, text));
}

/** Without comments, in which words are only words. */
function code(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');
}
