import type { Manifest } from '../api/manifest.ts';
import type { Problem } from '../api/problem.ts';
import { MAX_MESSAGE_LENGTH, safeText } from './safe-text.ts';

/** One document of a file, judged by itself: what other manifests say to it comes later, in `admission.ts`. */
export interface ParsedDocument {
  /** The file's path as found; with `index` it is where the document is, never what it is. */
  readonly file: string;
  readonly index: number;
  /** 1-based line on which the document starts. */
  readonly line: number;
  /** Null where no name can be read. Set even where the rest is broken, so that a broken manifest is no deletion. */
  readonly name: string | null;
  /** Null where anything is wrong. */
  readonly manifest: Manifest | null;
  readonly problems: readonly Problem[];
  /** What it would have as addresses, where it is not valid: nobody else is given them meanwhile. */
  readonly addresses: readonly string[];
  /** Where the values are that other manifests may object to, by field path. */
  readonly positions: Readonly<Record<string, Position>>;
}

/** 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export const FILE_START: Position = { line: 1, column: 1 };

/** Of how many problems of one file are listed; the rest is counted. */
export const MAX_PROBLEMS_PER_FILE = 100;

/** The one place where problems are made: whatever goes in, what comes out is safe to show. */
export function problemAt(file: string, position: Position, field: string, message: string): Problem {
  return {
    file: safeText(file, MAX_PATH_LENGTH),
    line: position.line,
    column: position.column,
    field: safeText(field, MAX_FIELD_LENGTH),
    message: safeText(message, MAX_MESSAGE_LENGTH),
  };
}

/** A problem of a document that stands at one of its fields. */
export function problemOf(document: ParsedDocument, field: string, message: string): Problem {
  const position = document.positions[field] ?? { line: document.line, column: 1 };
  return problemAt(document.file, position, field, message);
}

/** `FILE:LINE`, as people write places. */
export function showPlace(place: { readonly file: string; readonly line: number }): string {
  return `${safeText(place.file, MAX_PATH_LENGTH)}:${place.line}`;
}

const MAX_PATH_LENGTH = 4_096;
const MAX_FIELD_LENGTH = 256;
