import type { ControlPort } from '../controller/ports.ts';
import { refuse } from './answer.ts';
import type { Route } from './route.ts';

/** Whether the manifests have been read whole at least once. */
export function isStarted(control: ControlPort): boolean {
  return Date.parse(control.source().lastScan) > 0;
}

/** Before that, a list would be an answer that looks like "there are none"; so there is no answer yet. */
export function onceStarted(answer: Route['answer']): Route['answer'] {
  return (ask, face) =>
    isStarted(face.control)
      ? answer(ask, face)
      : refuse('ServiceUnavailable', 'nspawnd is starting: it has not read the manifests yet');
}
