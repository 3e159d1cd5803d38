import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Lab, Runtime } from '@selvedge/lab'
import { median } from './median.js'

/** One verb of the CNI plugin: medians, in ms. Each is a process of its own, from its start to its end. */
export interface CniCost {
  readonly verb: string
  /** Of the `node` in PATH, which runs the plugin: `v24.1.0`. */
  readonly node: string
  readonly pluginMs: number
  /** The same Node.js with an empty program: what no plugin of it is faster than. */
  readonly emptyMs: number
  /** Its delegate for the same, called directly: Debian's `bridge`, in Go; for STATUS, which that lacks, its VERSION. */
  readonly delegateMs: number
  /** `ip netns exec` and `env`, with which all of these are called, and which is in each. */
  readonly wrapperMs: number
}

const SUBNET_ENV =
  'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'
const MODERN = `#!/bin/sh
echo '{"cniVersion":"1.1.0","supportedVersions":["1.1.0"]}'
`

async function writeProgram(path: string, text: string): Promise<string> {
  await writeFile(path, text)
  await chmod(path, 0o755)
  return path
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await call()
  return performance.now() - start
}

/** Calls the plugin as a runtime does, and beside each call what it is compared with, in turn. */
export async function measureCni(rounds: number, signal: AbortSignal): Promise<readonly CniCost[]> {
  await using lab = await Lab.create({ hosts: 1, signal })
  const host = lab.host(0)
  const runtime = await Runtime.create(host, lab.directory)
  const subnetFile = join(lab.directory, 'subnet.env')
  await writeFile(subnetFile, SUBNET_ENV)
  await writeProgram(join(runtime.folder, 'modern'), MODERN)
  const empty = await writeProgram(join(runtime.folder, 'empty'), '#!/usr/bin/env node\n')
  const node = (await host.exec('node', ['--version'])).trim()
  const verbs = verbsOn(runtime, configs(lab.directory, subnetFile))
  const times = verbs.map(() => ({ plugin: [] as number[], delegate: [] as number[] }))
  const empties: number[] = []
  const wrappers: number[] = []
  // The first round fills the compile cache, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    wrappers.push(await timed(() => host.exec('env', ['true'])))
    empties.push(await timed(() => host.exec(empty)))
    const containers = { plugin: await runtime.container(), delegate: await runtime.container() }
    for (const [i, { plugin, delegate }] of verbs.entries()) {
      times[i]?.plugin.push(await timed(() => plugin({ container: containers.plugin, ifName: 'eth0' })))
      times[i]?.delegate.push(await timed(() => delegate({ container: containers.delegate, ifName: 'eth0' })))
    }
  }
  const counted = (values: readonly number[]) => median(values.slice(1))
  return verbs.map(({ verb }, i) => ({
    verb,
    node,
    pluginMs: counted(times[i]?.plugin ?? []),
    emptyMs: counted(empties),
    wrapperMs: counted(wrappers),
    delegateMs: counted(times[i]?.delegate ?? []),
  }))
}

type Call = (at: Parameters<Runtime['call']>[3]) => Promise<unknown>

interface MeasuredVerb {
  readonly verb: string
  readonly plugin: Call
  readonly delegate: Call
}

function verbsOn(
  runtime: Runtime,
  { plugin, delegate }: ReturnType<typeof configs>,
): readonly MeasuredVerb[] {
  const calls = (verb: string) => ({
    verb,
    plugin: (at: Parameters<Call>[0]) => runtime.call(verb, 'flannel', plugin, at),
    delegate: (at: Parameters<Call>[0]) => runtime.call(verb, 'bridge', delegate, at),
  })
  const modern = { ...plugin, cniVersion: '1.1.0', delegate: { type: 'modern' } }
  return [
    calls('VERSION'),
    {
      verb: 'STATUS',
      plugin: () => runtime.call('STATUS', 'flannel', modern),
      delegate: () => runtime.call('VERSION', 'bridge', delegate),
    },
    calls('ADD'),
    calls('DEL'),
  ]
}

/** The plugin's config, and the one that its delegate gets from it, on a bridge of its own. */
function configs(folder: string, subnetFile: string) {
  const name = 'bench'
  const dataDir = join(folder, 'addresses')
  return {
    plugin: {
      cniVersion: '1.0.0',
      name,
      type: 'flannel',
      subnetFile,
      dataDir: join(folder, 'kept'),
      agentSocket: join(folder, 'no-agent.sock'),
      ipam: { dataDir },
    },
    delegate: {
      cniVersion: '1.0.0',
      name,
      type: 'bridge',
      ipMasq: false,
      isGateway: true,
      mtu: 1450,
      ipam: {
        type: 'host-local',
        dataDir,
        ranges: [[{ subnet: '10.1.17.0/24' }]],
        routes: [{ dst: '10.1.0.0/16' }],
      },
    },
  }
}
