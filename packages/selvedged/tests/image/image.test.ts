import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { printTime } from '../print-time.js'
import { Rig, vxlanConfig } from '../rig.js'
import { filesOf, Selvedged } from '../selvedged.js'
import { untilAllReach } from '../until-all-reach.js'
import { parseDockerfile } from './dockerfile.js'
import { buildPlainly } from './plain-build.js'

const run = promisify(execFile)

const CHECKOUT = fileURLToPath(new URL('../../../../', import.meta.url))
const NODE_IMAGE = 'node:24-bookworm-slim'
const DEBIAN_IMAGE = 'debian:12-slim'

const CONTAINER = /- name: ([\w-]+)\n +image: .*\n(?: +#.*\n)* +command: \[(.*)\]\n +args: \[(.*)\]/g

/** The containers of the manifest, those that prepare a node first. */
const manifest = await readFile(join(CHECKOUT, 'deploy/kubernetes/base/kube-flannel.yml'), 'utf8')
const containers = [...manifest.matchAll(CONTAINER)].map(([, name = '', command = '', args = '']) => ({
  name,
  command: command.split(', '),
  args: args.split(', '),
}))
const [, cniConfig = ''] = /^ {2}cni-conf\.json: \|\n((?: {4}.*\n)+)/m.exec(manifest) ?? []

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

  test('is what the manifest has three containers of', () => {
    expect(containers.map(({ name }) => name)).toEqual(['install-cni-plugin', 'install-cni', 'kube-flannel'])
  })

  test('holds Node.js, selvedge, iptables, nft, wireguard-go and charon, and nothing that they do not need', async () => {
    expect(await inImage('/usr/bin/node', '--version')).toBe(process.version)
    expect(await inImage('/usr/bin/selvedge', '--version')).toMatch(/^selvedge \d/)
    expect(await inImage('/usr/sbin/iptables', '--version')).toMatch(/^iptables v.* \(nf_tables\)$/)
    expect(await inImage('/usr/sbin/nft', '--version')).toMatch(/^nftables v/)
    expect(await inImage('/usr/bin/wireguard-go', '--version')).toMatch(/^wireguard-go /)
    // It does not even say its version without a configuration. A test below has it carry traffic.
    expect(await readdir(join(root, 'usr/lib/ipsec'))).toEqual(['charon', 'plugins'])
    const { command = [] } = containers.at(-1) ?? {}
    expect(await inImage(...command, '--version')).not.toBe('')
    expect(
      (await readdir(join(root, 'usr/sbin'))).filter((name) => !/^ip6?tables/.test(name)).sort(),
    ).toEqual(['nft', 'xtables-nft-multi'])
    expect((await readdir(join(root, 'usr/bin'))).sort()).toEqual(['node', 'selvedge', 'wireguard-go'])
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

  test('installs a plugin that runs on a host that has nothing: no Node.js, no shell, no library', async () => {
    const node = await runInitContainers('empty-node')
    const call = (env: Record<string, string>) => {
      const calling = run('/usr/sbin/chroot', [node, '/opt/cni/bin/flannel'], { env })
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

  /** Starts the agent as the manifest does: read-only, with NET_ADMIN alone, in what is a container's file system. */
  function startAgent(rig: Rig, capabilities = '+net_admin'): Selvedged {
    const host = rig.lab.host(0)
    const { subnetFile, leaseCache } = filesOf(rig.lab, host)
    const { command = [] } = containers.find(({ name }) => name === 'kube-flannel') ?? {}
    return Selvedged.start(rig.lab, host, rig.etcd.endpoint, {
      program: command,
      args: [
        '--ip-masq',
        '--iptables-forward-rules=true',
        '--subnet-file=/run/flannel/subnet.env',
        '--lease-cache=/var/lib/selvedge/leases',
        '--control-socket=/run/selvedge/control.sock',
      ],
      before: [
        `mount --bind '${root}' '${root}'`,
        `mount -t proc none '${root}/proc'`,
        // What every container has of devices (OCI runtime-spec, config-linux.md), as far as it is used.
        `mount -t tmpfs none '${root}/dev'`,
        `mkdir '${root}/dev/shm'`,
        `ln -s /proc/self/fd/0 '${root}/dev/stdin'`,
        ...['null', 'random', 'urandom'].flatMap((name) => [
          `touch '${root}/dev/${name}'`,
          `mount --bind /dev/${name} '${root}/dev/${name}'`,
        ]),
        `mkdir '${root}/dev/net'`,
        `touch '${root}/dev/net/tun'`,
        `mount --bind /dev/net/tun '${root}/dev/net/tun'`,
        `mkdir -p '${root}/var/run' '${root}/run/selvedge'`,
        `mount -t tmpfs none '${root}/var/run'`,
        `mount -t tmpfs none '${root}/run/selvedge'`,
        ...bindMount(join(dirname(subnetFile), 'wireguard'), `${root}/var/run/wireguard`),
        ...bindMount(dirname(subnetFile), `${root}/run/flannel`),
        ...bindMount(dirname(leaseCache), `${root}/var/lib/selvedge`),
        `mount -o remount,bind,ro '${root}'`,
      ].join('\n'),
      // CHROOT is for the wrapper itself.
      wrapper: [
        ...[
          'setpriv',
          '--no-new-privs',
          '--inh-caps=-all',
          `--bounding-set=-all,${capabilities},+sys_chroot`,
        ],
        ...['/usr/sbin/chroot', root],
      ],
    })
  }

  test('with wireguard, the agent runs the image’s wireguard-go with NET_ADMIN alone', async () => {
    await using rig = await Rig.create({ ...vxlanConfig, Backend: { Type: 'wireguard' } }, { hosts: 1 })
    const agent = startAgent(rig)
    await agent.inSync()
    expect(await agent.host.ip('route')).toContain('10.244.0.0/16 dev flannel-wg')
    expect((await agent.stop()).status).toBe(0)
    await agent.host.ip('link', 'delete', 'flannel-wg')
  })

  test('with ipsec, the agent runs the image’s charon with NET_ADMIN and NET_BIND_SERVICE alone', async () => {
    const Backend = { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) }
    await using rig = await Rig.create({ ...vxlanConfig, Backend }, { hosts: 2 })
    const agent = startAgent(rig, '+net_admin,+net_bind_service')
    // A host with a charon of its own.
    const other = rig.start(1, { before: 'mount -t tmpfs none /run' })
    const pods = await Promise.all([agent.addPod(), other.addPod()])
    await untilAllReach(pods, pods)
    expect((await agent.stop()).status).toBe(0)
  })

  test('with EnableNFTables, the agent writes its rules by the image’s nft', async () => {
    await using rig = await Rig.create({ ...vxlanConfig, EnableNFTables: true }, { hosts: 1 })
    const agent = startAgent(rig)
    await agent.inSync()
    for (const chain of ['forward', 'postrtg']) {
      await until(`the chain ${chain}`, async () => {
        const ruleset = await agent.host.exec('nft', ['list', 'ruleset'])
        return ruleset.includes(`chain ${chain}`) ? true : undefined
      })
    }
    expect((await agent.stop()).status).toBe(0)
  })

  test('as the manifest runs it: rules by the image’s iptables, and an address for a container by what it installed', async () => {
    const node = await runInitContainers('node')
    await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
    const agent = startAgent(rig)
    const { host, subnetFile } = agent
    await agent.inSync()
    const { subnet = '' } = await agent.ready()
    for (const chain of ['FLANNEL-FWD', 'FLANNEL-POSTRTG']) {
      await until(`the chain ${chain}`, async () =>
        (await host.exec('iptables-save')).includes(`:${chain}`) ? true : undefined,
      )
    }

    const list = JSON.parse(await readFile(join(node, 'etc/cni/net.d/10-flannel.conflist'), 'utf8'))
    const { name, cniVersion, plugins } = list
    const config = { ...plugins[0], name, cniVersion, subnetFile }
    const script = [
      ...['/opt', '/var/lib'].map((path) => `mount -t tmpfs none ${path}`),
      ...bindMount(join(node, 'opt/cni/bin'), '/opt/cni/bin'),
      'ip netns add "$CNI_CONTAINERID"',
      'trap \'ip netns delete "$CNI_CONTAINERID"\' EXIT',
      'CNI_COMMAND=ADD /opt/cni/bin/flannel',
    ]
    const container = `${host.namespace}c`
    const result = await host.exec(
      'env',
      [
        `CNI_CONTAINERID=${container}`,
        `CNI_NETNS=/run/netns/${container}`,
        'CNI_IFNAME=eth0',
        'CNI_PATH=/opt/cni/bin:/usr/lib/cni',
        ...['sh', '-ec', script.join('\n')],
      ],
      { input: JSON.stringify(config) },
    )
    const [ip] = JSON.parse(result).ips
    expect(ip.address).toMatch(`${subnet.split('.').slice(0, 3).join('.')}.`)
    expect((await agent.stop()).status).toBe(0)
  })

  /** Runs them as a kubelet does, with the folders of a node that has nothing else. @returns the node's folder */
  async function runInitContainers(name: string): Promise<string> {
    const node = join(folder, name)
    const configMap = join(folder, 'config-map')
    await mkdir(configMap, { recursive: true })
    await writeFile(join(configMap, 'cni-conf.json'), cniConfig)
    const mounts = [
      ...['/opt/cni/bin', '/etc/cni/net.d'].flatMap((path) => bindMount(`${node}${path}`, `${root}${path}`)),
      ...bindMount(configMap, `${root}/etc/kube-flannel`),
    ]
    for (const { name, command, args } of containers.slice(0, -1)) {
      expect(name).toMatch(/^install-/)
      const words = [...command, ...args].join(' ')
      const script = [...mounts, `exec /usr/sbin/chroot '${root}' ${words}`].join('\n')
      await run('unshare', ['--mount', 'sh', '-ec', script])
    }
    expect((await readdir(node)).sort()).toEqual(['etc', 'opt'])
    return node
  }
})

/** Shell commands that put one folder at the place of another. */
const bindMount = (from: string, to: string): readonly string[] => [
  `mkdir -p '${from}' '${to}'`,
  `mount --bind '${from}' '${to}'`,
]

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
