import { execFileSync } from 'node:child_process';
import t from 'tap';
import { conntrackCommand } from '../../src/conntrack/conntrack-command.js';
import { nftNamespace, whyNoNamespace } from '../netns/nft-namespace.js';

const skip = whyNoNamespace() ?? (hasConntrack() ? false : 'needs conntrack');

function hasConntrack(): boolean {
  try {
    execFileSync('conntrack', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

t.test('connections of an address, whoever opened them', { skip }, async (t) => {
  const namespace = nftNamespace();
  t.teardown(() => namespace.remove());
  const [file, ...prefix] = [...namespace.command.slice(0, -1), 'conntrack'];
  if (file === undefined) throw new Error('no command');
  const run = (...args: readonly string[]) =>
    execFileSync(file, [...prefix, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const open = (source: string, destination: string, replySource = destination) =>
    run(
      ...[
        '-I',
        '-p',
        'udp',
        '-t',
        '600',
        '--sport',
        '1',
        '--dport',
        '2',
        '--reply-port-src',
        '2',
        '--reply-port-dst',
        '1',
      ],
      ...['-s', source, '-d', destination, '-r', replySource, '-q', source],
    );
  const listed = () =>
    ['ipv4', 'ipv6']
      .flatMap((family) => run('-L', '-f', family).split('\n'))
      .flatMap((line) => {
        const [source, , replySource] = [...line.matchAll(/(?:src|dst)=(\S+)/g)].map(([, address]) => address);
        return source === undefined ? [] : [`${source} ${replySource}`];
      })
      .sort();

  const { deleteConnections } = conntrackCommand([file, ...prefix]);
  await deleteConnections('10.65.0.1');
  t.strictSame(listed(), [], 'that there is none is no error');
  open('10.65.0.1', '192.0.2.1');
  open('192.0.2.2', '10.65.0.1');
  open('192.0.2.3', '198.51.100.77', '10.65.0.1');
  open('192.0.2.4', '10.65.0.10');
  open('fd65::1', 'fd00::1');
  open('fd00::2', 'fd65::1');
  open('fd00::3', 'fd65::2');
  t.equal(listed().length, 7);
  await deleteConnections('10.65.0.1');
  t.strictSame(listed(), ['192.0.2.4 10.65.0.10', 'fd00::2 fd65::1', 'fd00::3 fd65::2', 'fd65::1 fd00::1']);
  await deleteConnections('fd65::1');
  t.strictSame(listed(), ['192.0.2.4 10.65.0.10', 'fd00::3 fd65::2']);

  await t.rejects(conntrackCommand([file, ...prefix, '--no-such-option']).deleteConnections('10.65.0.1'), {
    name: 'ConntrackError',
    code: 'failed',
    message: /"ip netns exec .* --delete --orig-src 10\.65\.0\.1" failed: .+/,
  });
});

t.test('a command that is not installed', async (t) => {
  await t.rejects(conntrackCommand(['/no/such/conntrack']).deleteConnections('10.65.0.1'), {
    code: 'missing',
    message: /install conntrack/,
  });
});
