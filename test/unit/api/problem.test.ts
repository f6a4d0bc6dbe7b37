import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../../src/api/problem.ts';

test('a problem reads as compilers write them', () => {
  const problem = { file: '/m/a.yaml', line: 3, column: 5, field: 'spec.root', message: 'is required' };
  assert.equal(formatProblem(problem), '/m/a.yaml:3:5: spec.root: is required');
  assert.equal(formatProblem({ ...problem, field: '' }), '/m/a.yaml:3:5: is required');
});
