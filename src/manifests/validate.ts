import type { FileText, JudgedDocument } from '../controller/ports.ts';
import { admit } from './admission.ts';
import type { Admitted } from './contender.ts';
import type { ParsedDocument } from './document.ts';
import { parseText } from './parse.ts';

/** What can be said of texts without a host: names, fields, and conflicts with each other. In the texts' order. */
export function validateFiles(
  files: readonly FileText[],
  hostLinkName: (name: string) => string,
): readonly JudgedDocument[] {
  const documents = files.flatMap(parseText);
  const admitted = admit(
    [...groupByName(documents)].map(([name, group]) => ({
      name,
      documents: group,
      accepted: null,
      isLeaving: false,
    })),
    {
      hostLinkName,
      hostName: '',
      hostAddresses: new Set(),
      realRoot: root => root,
      reservedDirectories: [],
    },
  );
  return documents.map(document => toJudged(document, admitted));
}

/** Documents that have a name, by it. */
export function groupByName(
  documents: readonly ParsedDocument[],
): ReadonlyMap<string, readonly ParsedDocument[]> {
  const groups = new Map<string, ParsedDocument[]>();
  for (const document of documents) {
    if (document.name === null) continue;
    const group = groups.get(document.name) ?? [];
    groups.set(document.name, group);
    group.push(document);
  }
  return groups;
}

/** A document with what the others say to it. */
export function toJudged(document: ParsedDocument, admitted: ReadonlyMap<string, Admitted>): JudgedDocument {
  const verdict = document.name === null ? undefined : admitted.get(document.name);
  if (verdict === undefined) return document;
  const problems = verdict.objections
    .filter(objection => objection.document === document)
    .map(objection => objection.problem);
  const isInForce = verdict.origin === 'document' && verdict.document === document;
  return { name: document.name, manifest: isInForce ? document.manifest : null, problems };
}
