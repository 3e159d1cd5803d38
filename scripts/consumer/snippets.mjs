/** The code in the READMEs: what is there, what each piece needs to run, and what it then prints. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup.mjs'

const NETWORK_AND_MTU = (mtu) => new RegExp(`^10\\.244\\.\\d+\\.0/24 ${mtu}$`, 'm')

/** As node:test's reporters have it, of which each Node.js has another by default. */
const SUITE_PASSES = /^[#ℹ] pass [1-9][\s\S]*^[#ℹ] fail 0$/m

const ONE_LEASE = /^10\.244\.\d+\.0\/24$/m

/**
 * By README and number: `etcd` is the network config's Backend section, if the snippet reads it from an etcd; `nats` and
 * `kubernetes` say that it speaks to one; `prints` is what shows that it worked; with `stops`, it is then sent a SIGTERM. Each must exit with 0. A snippet that is not listed
 * runs with nothing, and may print anything.
 */
const EXPECTATIONS = {
  'README.md 1': { prints: NETWORK_AND_MTU(1450), stops: true },
  'packages/agent/README.md 1': {
    etcd: { Type: 'vxlan' },
    prints: /in sync: the kernel holds what all leases require/,
    stops: true,
  },
  'packages/backend-alloc/README.md 1': { etcd: { Type: 'alloc' }, prints: ONE_LEASE, stops: true },
  'packages/backend-extension/README.md 1': {
    etcd: { Type: 'extension', SubnetAddCommand: 'true', SubnetRemoveCommand: 'true' },
    prints: NETWORK_AND_MTU(1500),
    stops: true,
  },
  'packages/backend-hostgw/README.md 1': {
    etcd: { Type: 'host-gw' },
    prints: NETWORK_AND_MTU(1500),
    stops: true,
  },
  'packages/backend-ipip/README.md 1': {
    etcd: { Type: 'ipip' },
    prints: NETWORK_AND_MTU(1480),
    withoutLinkType: { type: 'ipip', prints: /UNSUPPORTED/ },
    stops: true,
  },
  'packages/backend-ipsec/README.md 1': {
    etcd: { Type: 'ipsec', PSK: 'k'.repeat(96) },
    prints: NETWORK_AND_MTU('\\d+'),
    stops: true,
  },
  // There is no cloud to ask: what it says of that is what a user elsewhere sees.
  'packages/backend-tencentvpc/README.md 1': {
    etcd: { Type: 'tencent-vpc' },
    prints: /metadata\.tencentyun\.com/,
    fails: true,
  },
  'packages/backend-udp/README.md 1': { etcd: { Type: 'udp' }, prints: NETWORK_AND_MTU(1472), stops: true },
  'packages/backend-vxlan/README.md 1': {
    etcd: { Type: 'vxlan' },
    prints: NETWORK_AND_MTU(1450),
    stops: true,
  },
  'packages/backend-wireguard/README.md 1': {
    etcd: { Type: 'wireguard' },
    prints: NETWORK_AND_MTU(1420),
    stops: true,
  },
  'packages/cli/README.md 1': { etcd: {}, prints: /"leases"/ },
  'packages/conformance/README.md 1': { prints: SUITE_PASSES },
  'packages/conformance/README.md 2': { prints: SUITE_PASSES },
  'packages/conformance/README.md 3': { prints: /^10\.5\.2\.0\/24 via 192\.168\.64\.3 dev eth0/m },
  'packages/conformance/README.md 4': { prints: SUITE_PASSES },
  'packages/conformance/README.md 5': { prints: SUITE_PASSES },
  'packages/conformance/README.md 6': { prints: SUITE_PASSES },
  'packages/conformance/README.md 7': { prints: SUITE_PASSES },
  'packages/conformance/README.md 8': { prints: SUITE_PASSES },
  'packages/conformance/README.md 9': { prints: /flannel\.1/ },
  'packages/core/README.md 1': {
    etcd: { Type: 'host-gw' },
    prints: /^in sync; MTU for pods: 1500$/m,
    stops: true,
  },
  'packages/dataplane-linux/README.md 1': { prints: NETWORK_AND_MTU(1450), stops: true },
  'packages/firewall/README.md 1': { etcd: { Type: 'vxlan' }, prints: ONE_LEASE, stops: true },
  'packages/node-state/README.md 1': {
    etcd: { Type: 'vxlan' },
    writes: { file: '/run/flannel/subnet.env', text: /^FLANNEL_NETWORK=10\.244\.0\.0\/16$/m },
    stops: true,
  },
  'packages/node-state/README.md 2': { etcd: { Type: 'vxlan' }, prints: ONE_LEASE, stops: true },
  'packages/store-etcd/README.md 1': { etcd: {}, tls: true, prints: /type: ['"]snapshot['"]/, stops: true },
  'packages/store-etcd/README.md 2': { etcd: {}, prints: /10\.244\.0\.0/, typesNeed: 'etcd3' },
  'packages/store-kube/README.md 1': { kubernetes: true, prints: /type: 'snapshot'/, stops: true },
  'packages/store-local/README.md 1': { prints: ONE_LEASE },
  'packages/store-nats/README.md 1': { nats: true, prints: /type: 'snapshot'/, stops: true },
  'packages/store-memory/README.md 1': { prints: /'10\.244\.\d+\.0\/24', '10\.244\.\d+\.0\/24'/ },
}

/** Every TypeScript or JavaScript block of the README of the root and of each package. */
export function readSnippets() {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)
  const snippets = ['README.md', ...packages].flatMap(snippetsOf)
  const known = new Set(snippets.map(({ name }) => name))
  const stale = Object.keys(EXPECTATIONS).filter((name) => !known.has(name))
  if (stale.length > 0) throw new Error(`no such snippets: ${stale.join(', ')}`)
  return snippets
}

function snippetsOf(readme) {
  const blocks = readFileSync(join(root, readme), 'utf8').matchAll(/^```(ts|js)\n([\s\S]*?)^```$/gm)
  return [...blocks].map(([, language, code], index) => {
    const name = `${readme} ${index + 1}`
    const file = name
      .replace('packages/', '')
      .replace(/\W*README\.md /, '-')
      .replace(/^-/, 'root-')
    return { name, file: `${file}.${language}`, code, ...EXPECTATIONS[name] }
  })
}
