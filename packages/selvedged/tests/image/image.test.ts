import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { printTime } from '../print-time.js'
import { Rig, vxlanConfig } from '../rig.js'
import { filesOf, Selvedged } from '../selvedged.js'
import { parseDockerfile } from './dockerfile.js'
import { buildPlainly } from './plain-build.js'

const run = promisify(execFile)

const CHECKOUT = fileURLToPath(new URL('../../../../', import.meta.url))
const NODE_IMAGE = 'node:24-bookworm-slim'
const DEBIAN_IMAGE = 'debian:12-slim'

const ENTRYPOINT = ['/usr/bin/node', '/opt/selvedge/selvedged/bin/selvedged.js']

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-image-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Carries out every step of the Dockerfile. @param node the file that stands for the Node.js of the image */
async function build(architecture: 'amd64' | 'arm64', variant: string, node: string): Promise<string> {
  const images = {
    [NODE_IMAGE]: join(folder, `node-${architecture}`),
    [DEBIAN_IMAGE]: join(folder, 'debian'),
  }
  await mkdir(join(images[NODE_IMAGE] ?? '', 'usr/local/bin'), { recursive: true })
  await mkdir(images[DEBIAN_IMAGE] ?? '', { recursive: true })
  await copyFile(node, join(images[NODE_IMAGE] ?? '', 'usr/local/bin/node'))
  return buildPlainly(parseDockerfile(await readFile(join(CHECKOUT, 'deploy/image/Dockerfile'), 'utf8')), {
    folder: join(folder, architecture),
    context: CHECKOUT,
    images,
    args: { TARGETARCH: architecture, IPTABLES: variant },
  })
}

/** Every file below a folder that is a program or a library, with the machine that it is for (`e_machine` of ELF). */
async function machinesBelow(root: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const content = await readFile(path)
    if (content.subarray(0, 4).toString('latin1') === '\x7fELF') found.set(path, content.readUInt16LE(18))
  }
  return found
}

async function danglingLinks(root: string): Promise<string> {
  return (await run('find', [root, '-xtype', 'l'])).stdout
}

const own = { x64: 'amd64', arm64: 'arm64' } as const
const architecture = own[process.arch as keyof typeof own]
const MACHINES = { amd64: 62, arm64: 183 }

describe(`the image for ${architecture}, built in plain folders`, () => {
  let root: string

  beforeAll(async () => {
    root = await build(architecture, 'nft', process.execPath)
  }, 120_000)

  const inImage = (...command: readonly string[]) =>
    run('/usr/sbin/chroot', [root, ...command], { env: {} }).then(({ stdout }) => stdout.trim())

  test('holds Node.js, iptables and nft, and nothing that they do not need', async () => {
    expect(await inImage('/usr/bin/node', '--version')).toBe(process.version)
    expect(await inImage('/usr/sbin/iptables', '--version')).toMatch(/^iptables v.* \(nf_tables\)$/)
    expect(await inImage('/usr/sbin/nft', '--version')).toMatch(/^nftables v/)
    expect(await inImage(...ENTRYPOINT, '--version')).not.toBe('')
    expect(
      (await readdir(join(root, 'usr/sbin'))).filter((name) => !/^ip6?tables/.test(name)).sort(),
    ).toEqual(['nft', 'xtables-nft-multi'])
    expect(await readdir(join(root, 'usr/bin'))).toEqual(['node'])
    await expect(stat(join(root, 'bin'))).rejects.toThrow('ENOENT')
    expect(await danglingLinks(root)).toBe('')
    const { stdout } = await run('du', ['-sm', root])
    process.stdout.write(`    size of the image's files: ${stdout.split('\t')[0]} MB\n`)
  })

  test('is of one architecture', async () => {
    const machines = await machinesBelow(root)
    expect([...machines].filter(([, machine]) => machine !== MACHINES[architecture])).toEqual([])
    expect(machines.size).toBeGreaterThan(20)
  })

  test('runs the agent, read-only and with NET_ADMIN alone, with traffic rules by its own iptables', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const host = rig.lab.host(0)
    const { subnetFile, leaseCache } = filesOf(rig.lab, host)
    const volumes = { '/run/flannel': dirname(subnetFile), '/var/lib/selvedge': dirname(leaseCache) }
    const mounts = Object.entries(volumes).flatMap(([at, from]) => [
      `mkdir -p '${root}${at}' '${from}'`,
      `mount --bind '${from}' '${root}${at}'`,
    ])
    const agent = Selvedged.start(rig.lab, host, rig.etcd.endpoint, {
      program: ENTRYPOINT,
      args: [
        '--ip-masq',
        '--iptables-forward-rules=true',
        '--subnet-file=/run/flannel/subnet.env',
        '--lease-cache=/var/lib/selvedge/leases',
      ],
      before: [
        `mount --bind '${root}' '${root}'`,
        `mount -t proc none '${root}/proc'`,
        ...mounts,
        `mount -o remount,bind,ro '${root}'`,
      ].join('\n'),
      // CHROOT is for the wrapper itself.
      wrapper: [
        ...['setpriv', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all,+net_admin,+sys_chroot'],
        ...['/usr/sbin/chroot', root],
      ],
    })
    await agent.inSync()
    expect(await agent.ready()).toMatchObject({ network: '10.244.0.0/16', mtu: 1450 })
    for (const chain of ['FLANNEL-FWD', 'FLANNEL-POSTRTG']) {
      await until(chain, async () =>
        (await host.exec('iptables-save', [])).includes(`:${chain}`) ? true : undefined,
      )
    }
    expect((await agent.stop()).status).toBe(0)
  })

  test('installs a plugin that runs on a host that has nothing: no Node.js, no shell, no library', async () => {
    const host = join(folder, 'empty-host')
    const bin = join(host, 'opt/cni/bin')
    await mkdir(bin, { recursive: true })
    // As the init container: with the host's folder mounted, by the command of the manifest.
    const manifest = await readFile(join(CHECKOUT, 'deploy/kubernetes/base/kube-flannel.yml'), 'utf8')
    const [, container = ''] = manifest.split('name: install-cni-plugin\n')
    const [, command = ''] = /command: \[(.*)\]/.exec(container) ?? []
    const [, args = ''] = /args: \[(.*)\]/.exec(container) ?? []
    const words = [...command.split(', '), ...args.split(', ')]
    await run('unshare', [
      '--mount',
      'sh',
      '-ec',
      `mount --bind '${bin}' '${root}/opt/cni/bin'; exec /usr/sbin/chroot '${root}' ${words.join(' ')}`,
    ])
    expect((await readdir(host)).sort()).toEqual(['opt'])
    const call = (env: Record<string, string>) => {
      const calling = run('/usr/sbin/chroot', [host, '/opt/cni/bin/flannel'], { env })
      calling.child.stdin?.end('{}')
      return calling
    }
    const begin = performance.now()
    const { stdout, stderr } = await call({ CNI_COMMAND: 'VERSION' })
    printTime('a call of the plugin as installed, Node.js included', performance.now() - begin)
    expect(JSON.parse(stdout).supportedVersions).toContain('1.1.0')
    expect(stderr).toBe('')
    const failed = await call({ CNI_COMMAND: 'ADD' }).catch((error) => error)
    expect(JSON.parse(failed.stdout)).toMatchObject({ code: expect.any(Number), msg: expect.any(String) })
  })
})

describe('the image for the other architecture, with the other iptables', () => {
  const other = architecture === 'amd64' ? 'arm64' : 'amd64'

  test('has the same files, of that architecture, though nothing of it can run here', async () => {
    const cpu = other === 'amd64' ? 'x64' : 'arm64'
    const node = join(folder, 'other-node')
    await mkdir(node)
    await run('npm', ['pack', '--silent', `node-linux-${cpu}@24`], { cwd: node })
    const [archive = ''] = await readdir(node)
    await run('tar', ['-xzf', archive, 'package/bin/node'], { cwd: node })
    const root = await build(other, 'legacy', join(node, 'package/bin/node'))
    const machines = await machinesBelow(root)
    expect([...machines].filter(([, machine]) => machine !== MACHINES[other])).toEqual([])
    const names = [...machines.keys()].map((path) => path.slice(root.length))
    for (const name of [
      '/opt/selvedge/cni/node',
      '/opt/selvedge/cni/ld.so',
      '/usr/sbin/xtables-legacy-multi',
    ]) {
      expect(names).toContain(name)
    }
    expect(names.filter((name) => /koffi\.node$|netlink.*\.node$/.test(name))).toHaveLength(2)
    expect(await danglingLinks(root)).toBe('')
  }, 120_000)
})
