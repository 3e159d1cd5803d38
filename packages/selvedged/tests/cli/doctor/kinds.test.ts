/** `selvedge doctor` on hosts of other kinds: nothing is found on those that are well, and faults of each kind are. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { vxlanConfig } from '../../rig.js'
import { report, type Score } from './examine.js'
import { CHECKSUMS } from './faults/checksums.js'
import { EXTENSION, EXTENSION_CONFIG, writeCommands } from './faults/extension.js'
import { DUAL_STACK, HOST_GW, LOCAL_STORE, WIREGUARD } from './faults/kinds.js'
import { NATS, natsStore } from './faults/nats.js'
import { RENEWAL } from './faults/renewal.js'
import { UDP } from './faults/udp.js'
import { describeKind, type Kind } from './kind.js'

const dualStack = {
  Network: '10.244.0.0/16',
  IPv6Network: 'fd01:cafe::/48',
  EnableIPv6: true,
  Backend: { Type: 'vxlan' },
}

const KINDS: readonly Kind[] = [
  {
    name: 'host-gw',
    config: { Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } },
    faults: HOST_GW,
  },
  {
    name: 'wireguard',
    config: { Network: '10.244.0.0/16', Backend: { Type: 'wireguard' } },
    faults: WIREGUARD,
  },
  {
    name: 'udp',
    config: { Network: '10.244.0.0/16', Backend: { Type: 'udp' } },
    faults: UDP,
  },
  {
    name: 'extension',
    config: EXTENSION_CONFIG,
    options: { variables: writeCommands },
    faults: EXTENSION,
  },
  {
    name: 'vxlan',
    config: vxlanConfig,
    faults: [...RENEWAL, ...CHECKSUMS],
  },
  {
    name: 'vxlan, with IPv4 and IPv6, and rules of nftables',
    config: { ...dualStack, EnableNFTables: true },
    options: { ipv6: true },
    faults: DUAL_STACK,
  },
  {
    name: 'vxlan, with the store of a file',
    config: undefined,
    options: {
      store: async ({ lab }) => {
        const config = join(lab.directory, 'net-conf.json')
        await writeFile(config, JSON.stringify(vxlanConfig))
        return [`--local-store=${join(lab.directory, 'store.mdb')}`, `--net-config-path=${config}`]
      },
    },
    faults: LOCAL_STORE,
  },
  {
    name: 'vxlan, with the leases in NATS',
    config: undefined,
    options: { store: natsStore },
    faults: NATS,
  },
]

const scores: Score[] = []
afterAll(() => console.log(report(scores)))

for (const kind of KINDS) describeKind(kind, scores)
