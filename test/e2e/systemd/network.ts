import { createMachine, type Machine, succeed } from '../machine.js';

export const BRIDGE = 'br0';
const CLIENT = { name: 'client', address: '10.88.0.20' };

/** The bridge between the machines, and a client on it that is a network namespace alone. In a network namespace of this run. */
export async function createNetwork(): Promise<Machine> {
  const lines = [
    'link set lo up',
    `link add ${BRIDGE} type bridge`,
    `link set ${BRIDGE} up`,
    'netns add client',
    'link add v-client type veth peer name eth1 netns client',
    `link set v-client master ${BRIDGE} up`,
  ];
  await succeed(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  const inside = ['link set lo up', `address add ${CLIENT.address}/24 dev eth1`, 'link set eth1 up'];
  await succeed(['ip', '-n', 'client', '-batch', '-'], { input: `${inside.join('\n')}\n` });
  const never = async () => {
    throw new Error('the client is not restarted');
  };
  return createMachine({
    ...CLIENT,
    slowness: 1,
    enter: (argv) => ['nsenter', '--net=/run/netns/client', '--', ...argv],
    reboot: never,
    powerCut: never,
  });
}
