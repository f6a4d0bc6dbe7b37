import { problemAt, problemOf, showPlace } from './document.ts';
import { compareEntrants, demote, type Entrant, manifestOf, placeOf } from './entrant.ts';

/**
 * Refuses whoever would wait for itself, by way of others or at once: of each circle the one that came last, so that the
 * others may stay as they are. Afterwards what is in force has no circle.
 */
export function refuseCycles(entrants: readonly Entrant[]): void {
  for (let isClean = false; !isClean; ) {
    isClean = true;
    const sorted = [...entrants].sort(compareEntrants);
    for (const cycle of findCycles(new Graph(sorted))) {
      const loser = [...cycle].sort(compareEntrants).at(-1);
      if (loser === undefined) continue;
      refuse(loser, cycle);
      // The last good version that takes its place may close a circle as well.
      if (demote(loser) === 'accepted') isClean = false;
    }
  }
}

/** Who is in force, and whom each waits for. One that is leaving starts no more: nobody goes round through it. */
class Graph {
  readonly nodes: readonly Entrant[];
  readonly #byName: ReadonlyMap<string, Entrant>;

  constructor(entrants: readonly Entrant[]) {
    this.nodes = entrants.filter(entrant => !entrant.isLeaving && manifestOf(entrant) !== null);
    this.#byName = new Map(this.nodes.map(node => [node.name, node]));
  }

  after(node: Entrant): readonly Entrant[] {
    const names = manifestOf(node)?.spec.dependsOn ?? [];
    return names.map(name => this.#byName.get(name)).filter(next => next !== undefined);
  }
}

/**
 * Circles, each without the one of it that came last in the circles before it: cut there, none is left. Without recursion:
 * ten thousand manifests may stand in one line.
 */
function findCycles(graph: Graph): readonly (readonly Entrant[])[] {
  const cycles: (readonly Entrant[])[] = [];
  const done = new Set<Entrant>();
  for (const start of graph.nodes) {
    for (let found = walk(start, graph, done); found !== null; found = walk(start, graph, done)) {
      cycles.push(found);
      const last = [...found].sort(compareEntrants).at(-1);
      if (last !== undefined) done.add(last);
    }
  }
  return cycles;
}

/** The first circle that is met on a walk from `start`; null: none, and all that was met is done. */
function walk(start: Entrant, graph: Graph, done: Set<Entrant>): readonly Entrant[] | null {
  if (done.has(start)) return null;
  const path: Entrant[] = [start];
  const left: Entrant[][] = [[...graph.after(start)].reverse()];
  const onPath = new Set(path);
  while (path.length > 0) {
    const next = left.at(-1)?.pop();
    if (next === undefined) {
      const over = path.pop();
      left.pop();
      if (over === undefined) break;
      onPath.delete(over);
      done.add(over);
    } else if (onPath.has(next)) {
      return path.slice(path.indexOf(next));
    } else if (!done.has(next)) {
      path.push(next);
      onPath.add(next);
      left.push([...graph.after(next)].reverse());
    }
  }
  return null;
}

/** The problem stands at the name through which the loser goes round. */
function refuse(loser: Entrant, cycle: readonly Entrant[]): void {
  const at = cycle.indexOf(loser);
  const round = [...cycle.slice(at + 1), ...cycle.slice(0, at)];
  const next = (round[0] ?? loser).name;
  const index = manifestOf(loser)?.spec.dependsOn.indexOf(next) ?? 0;
  const field = `spec.dependsOn[${Math.max(0, index)}]`;
  const message = round.length === 0 ? `"${loser.name}" cannot wait for itself` : explain(loser, round);
  const problem =
    loser.document === null || loser.standing === 'accepted'
      ? problemAt(placeOf(loser).file, { line: placeOf(loser).line, column: 1 }, field, message)
      : problemOf(loser.document, field, message);
  const isKnown = loser.objections.some(
    ({ problem: known }) => known.field === problem.field && known.message === problem.message,
  );
  if (!isKnown) loser.objections.push({ document: loser.document, problem });
}

function explain(loser: Entrant, round: readonly Entrant[]): string {
  const shown = round
    .slice(0, MAX_SHOWN)
    .map(entrant => `${entrant.name} (${showPlace(placeOf(entrant))})`)
    .concat(round.length > MAX_SHOWN ? [`${round.length - MAX_SHOWN} more`] : []);
  return `"${loser.name}" would wait for itself: ${[loser.name, ...shown, loser.name].join(' -> ')}`;
}

const MAX_SHOWN = 8;
