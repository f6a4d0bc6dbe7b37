import { readFile } from 'node:fs/promises';

import { guestTree } from '../testbed/recipes.ts';
import { defaultSuite } from '../testbed/suite.ts';
import type { TreeRecipe } from '../testbed/tree.ts';

/** The root trees the manifests in manifests/ name: each a Debian guest with one service more. */
export async function exampleTrees(): Promise<readonly TreeRecipe[]> {
  return Promise.all([
    exampleTree('webserver', ['nginx', 'fcgiwrap', 'postgresql-client']),
    exampleTree('database', ['postgresql']),
  ]);
}

async function exampleTree(name: string, packages: readonly string[]): Promise<TreeRecipe> {
  const script = await readFile(new URL(`${name}.sh`, import.meta.url), 'utf8');
  return { name, suite: defaultSuite, parent: guestTree(defaultSuite), packages, script };
}
