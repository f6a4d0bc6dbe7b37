import type { ControlPort, ObjectChange } from '../controller/ports.ts';

/** An object as Kubernetes' list and watch see it. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** One kind of object: where it comes from, how it is selected, and how it looks as a table. */
export interface Kind<T extends ApiObject = ApiObject> {
  readonly apiVersion: T['apiVersion'];
  readonly kind: T['kind'];
  list(control: ControlPort): readonly T[];
  watch(control: ControlPort, listener: (change: ObjectChange<T>) => void): () => void;
  /** The fields that a fieldSelector may name. */
  readonly fields: readonly string[];
  field(object: T, field: string): string | undefined;
  readonly columns: readonly Column<T>[];
}

/** Kubernetes' TableColumnDefinition, with what makes the cell. */
export interface Column<T> {
  readonly name: string;
  readonly type: 'string' | 'integer';
  readonly format: '' | 'name';
  readonly description: string;
  /** 0: always shown; 1: only in wide tables. */
  readonly priority: 0 | 1;
  cell(object: T, now: number): string | number;
}
