import { type HostUnderTest, hostContract } from './host-contract.ts';
import { ModelHost } from './model-host.ts';
import { ModelPort } from './model-port.ts';

/** The model, with time and guests that go on by themselves whenever somebody looks. */
class LivelyPort extends ModelPort {
  readonly #model: ModelHost;

  constructor(model: ModelHost) {
    super(model);
    this.#model = model;
  }

  override async observe(...args: Parameters<ModelPort['observe']>): ReturnType<ModelPort['observe']> {
    const observed = await super.observe(...args);
    this.#model.advance(200);
    this.#model.progress();
    return observed;
  }
}

hostContract('the model', async (): Promise<HostUnderTest> => {
  const host = new ModelHost();
  const port = new LivelyPort(host);
  return {
    port,
    root: '/var/lib/machines/base',
    killNspawn: async name => host.killNspawn(name),
    guestPowersOff: async name => host.guestPowersOff(name),
    guestReboots: async name => host.guestReboots(name),
    systemctlStart: async name => host.systemctlStart(name),
    systemctlStop: async name => host.systemctlStop(name),
    deleteLink: async name => host.deleteLink(name),
    deleteNamespace: async name => host.deleteNamespace(name),
    takeDownSandbox: async name => host.takeDownSandbox(name),
    flushAddresses: async name => host.flushAddresses(name),
    forgetMachine: async name => host.forgetMachine(name),
    plugIn: async interfaceName => host.plugIn(interfaceName),
    unplug: async interfaceName => host.unplug(interfaceName),
    runUnit: async unit => void host.formerUnits.add(unit),
    putForeignUnit: async (name, text) => {
      if (text === null) host.unitFiles.delete(name);
      else host.unitFiles.set(name, text);
      host.disturbances++;
    },
    end: async () => undefined,
  };
});
