import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseNetworkConfig } from '@selvedge/core'
import { KubeCluster } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  buildDeployment,
  configOf,
  daemonSet,
  KUBERNETES,
  kustomize,
  stateOf,
  writeMyCluster,
} from './deployment.js'

let cluster: KubeCluster
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-kustomize-'))
  cluster = await KubeCluster.start()
})

afterAll(async () => {
  await cluster.stop()
  await rm(folder, { recursive: true })
})

/** What each component makes of the network config. */
const CHANGES: Readonly<Record<string, object>> = {
  cidr: { Network: '10.42.0.0/16' },
  ipv6: { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' },
  nftables: { EnableNFTables: true },
  'legacy-iptables': {},
  udp: { Backend: { Type: 'udp' } },
  wireguard: { Backend: { Type: 'wireguard' } },
  ipsec: { Backend: { Type: 'ipsec', PSK: '' } },
}
const BASE = {
  Network: '10.244.0.0/16',
  EnableNFTables: false,
  EnableIPv6: false,
  Backend: { Type: 'vxlan' },
}
const NAMES = Object.keys(CHANGES)
const isBackend = (name: string): boolean => 'Backend' in (CHANGES[name] ?? {})

const build = (base: string, components: readonly string[]) => buildDeployment(folder, base, components)

async function apply(base: string, components: readonly string[]): Promise<void> {
  const file = join(folder, 'built.yml')
  await writeFile(file, await build(base, components))
  await cluster.kubectl('apply', '--filename', file)
}

/** The network config in built YAML. */
function networkConfigIn(yaml: string): unknown {
  const [, block = ''] = /^ {2}net-conf\.json: \|\n((?: {4}.*\n)+)/m.exec(yaml) ?? []
  return JSON.parse(block)
}

/** Of each choice of names, the ones that its number has a bit for. */
const subsets = (names: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: 2 ** names.length }, (_, bits) => names.filter((_, i) => (bits >> i) % 2 === 1))

describe('components', () => {
  test('are all tested here', async () => {
    expect((await readdir(join(KUBERNETES, 'components'))).sort()).toEqual(NAMES.toSorted())
  })

  test('change one line each, in any combination and order', async () => {
    // Of two backends the last one counts: all of them together are two orders for that.
    const oneBackend = subsets(NAMES.filter((name) => !isBackend(name))).flatMap((others) =>
      [[], ...NAMES.filter(isBackend).map((name) => [name])].map((backend) => [...backend, ...others]),
    )
    for (const names of [...oneBackend, NAMES, NAMES.toReversed()]) {
      const expected = Object.assign({}, BASE, ...names.map((name) => CHANGES[name]))
      expect(networkConfigIn(await build('base', names)), names.join()).toEqual(expected)
    }
  })

  test('and an image of one’s own, as the README says', async () => {
    const built = await kustomize(await writeMyCluster(folder))
    expect(networkConfigIn(built)).toEqual({ ...BASE, ...CHANGES.nftables, ...CHANGES.ipv6 })
    expect(built.match(/^ +image: .*$/gm)).toEqual(
      Array(3).fill('        image: registry.example.org/selvedged:0.1.0'),
    )
  })

  test('add no object, whichever the base', async () => {
    const kinds = (yaml: string): readonly string[] => yaml.match(/^kind: .*$/gm) ?? []
    for (const base of ['base', 'release']) {
      expect(kinds(await build(base, NAMES))).toEqual(kinds(await build(base, [])))
    }
  })

  test('applied, and applied again without them, leave nothing behind', async () => {
    await apply('base', [])
    const plain = await stateOf(cluster)
    for (const names of [...NAMES.map((name) => [name]), NAMES]) {
      await apply('base', names)
      const { 'net-conf.json': text = '' } = await configOf(cluster)
      const config = parseNetworkConfig(text)
      expect(config.unknownKeys).toEqual([])
      expect(config.ipv6?.network.toString()).toBe(names.includes('ipv6') ? 'fd00:10:244::/48' : undefined)
    }
    expect(await stateOf(cluster)).not.toEqual(plain)
    await apply('base', [])
    expect(await stateOf(cluster)).toEqual(plain)
  })

  test('ipsec and legacy-iptables each add their capability, in either order', async () => {
    for (const names of [
      ['ipsec', 'legacy-iptables'],
      ['legacy-iptables', 'ipsec'],
    ]) {
      await apply('base', names)
      const [agent] = (await daemonSet(cluster)).spec.template.spec.containers
      const { add = [] } = agent?.securityContext.capabilities ?? {}
      expect(add.toSorted()).toEqual(['NET_ADMIN', 'NET_BIND_SERVICE', 'NET_RAW'])
    }
  })

  test('legacy-iptables adds the capability and the lock of that variant, and nothing else', async () => {
    await apply('base', [])
    const plain = (await daemonSet(cluster)).spec.template.spec
    await apply('base', ['legacy-iptables'])
    const { containers, volumes, ...rest } = (await daemonSet(cluster)).spec.template.spec
    const [agent] = containers
    expect(agent?.securityContext.capabilities).toEqual({ drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] })
    const isLock = ({ name }: { name: string }): boolean => name === 'xtables-lock'
    expect(agent?.volumeMounts.filter(isLock)).toEqual([
      { name: 'xtables-lock', mountPath: '/run/xtables.lock' },
    ])
    expect(volumes.filter(isLock)).toEqual([
      { name: 'xtables-lock', hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
    ])
    expect({ ...rest, volumes: volumes.filter((volume) => !isLock(volume)) }).toEqual({
      ...rest,
      volumes: plain.volumes,
    })
  })
})
