/** `selvedge leases` and `selvedge config`, as a process, on a real etcd, a real NATS and a real file of the local store. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asShown, CommandError, documentBlock } from '@selvedge/lab'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { documentShell } from '../document-shell.js'
import { Nats } from '../nats.js'
import { Rig, SWITCH_ADDRESS } from '../rig.js'
import { vxlanRecord as record } from './lease-record.js'
import { type RunSelvedge, selvedgeIn } from './selvedge.js'

const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } }

interface Listed {
  readonly key: string
  readonly reserved: boolean
  readonly state: string
}

let rig: Rig
let nats: Nats
beforeAll(async () => {
  rig = await Rig.create(CONFIG, { hosts: 1 })
  nats = new Nats(rig.lab.switch, SWITCH_ADDRESS, rig.lab.directory)
  await nats.start()
})
afterAll(() => rig[Symbol.asyncDispose]())

let files = 0
/** A config in a file of its own. */
async function fileOf(config: object | string): Promise<string> {
  files += 1
  const file = join(rig.lab.directory, `config-${files}.json`)
  await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config))
  return file
}

const onEtcd = (): RunSelvedge => selvedgeIn(rig.lab.switch, ['--etcd-endpoints', rig.etcd.endpoint])

describe.each(['etcd', 'nats', 'local'] as const)('on %s', (type) => {
  let selvedge: RunSelvedge
  let others: RunSelvedge
  beforeEach(async () => {
    files += 1
    const flags = {
      etcd: [`-etcd-prefix=/test-${files}/network`, '--etcd-endpoints', rig.etcd.endpoint],
      nats: [...nats.flags, `--nats-bucket=test-${files}`],
      local: ['--local-store', join(rig.lab.directory, `store-${files}.mdb`)],
    }[type]
    selvedge = selvedgeIn(rig.lab.switch, flags)
    others = selvedgeIn(rig.lab.switch, flags, ['NO_COLOR=1'])
    expect(await selvedge('config', 'set', await fileOf(CONFIG))).toMatchObject({ status: 0, stderr: '' })
  })

  test('a config that breaks a rule is not stored, and the one that is there stays', async () => {
    for (const broken of [
      '{"Network": "10.244.0.0/30"}',
      '{"Network"',
      { Network: '10.1.0.0/16', Backend: { Type: 'vxlam' } },
    ]) {
      const { status, stderr } = await selvedge('config', 'set', await fileOf(broken))
      expect(status).toBe(1)
      expect(stderr).toMatch(/^selvedge: .*(Network|JSON|vxlam)/s)
    }
    expect(JSON.parse((await selvedge('config', 'show')).stdout)).toEqual(CONFIG)
  })

  test('config diff and --dry-run write nothing, say what differs, and end with 2; with 0 if nothing does', async () => {
    const file = await fileOf({ ...CONFIG, Backend: { Type: 'vxlan', VNI: 8 } })
    for (const args of [
      ['config', 'diff', file],
      ['config', 'set', file, '--dry-run'],
    ]) {
      const { status, stdout } = await selvedge(...args)
      expect(status).toBe(2)
      expect(stdout).toContain('- Backend.VNI 7\n+ Backend.VNI 8\n')
    }
    // The same, in other words: defaults written out, keys in another case.
    const same = await fileOf({ network: '10.244.0.0/16', SubnetLen: 24, Backend: { VNI: 7, Type: 'vxlan' } })
    expect((await selvedge('config', 'diff', same)).status).toBe(0)
    expect(JSON.parse((await selvedge('config', 'show')).stdout)).toEqual(CONFIG)
  })

  test('of two operators who read one config, the second to write is refused', async () => {
    const { digest } = JSON.parse((await selvedge('config', 'show', '--json')).stdout)
    const [first, second] = [
      { ...CONFIG, SubnetMin: '10.244.9.0' },
      { ...CONFIG, SubnetMax: '10.244.99.0' },
    ]
    expect((await selvedge('config', 'set', await fileOf(first), '--if-digest', digest)).status).toBe(0)
    const late = await others('config', 'set', await fileOf(second), '--if-digest', digest, '--json')
    expect(late.status).toBe(3)
    expect(JSON.parse(late.stderr).error.code).toBe('CONFIG_CHANGED')
    expect(JSON.parse((await selvedge('config', 'show')).stdout)).toEqual(first)
  })

  test('a config that costs nodes their subnets is written by force alone', async () => {
    await selvedge('leases', 'reserve', '10.244.7.0/24', '--for', '192.0.2.7')
    const file = await fileOf({ ...CONFIG, Network: '10.99.0.0/16' })
    const refused = await selvedge('config', 'set', file)
    expect(refused.status).toBe(3)
    expect(refused.stdout).toContain('10.244.7.0/24 is outside of 10.99.0.0/16')
    expect(JSON.parse((await selvedge('config', 'show')).stdout)).toEqual(CONFIG)
    expect((await selvedge('config', 'set', file, '--force')).status).toBe(0)
    expect(JSON.parse((await selvedge('config', 'show')).stdout).Network).toBe('10.99.0.0/16')
  })

  test('a reservation is made, found by an address in it, kept from another node, and deleted', async () => {
    expect((await selvedge('leases', 'reserve', '10.244.7.0/24', '--for', '192.0.2.7')).status).toBe(0)
    const taken = await selvedge('leases', 'reserve', '10.244.7.0/24', '--for', '192.0.2.8')
    expect(taken).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('192.0.2.7 holds 10.244.7.0-24'),
    })
    expect((await selvedge('leases', 'reserve', '10.9.0.0/24', '--for', '192.0.2.8')).status).toBe(1)
    expect(JSON.parse((await selvedge('leases', 'list', '10.244.7.99', '--json')).stdout).leases).toEqual([
      expect.objectContaining({ subnet: '10.244.7.0/24', publicIp: '192.0.2.7', reserved: true }),
    ])
    expect((await selvedge('leases', 'show', '10.244.7.99')).stdout).toContain('never: it is a reservation')
    expect((await selvedge('leases', 'release', '10.244.7.0/24')).status).toBe(0)
    expect((await selvedge('leases', 'release', '10.244.7.0/24')).status).toBe(5)
  })

  test('no output holds a pre-shared key, unless it is asked for', async () => {
    const secret = Buffer.alloc(32, 'secret of the test').toString('base64')
    const file = await fileOf({ Network: '10.244.0.0/16', Backend: { Type: 'wireguard', PSK: secret } })
    const outputs = [
      await selvedge('config', 'diff', file),
      await selvedge('config', 'check', file, '--json'),
      await selvedge('config', 'set', file, '--force'),
      await selvedge('config', 'show'),
      await selvedge('config', 'show', '--json'),
      await selvedge('config', 'diff', await fileOf(CONFIG), '--json'),
    ]
    for (const { stdout, stderr } of outputs) expect(stdout + stderr).not.toContain(secret)
    const shown = await selvedge('config', 'show', '--show-secrets')
    expect(JSON.parse(shown.stdout).Backend.PSK).toBe(secret)
    const redacted = await fileOf((await selvedge('config', 'show')).stdout)
    expect((await selvedge('config', 'set', redacted)).stderr).toContain('--show-secrets')
  })
})

test('a lease that a node may use is released by force alone, and then it is gone from etcd', async () => {
  await rig.etcd.putWithTerm('10.244.30.0-24', record('192.0.2.30'))
  const refused = await onEtcd()('leases', 'release', '10.244.30.0/24')
  expect(refused.status).toBe(3)
  expect(refused.stderr.replaceAll('\n  ', ' ')).toContain('192.0.2.30 may use 10.244.30.0-24')
  expect((await rig.etcd.leases()).has('10.244.30.0-24')).toBe(true)
  expect((await onEtcd()('leases', 'release', '10.244.30.0/24', '--force')).status).toBe(0)
  expect((await rig.etcd.leases()).has('10.244.30.0-24')).toBe(false)
})

test('the config is changed as the document says, and it is said what nodes lose', async () => {
  for (const n of [7, 8]) await rig.etcd.putWithTerm(`10.244.${n}.0-24`, record(`192.0.2.${n}`))
  const shell = await documentShell(rig.lab, rig.lab.switch, {
    cwd: rig.lab.directory,
    variables: [`FLANNELD_ETCD_ENDPOINTS=${rig.etcd.endpoint}`],
    scripts: { editor: `sed -i 's/10.244.0.0/10.245.0.0/' "$1"` },
  })
  const differs = await shell(documentBlock('docs/selvedge.md', 'selvedge config show --show-secrets')).catch(
    (error) => error,
  )
  expect(differs).toBeInstanceOf(CommandError)
  expect(differs).toMatchObject({ status: 2, stderr: '' })
  const block = documentBlock('docs/selvedge.md', '- Network "10.244.0.0/16"')
  expect(asShown(block, differs.stdout)).toBe(block)
  await rig.etcd.deleteAll()
})

test('what a node publishes stays when its lease is made a reservation', async () => {
  await rig.etcd.putWithTerm('10.244.31.0-24', record('192.0.2.31'))
  expect((await onEtcd()('leases', 'reserve', '10.244.31.0/24', '--for', '192.0.2.31')).status).toBe(0)
  expect((await rig.etcd.leases()).get('10.244.31.0-24')).toBe(record('192.0.2.31'))
  expect(await rig.etcd.hasTerm('10.244.31.0-24')).toBe(false)
  await rig.etcd.delete('10.244.31.0-24')
})

test('it says when a lease in etcd ends, that a reservation does not, and marks what nobody renews', async () => {
  await rig.etcd.putWithTerm('10.244.60.0-24', record('192.0.2.60'))
  await rig.etcd.put('10.244.61.0-24', record('192.0.2.61'))
  await rig.etcd.putWithTerm('10.244.62.0-24', record('192.0.2.62'), 900)
  const { leases } = JSON.parse((await onEtcd()('leases', 'list', '10.244.6', '--json')).stdout)
  expect(leases.map(({ key, reserved, state }: Listed) => [key, reserved, state])).toEqual([
    ['10.244.60.0-24', false, 'held'],
    ['10.244.61.0-24', true, 'reserved'],
    ['10.244.62.0-24', false, 'ending'],
  ])
  expect(Date.parse(leases[0].expiresAt)).toBeGreaterThan(Date.now())
  expect(leases[1]).not.toHaveProperty('expiresAt')
  const { stdout } = await onEtcd()('leases', 'list', '10.244.6')
  expect(stdout).toMatch(/^10\.244\.60\.0\/24 +192\.0\.2\.60 +vxlan +\d+h \d+m$/m)
  expect(stdout).toMatch(/^10\.244\.61\.0\/24 +192\.0\.2\.61 +vxlan +- +reserved$/m)
  expect(stdout).toMatch(/^10\.244\.62\.0\/24 +192\.0\.2\.62 +vxlan +1[45]m( \d+s)? +ending$/m)
  expect(stdout).toMatch(/^3 leases that match 10\.244\.6, 1 reserved, 1 near the end, in etcd/m)
  expect((await onEtcd()('leases', 'show', '10.244.60.0/24')).stdout).toMatch(
    /^Ends +in .*, unless renewed$/m,
  )
  await rig.etcd.deleteAll()
})

test.each([
  ['wireguard', { Mode: 'sideways' }, 'Mode is "sideways"'],
  ['udp', { Port: 70_000 }, 'Port is 70000'],
  ['ipsec', {}, 'PSK must be text of 96 bytes or more'],
  ['ipsec', { PSK: 'k'.repeat(96), ESPProposal: 'aes 128' }, 'ESPProposal is "aes 128"'],
  [
    'extension',
    { PreStartupCommand: 'touch /tmp/never', SubnetAddCommand: 5 },
    'SubnetAddCommand is a number',
  ],
  ['tencent-vpc', { RouteTableID: 'main' }, 'RouteTableID is "main"'],
  ['ipip', { DirectRouting: 'yes' }, 'DirectRouting is "yes"'],
  ['vxlan', { VNI: 10_000_000 }, "the device's name, flannel.VNI, has at most 15 bytes"],
] as const)('config check finds what %s does not take of %j', async (Type, settings, problem) => {
  const file = await fileOf({ Network: '10.244.0.0/16', Backend: { Type, ...settings } })
  const checked = await onEtcd()('config', 'check', file)
  expect(checked.status).toBe(1)
  expect(checked.stderr.replaceAll('\n  ', ' ')).toContain(problem)
})

test('config check, diff and set let the backend judge alike: what it does not take is compared with nothing', async () => {
  const broken = await fileOf({ ...CONFIG, Backend: { Type: 'vxlan', Port: 70_000 } })
  const doubtful = await fileOf({ ...CONFIG, Backend: { Type: 'vxlan', VNI: 7, VNl: 8 } })
  const before = JSON.parse((await onEtcd()('config', 'show')).stdout)
  for (const command of [['check'], ['diff'], ['set', '--dry-run']]) {
    const refused = await onEtcd()('config', ...command, broken)
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr.replaceAll('\n  ', ' ')).toContain('Port is 70000')
    const { status, stdout } = await onEtcd()('config', ...command, doubtful, '--json')
    // A key that means nothing is a difference, too.
    expect(status).toBe(command[0] === 'check' ? 0 : 2)
    expect(JSON.parse(stdout).warnings).toEqual([
      expect.stringContaining('in the vxlan settings, the key VNl means nothing'),
    ])
  }
  for (const Type of ['host-gw', 'alloc']) {
    const { status, stdout } = await onEtcd()(
      'config',
      'diff',
      await fileOf({ ...CONFIG, Backend: { Type, VNI: 7 } }),
    )
    expect(status).toBe(2)
    expect(stdout.replaceAll('\n  ', ' ')).toContain(`? in the ${Type} settings, the key VNI means nothing`)
  }
  expect(JSON.parse((await onEtcd()('config', 'show')).stdout)).toEqual(before)
})

test('config check of a backend makes nothing, runs nothing, and needs nothing of this host', async () => {
  const trace = join(rig.lab.directory, 'command-ran')
  for (const Backend of [
    { Type: 'wireguard' },
    { Type: 'ipsec', PSK: 'k'.repeat(96) },
    { Type: 'extension', PreStartupCommand: `touch ${trace}` },
    { Type: 'tencent-vpc' },
  ]) {
    const file = await fileOf({ Network: '10.244.0.0/16', Backend })
    const checked = await selvedgeIn(
      rig.lab.switch,
      ['--etcd-endpoints', rig.etcd.endpoint, '--etcd-prefix=/none/network'],
      ['PATH=/nowhere', `WIREGUARD_KEY_FILE=${join(rig.lab.directory, 'wgkey')}`],
    )('config', 'check', file)
    expect(checked, Backend.Type).toMatchObject({ status: 0, stderr: '' })
  }
  expect(existsSync(trace)).toBe(false)
  expect(existsSync(join(rig.lab.directory, 'wgkey'))).toBe(false)
})

test('no line of a page is wider than 100 characters, with 5,000 leases of both families', async () => {
  const many = new Map<string, string>()
  for (let index = 1; index <= 5_000; index += 1) {
    const [high, low] = [index >> 8, index & 255]
    const key = `10.64.${high}.${low}-32&2001:cafe:42:${index.toString(16)}::-64`
    many.set(
      key,
      JSON.stringify({
        PublicIP: `172.20.${high}.${low}`,
        PublicIPv6: `2001:db8:ffff:ffff:ffff:ffff:${high.toString(16)}:${low.toString(16)}`,
      }),
    )
  }
  await rig.etcd.putAll(many, 86_400)
  const { status, stdout } = await onEtcd()('leases', 'list')
  expect(status).toBe(0)
  expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([])
  expect(stdout).toMatch(/^5000 leases/m)
  expect(stdout).toContain('--ends asks of all')
  expect((await onEtcd()('leases', 'list', '--limit', '3')).stdout).toMatch(/4997\s+more\s+are\s+not\s+shown/)
  for (const [flags, asked] of [
    [[], 200],
    [['--ends'], 5_000],
  ] as const) {
    const { leases } = JSON.parse((await onEtcd()('leases', 'list', '--json', ...flags)).stdout)
    const known = leases.findLastIndex(({ state }: Listed) => state === 'held') + 1
    expect([leases.length, known]).toEqual([5_000, asked])
    const rest: { expiresAt: unknown }[] = leases.slice(known)
    expect(rest.every(({ expiresAt }) => expiresAt === null)).toBe(true)
  }
})

test('a store that does not answer ends a command with 4, and says where', async () => {
  const { status, stdout, stderr } = await selvedgeIn(rig.lab.switch)(
    'leases',
    'list',
    '--etcd-endpoints=http://127.0.0.1:1',
    '--json',
  )
  expect(status).toBe(4)
  expect(stdout).toBe('')
  expect(JSON.parse(stderr).error).toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringContaining('http://127.0.0.1:1'),
  })
})

test('what is not a command, a flag or a value ends with 64', async () => {
  for (const args of [
    ['leases', 'lst'],
    ['leases', 'list', '--etcd-prefx=/a'],
    ['leases', 'list', '--limit=0'],
    ['leases', 'list', '--etcd-endpoints=http://etcd:99999'],
    ['leases', 'reserve', '10.244.7.0/24'],
  ]) {
    expect(await selvedgeIn(rig.lab.switch)(...args)).toMatchObject({ status: 64, stdout: '' })
  }
})

test('bash takes its completion, and completes commands, flags of a command and shells', async () => {
  const { stdout: script } = await selvedgeIn(rig.lab.switch)('completion', 'bash')
  const file = await fileOf(script)
  const complete = (...words: readonly string[]) =>
    rig.lab.switch.exec('bash', [
      '-ec',
      `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _selvedge; echo "\${COMPREPLY[@]}"`,
      file,
      'selvedge',
      ...words,
    ])
  expect(await complete('le')).toBe('leases\n')
  expect(await complete('leases', 're')).toBe('release reserve\n')
  expect(await complete('config', 'set', '--dr')).toBe('--dry-run\n')
  expect(await complete('completion', '')).toBe('bash zsh fish\n')
  for (const shell of ['zsh', 'fish']) {
    expect((await selvedgeIn(rig.lab.switch)('completion', shell)).stdout).toContain('reserve')
  }
})
