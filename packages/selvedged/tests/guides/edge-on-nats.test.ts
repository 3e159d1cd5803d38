/** docs/guides/edge-on-nats.md: hosts that know one URL of NATS, its servers' configurations, and leaf servers of sites. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSubnetEnv } from '@selvedge/core'
import {
  documentBlock,
  ExampleProgram,
  type Host,
  Lab,
  type Namespace,
  PingStream,
  type Pod,
  pingUntilReached,
  until,
} from '@selvedge/lab'
import { expect, test } from 'vitest'
import { documentShell } from '../document-shell.js'
import { Nats } from '../nats.js'
import { printTime } from '../print-time.js'
import { SWITCH_ADDRESS } from '../rig.js'
import { Selvedged } from '../selvedged.js'

const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** The hosts of a lab, each with a folder of its own, and the guide's program on them. */
class Edge {
  readonly lab: Lab

  constructor(lab: Lab) {
    this.lab = lab
  }

  /** A server by one of the guide's files, with its paths in the lab's folder. */
  async server(where: Namespace, address: string, name: string, variables: Record<string, string> = {}) {
    const folder = this.serverFolder(where)
    await mkdir(folder, { recursive: true })
    const source = fileURLToPath(new URL(`../../../../examples/edge-on-nats/${name}`, import.meta.url))
    let text = (await readFile(source, 'utf8'))
      .replaceAll('/var/lib/nats', join(folder, 'data'))
      .replaceAll('/etc/nats', folder)
    for (const [variable, value] of Object.entries(variables)) text = text.replaceAll(`$${variable}`, value)
    const file = join(folder, name)
    await writeFile(file, text)
    const nats = new Nats(where, address, folder)
    await nats.startWith(file)
    return { nats, file }
  }

  /** In the place of /etc/nats and /var/lib/nats. */
  serverFolder({ namespace }: Namespace): string {
    return join(this.lab.directory, namespace)
  }

  folder({ name }: Host): string {
    return join(this.lab.directory, `${name}-files`)
  }

  async subnetEnv(host: Host) {
    return parseSubnetEnv(await readFile(join(this.folder(host), 'subnet.env'), 'utf8').catch(() => ''))
  }

  async addPod(host: Host): Promise<Pod> {
    const { subnet = '', mtu = 0 } = await until(
      `the subnet.env of ${host.name}`,
      async () => {
        const env = await this.subnetEnv(host)
        return env.subnet === undefined ? undefined : env
      },
      { timeoutMs: 30_000 },
    )
    return host.addPod({ subnets: [subnet], mtu })
  }
}

async function untilAllReach(pods: readonly Pod[]): Promise<void> {
  const pairs = pods.flatMap((from) => pods.filter((to) => to !== from).map((to) => ({ from, to })))
  await Promise.all(pairs.map(({ from, to }) => pingUntilReached(from, to.addresses[0] ?? '')))
}

test('hosts that know one URL and nothing else form a network; one boots without NATS, and traffic flows on', async () => {
  await using lab = await Lab.create({ hosts: 3 })
  const edge = new Edge(lab)
  const { nats, file } = await edge.server(lab.switch, SWITCH_ADDRESS, 'server.conf')
  const start = (host: Host) =>
    ExampleProgram.startBy(
      host,
      documentBlock('docs/guides/edge-on-nats.md', 'node examples/dist/edge-on-nats.js nats://192', {
        '/var/lib/edge': edge.folder(host),
      }),
    )
  const programs = lab.hosts.map(start)
  const pods = await Promise.all(lab.hosts.map((host) => edge.addPod(host)))
  await untilAllReach(pods)

  // One of them was the first.
  const said = programs.flatMap(({ lines }) => lines)
  const first = said.filter((line) => line.startsWith('the first host:'))
  expect(first).toHaveLength(1)
  expect(said.filter((line) => /^error/.test(line))).toEqual([])
  expect(JSON.parse((await nats.selvedge('config', 'show')).stdout)).toEqual(CONFIG)
  const leases = await nats.leases()
  expect([...leases.values()].sort()).toEqual(['192.168.77.1', '192.168.77.2', '192.168.77.3'])
  for (const [index, program] of programs.entries()) {
    const [own] = [...leases].find(([, address]) => address === `192.168.77.${index + 1}`) ?? []
    expect((await program.line(/^joined: (\S+), MTU 1450$/))[1]).toBe(own)
    for (const [key, address] of leases) {
      if (key !== own) await program.line(new RegExp(`^peer: ${key} at ${address}$`))
    }
  }

  const shown = documentBlock('docs/guides/edge-on-nats.md', 'the first host: it has').split('\n')
  expect([...new Set([...first, ...(programs[0]?.lines ?? [])])].sort()).toEqual(shown.sort())
  const shell = await documentShell(lab, lab.host(0))
  const listed = await shell(documentBlock('docs/guides/edge-on-nats.md', 'selvedge leases list'))
  for (const [key] of leases) expect(listed).toContain(key.replace('-', '/'))

  // The third is switched off and on again while NATS is away; the pods of the others talk all the while.
  const stream = await PingStream.start(pods[0] as Pod, pods[1]?.addresses[0] ?? '', 20)
  const before = await edge.subnetEnv(lab.host(2))
  await nats.kill()
  expect(await programs[2]?.stop()).toBe(0)
  await lab.host(2).ip('link', 'delete', 'flannel.1')
  await rm(join(edge.folder(lab.host(2)), 'subnet.env'))
  const again = start(lab.host(2))
  await again.line(/^joined: /)
  await until('its subnet.env to be as before', async () =>
    JSON.stringify(await edge.subnetEnv(lab.host(2))) === JSON.stringify(before) ? true : undefined,
  )
  await untilAllReach(pods)
  await nats.startWith(file)
  await until('the leases to be as before', async () =>
    JSON.stringify([...(await nats.leases())]) === JSON.stringify([...leases]) ? true : undefined,
  )
  const { sent, lost, longestGapMs } = await stream.stop()
  printTime(`${sent} packets, ${lost} lost, longest gap`, longestGapMs)
  expect(lost).toBe(0)
  for (const program of [programs[0], programs[1], again]) expect(await program?.stop()).toBe(0)
})

test('a server with TLS lets in who has the key of a node, the program and selvedged, and nobody else', async () => {
  await using lab = await Lab.create({ hosts: 3 })
  const edge = new Edge(lab)
  const folder = edge.serverFolder(lab.switch)
  await mkdir(folder)
  const at = (name: string) => join(folder, name)
  await lab.switch.exec('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'],
    ...['-subj', '/CN=nats', '-addext', `subjectAltName=IP:${SWITCH_ADDRESS}`],
    ...['-keyout', at('server.key'), '-out', at('server.pem')],
  ])
  const [known, unknown] = await Promise.all([makeNkey(lab.switch), makeNkey(lab.switch)])
  await writeFile(at('node.nk'), known.seed, { mode: 0o600 })
  await writeFile(at('other.nk'), unknown.seed, { mode: 0o600 })
  await edge.server(lab.switch, SWITCH_ADDRESS, 'secured.conf', { NODE_NKEY: known.publicKey })

  const [byProgram, bySelvedged, stranger] = lab.hosts
  if (byProgram === undefined || bySelvedged === undefined || stranger === undefined) throw new Error('three')
  const start = (host: Host, key: string) =>
    ExampleProgram.startBy(
      host,
      documentBlock('docs/guides/edge-on-nats.md', 'node examples/dist/edge-on-nats.js tls://', {
        '/var/lib/edge': edge.folder(host),
        'node.nk': at(key),
        'ca.pem': at('server.pem'),
      }),
    )
  const program = start(byProgram, 'node.nk')
  const agent = Selvedged.start(lab, bySelvedged, '', {
    store: [
      `--nats-servers=tls://${SWITCH_ADDRESS}:4222`,
      `--nats-nkey=${at('node.nk')}`,
      `--nats-cafile=${at('server.pem')}`,
    ],
  })
  const refused = start(stranger, 'other.nk')
  await untilAllReach([await edge.addPod(byProgram), await agent.addPod()])
  await refused.line(/NATS refuses .*Authorization Violation/)
  expect((await edge.subnetEnv(stranger)).subnet).toBeUndefined()
  for (const lines of [program.lines, refused.lines, [agent.output]]) {
    expect(lines.join('\n')).not.toContain(known.seed)
    expect(lines.join('\n')).not.toContain(unknown.seed)
  }
})

test('hosts of two sites that know their own leaf server alone share the network of the hub, and go on without it', async () => {
  await using lab = await Lab.create({ hosts: 2 })
  const edge = new Edge(lab)
  const { nats: hub, file } = await edge.server(lab.switch, SWITCH_ADDRESS, 'hub.conf')
  for (const host of lab.hosts) await edge.server(host, '127.0.0.1', 'leaf.conf')
  const program = ExampleProgram.startBy(
    lab.host(0),
    documentBlock('docs/guides/edge-on-nats.md', 'node examples/dist/edge-on-nats.js nats://127', {
      '/var/lib/edge': edge.folder(lab.host(0)),
    }),
  )
  const flags = documentBlock('docs/guides/edge-on-nats.md', 'selvedged --nats-servers', {
    '192.168.77.254': '127.0.0.1',
  }).split(' ')
  const agent = Selvedged.start(lab, lab.host(1), '', { store: [...flags.slice(1), '--nats-domain=hub'] })
  const pods = [await edge.addPod(lab.host(0)), await agent.addPod()]
  await untilAllReach(pods)
  expect([...(await hub.leases()).values()].sort()).toEqual(['192.168.77.1', '192.168.77.2'])

  const [first, second] = pods
  const stream = await PingStream.start(first as Pod, second?.addresses[0] ?? '', 20)
  await hub.kill()
  await agent.logged(/^nats is unavailable; traffic/, { timeout: 30_000 })
  await hub.startWith(file)
  await agent.logged(/^nats is back/, { timeout: 30_000 })
  expect(await stream.stop()).toMatchObject({ lost: 0 })
  expect(await program.stop()).toBe(0)
})

/** As `nk -gen user -pubout` does, which no package of Debian has. */
async function makeNkey(where: Namespace): Promise<{ readonly seed: string; readonly publicKey: string }> {
  const code = `import { createUser } from '@nats-io/nkeys'
    const user = createUser()
    console.log(JSON.stringify({ seed: new TextDecoder().decode(user.getSeed()), publicKey: user.getPublicKey() }))`
  return JSON.parse(await where.exec(process.execPath, ['--input-type=module', '-e', code]))
}
