import type { Manifest } from '../api/manifest.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import type { ParsedDocument } from './document.ts';
import { safeText } from './safe-text.ts';
import { documentsIn, type Snapshot } from './snapshot.ts';
import { groupByName } from './validate.ts';

/** A snapshot set against what was known before: who is there, who is meant, who has vanished. Pure. */
export interface Survey {
  /** Every document that counts, of files being written their former ones. */
  readonly documents: readonly ParsedDocument[];
  readonly byName: ReadonlyMap<string, readonly ParsedDocument[]>;
  /** Known names whose file is there but cannot be read; with the documents that say why. */
  readonly excused: ReadonlyMap<string, readonly ParsedDocument[]>;
  readonly known: ReadonlySet<string>;
  readonly vanished: ReadonlySet<string>;
  /** Safe to show. */
  readonly namelessFiles: readonly string[];
  readonly pendingFiles: readonly string[];
  /** Vanished name to its file, where that has a broken document with a name nobody knows. */
  readonly suspects: ReadonlyMap<string, string>;
  readonly isEmpty: boolean;
}

/** `hostNames`: names without a version of their own, found on the host or by an unreadable record. */
export function survey(
  snapshot: Snapshot,
  versions: ReadonlyMap<string, AcceptedVersion>,
  hostNames: ReadonlySet<string>,
): Survey {
  const documents: ParsedDocument[] = [];
  const unreadable = new Map<string, readonly ParsedDocument[]>();
  const brokenByFile = new Map<string, readonly ParsedDocument[]>();
  const pendingFiles: string[] = [];
  for (const file of snapshot.files) {
    const found = documentsIn(file);
    documents.push(...found);
    const nameless = found.filter(document => document.name === null);
    if (nameless.length > 0) unreadable.set(file.path, nameless);
    else if (file.is === 'pending') unreadable.set(file.path, []);
    brokenByFile.set(
      file.path,
      found.filter(document => document.manifest === null && document.name !== null),
    );
    if (file.is === 'pending') pendingFiles.push(safeText(file.path));
  }
  const byName = groupByName(documents);

  const inForce = [...versions.values()].filter(version => version.removedAt === null);
  const known = new Set([...inForce.map(version => version.name), ...hostNames]);
  const excused = new Map<string, readonly ParsedDocument[]>();
  const suspects = new Map<string, string>();
  const vanished = new Set([...known].filter(name => !byName.has(name)));
  for (const { name, file } of inForce) {
    if (file === null || !vanished.has(name)) continue;
    const reasons = unreadable.get(file);
    if (reasons !== undefined) {
      excused.set(name, reasons);
      vanished.delete(name);
    } else if (
      brokenByFile.get(file)?.some(document => document.name !== null && !known.has(document.name))
    ) {
      suspects.set(name, safeText(file));
    }
  }
  return {
    documents,
    byName,
    excused,
    known,
    vanished,
    namelessFiles: [...unreadable]
      .filter(([, reasons]) => reasons.length > 0)
      .map(([path]) => safeText(path)),
    pendingFiles,
    suspects,
    isEmpty: snapshot.files.length === 0,
  };
}

/** Every root that any version in sight asks for. */
export function rootsIn(snapshot: Snapshot, versions: ReadonlyMap<string, AcceptedVersion>): Set<string> {
  const roots = new Set<string>();
  const add = (manifest: Manifest | null) => manifest !== null && roots.add(manifest.spec.root);
  for (const file of snapshot.files) for (const { manifest } of documentsIn(file)) add(manifest);
  for (const { manifest } of versions.values()) add(manifest);
  return roots;
}
