import type { Child } from '@selvedge/lab'
import { until } from '@selvedge/lab'
import type { Bench } from '../bench.js'
import type { Fault } from '../fault.js'

/**
 * Reads frames at one device and sends them by another, as they are: with the checksums that the sender left to its hardware.
 * That of the outer UDP header is taken away, for only the inner ones are wrong of what such hardware sends.
 */
const RELAY = `use Socket;
sub at {
  my $proto = unpack('n', pack('S', 3));
  socket(my $s, 17, SOCK_RAW, $proto) or die "socket: $!";
  open(my $f, '<', "/sys/class/net/$_[0]/ifindex") or die "$_[0]: $!";
  bind($s, pack('S n i S C C a8', 17, 3, int(<$f>), 0, 0, 0, '')) or die "bind: $!";
  return $s;
}
my ($in, $out) = map { at($_) } @ARGV;
$| = 1; print "relays\\n";
while (defined recv($in, my $frame, 65536, 0)) { substr($frame, 40, 2) = "\\0\\0"; send($out, $frame, 0); }`

let relay: Child | undefined

/** The peer's packets in vxlan go through it on their way to the switch. */
async function relayVxlan({ rig, peer }: Bench): Promise<void> {
  const port = peer.name
  await rig.lab.switch.ipBatch([
    'link add relay0 type veth peer name relay1',
    'link add relay2 type veth peer name relay3',
    ...['relay0', 'relay1', 'relay2'].map((name) => `link set ${name} up`),
    'link set relay3 master br0 up',
  ])
  await rig.lab.switch.exec('bridge', ['link', 'set', 'dev', 'relay3', 'learning', 'off'])
  relay = rig.lab.switch.spawn('perl', ['-e', RELAY, 'relay1', 'relay2'])
  let said = ''
  for (const stream of [relay.stdout, relay.stderr])
    stream.on('data', (part) => {
      said += part
    })
  await until('the relay to begin', () => {
    if (relay?.exitCode !== null) throw new Error(said)
    return said.includes('relays') || undefined
  })
  await rig.lab.switch.exec('tc', ['qdisc', 'add', 'dev', port, 'clsact'])
  const udp = ['u32', 'match', 'ip', 'protocol', '17', '0xff', 'match', 'ip', 'dport', '8472', '0xffff']
  const redirect = ['action', 'mirred', 'egress', 'redirect', 'dev', 'relay0']
  await rig.lab.switch.exec('tc', [
    ...['filter', 'add', 'dev', port, 'ingress', 'protocol', 'ip'],
    ...udp,
    ...redirect,
  ])
}

async function endRelay({ rig, peer }: Bench): Promise<void> {
  await rig.lab.switch.exec('tc', ['qdisc', 'delete', 'dev', peer.name, 'clsact'])
  relay?.kill('SIGKILL')
  relay = undefined
  await rig.lab.switch.ipBatch(['link delete relay0', 'link delete relay2'])
  await peer.exec('ethtool', ['-K', 'flannel.1', 'tx-checksum-ip-generic', 'on'])
}

/** What becomes of checksums on the way. */
export const CHECKSUMS: readonly Fault[] = [
  {
    name: 'the peer’s hardware does not compute the checksums of packets in tunnels',
    id: 'kernel.checksums',
    says: /\d+ packets with a wrong checksum/,
    inject: relayVxlan,
    mend: ({ peer }, remedy) => peer.exec('sh', ['-ec', remedy.replace(/^on the peers: /, '')]),
    after: endRelay,
  },
]
