import type { Probe } from '../../api/probe-fields.ts';
import { placeOfGuest } from '../guest-place.ts';
import { type Answer, notAsked } from './answer.ts';
import { probeExec } from './exec-probe.ts';
import { Gate } from './gate.ts';
import { probeHttp } from './http-probe.ts';
import { probeTcp } from './tcp-probe.ts';
import { probeUnit } from './unit-probe.ts';

/** How a guest is asked. */
export type Ask = (name: string, mainPid: number, probe: Probe, signal: AbortSignal) => Promise<Answer>;

/** So many processes at once, and for how long each counts as one of them. */
const PLACES = 4;
const HOLD_MS = 1000;

/** Asks in the one way that a probe has. Whatever the guest does, it ends at the probe's deadline. */
export function asking(): Ask {
  const gate = new Gate(PLACES, HOLD_MS);
  return (name, mainPid, { exec, unit, tcpSocket, httpGet, timeoutSeconds }, signal) => {
    if (exec !== undefined)
      return gate.through(() => probeExec(name, mainPid, exec.command, timeoutSeconds, signal));
    if (unit !== undefined)
      return gate.through(async () => {
        const place = await placeOfGuest(name, mainPid);
        if (place === null) return notAsked('the guest is not found');
        return probeUnit(place.leader, unit.name, timeoutSeconds);
      });
    if (tcpSocket?.host !== undefined)
      return probeTcp({ ...tcpSocket, host: tcpSocket.host }, timeoutSeconds, signal);
    if (httpGet?.host !== undefined)
      return probeHttp({ ...httpGet, host: httpGet.host }, timeoutSeconds, signal);
    return Promise.resolve(notAsked('it does not say what to ask'));
  };
}
