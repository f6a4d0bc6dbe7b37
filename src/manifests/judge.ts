import type { FileText, JudgedDocument } from '../controller/ports.ts';
import { admit } from './admission.ts';
import type { Contender, World } from './contender.ts';
import { parseText } from './parse.ts';
import { groupByName, toJudged } from './validate.ts';

/**
 * Judges texts as if they were the whole content of these files. A file elsewhere that declares a name takes its place, so
 * that people may look at an edited copy.
 */
export function judgeFiles(
  files: readonly FileText[],
  inForce: readonly Contender[],
  world: World,
): readonly JudgedDocument[] {
  const documents = files.flatMap(parseText);
  const byName = groupByName(documents);
  const replaced = new Set(files.map(({ file }) => file));
  const contenders: Contender[] = [];
  for (const contender of inForce) {
    const own = byName.get(contender.name);
    const remaining = contender.documents.filter(document => !replaced.has(document.file));
    const isGone = contender.documents.length > 0 && remaining.length === 0;
    if (own !== undefined) contenders.push({ ...contender, documents: own, isLeaving: false });
    else if (!isGone) contenders.push({ ...contender, documents: remaining });
  }
  const known = new Set(inForce.map(contender => contender.name));
  for (const [name, own] of byName) {
    if (!known.has(name)) contenders.push({ name, documents: own, accepted: null, isLeaving: false });
  }
  const admitted = admit(contenders, world);
  return documents.map(document => toJudged(document, admitted));
}
