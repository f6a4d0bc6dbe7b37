import type { Container } from '../api/container.ts';
import type { Cell } from './table.ts';

/** A table of containers: what is above it, and what it shows of each. */
export interface Columns {
  readonly header: readonly Cell[];
  row(container: Container, now: number): readonly Cell[];
  /** The last line of a container in a watch. */
  deletedRow(container: Container, now: number): readonly Cell[];
  /** Differs when a watch has something to tell. */
  news(container: Container): string;
}
