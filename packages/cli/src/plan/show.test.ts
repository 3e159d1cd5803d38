import { type AgentPlan, changesOf, operationPage } from '@selvedge/agent'
import { type Operation, parseNetworkConfig, type Resource } from '@selvedge/core'
import { address, fdb, link, neighbour, route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import { Page } from '../output/page.js'
import { showChanges, summaryOf } from './show.js'

const LEASE = { subnet: '10.244.9.0/24', attributes: { publicIp: '192.168.77.9' } }

const plan = (parts: Partial<AgentPlan>): AgentPlan => ({
  config: parseNetworkConfig({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }),
  lease: LEASE,
  mtu: 1450,
  operations: [],
  rivals: new Map(),
  desired: [],
  leases: [],
  externalInterface: { name: 'eth0', mtu: 1500, onLink: [] },
  warnings: [],
  unknown: [],
  subnetEnv: () => '',
  storeName: 'etcd',
  leaseChange: 'held',
  recordChanges: [],
  conditionChange: undefined,
  subnetFile: undefined,
  ...parts,
})

function linesOf(parts: Partial<AgentPlan>, all = false): readonly string[] {
  let text = ''
  const page = new Page(
    { stdout: (part: string) => (text += part), isTerminal: false, variables: {} } as never,
    {
      json: false,
    },
  )
  const changes = changesOf(plan(parts), '/run/flannel/subnet.env')
  showChanges(page, changes, { all })
  page.text(summaryOf(changes))
  return text.trimEnd().split('\n')
}

const put = (resource: Resource, actual?: Resource): Operation => ({
  type: 'put',
  resource,
  ...(actual && { actual }),
})

const vxlan = (fields: object, settings: object) =>
  link({
    name: 'flannel.1',
    type: 'vxlan',
    mtu: 1450,
    settings: { vni: 1, port: 8472, ...settings },
    ...fields,
  })

test('a changed object is one, with each field that differs as it is and as it would be, aligned', () => {
  const operations = [
    put(vxlan({}, {}), vxlan({ mtu: 1400 }, {})),
    put(
      route({ destination: '10.244.1.0/24', gateway: '192.168.77.1', device: 'eth0' }),
      route({ destination: '10.244.1.0/24', device: 'eth0' }),
    ),
    {
      type: 'delete' as const,
      resource: address({ link: 'flannel.1', address: '10.244.8.0', prefixLength: 32 }),
    },
  ]
  expect(linesOf({ operations })).toEqual([
    '~ link    flannel.1',
    '            mtu  1400 → 1450',
    '~ route   10.244.1.0/24',
    '            gateway  (none) → 192.168.77.1',
    '- address 10.244.8.0/32 dev flannel.1',
    '0 to add, 2 to change (1 link, 1 route), 1 to delete (1 address)',
  ])
  expect(operations.map((operation) => operationPage(operation, undefined))).toMatchObject([
    {
      actual: { mtu: 1400 },
      resource: { mtu: 1450 },
      differences: [{ field: 'mtu', before: 1400, after: 1450 }],
    },
    { differences: [{ field: 'gateway', after: '192.168.77.1' }] },
    { type: 'delete' },
  ])
})

test('a link that cannot be changed in place says so', () => {
  const before = vxlan({ mtu: 1400 }, { port: 4789 })
  expect(linesOf({ operations: [put(vxlan({}, {}), before)] }).slice(0, 3)).toEqual([
    '~ link flannel.1, recreated with all that leads over it',
    '         mtu            1400 → 1450',
    '         settings.port  4789 → 8472',
  ])
  expect(operationPage(put(vxlan({}, {}), before), undefined)).toMatchObject({ recreated: true })
})

test("rules are changed line by line, in their numbers; commands' texts are not shown", () => {
  const rules = (text: string): Resource => ({ kind: 'ruleset', key: 'ruleset iptables ipv4', ...{ text } })
  const command = (text: string): Resource => ({
    kind: 'command',
    key: 'command 10.244.1.0/24',
    ...{ subject: '10.244.1.0/24', add: { name: 'SubnetAddCommand', text, shell: true } },
  })
  const operations = [
    put(rules('-A a\n-A b\n-A b\n'), rules('-A b\n-A c\n-A a\n')),
    put(command('sEcReT'), command('other')),
  ]
  const lines = linesOf({ operations })
  expect(lines).toEqual([
    '~ ruleset iptables ipv4',
    '            - -A c',
    '            + -A b',
    '~ command 10.244.1.0/24',
    '            add.text  [not shown] → [not shown]',
    '0 to add, 2 to change (1 ruleset, 1 command), 0 to delete',
  ])
  const [first = rules('')] = [rules('-A a\n-A b\n')]
  expect(linesOf({ operations: [put(first, rules('-A b\n-A a\n'))] })[1]).toBe(
    '            + its lines in another order',
  )
  expect(JSON.stringify(operations.map((each) => operationPage(each, undefined)))).not.toContain('sEcReT')
})

test('what a migration takes over is a change, and what is another program’s says so', () => {
  const [first, second] = ['10.244.1.0/24', '10.244.2.0/24'].map((destination) =>
    route({ destination, gateway: '192.168.77.1', device: 'eth0' }),
  )
  if (first === undefined || second === undefined) throw new Error()
  const elsewhere = route({ destination: '10.244.2.0/24', gateway: '192.168.77.254', device: 'eth0' })
  const rivals = new Map([
    [first.key, { route: first, isAdopted: true }],
    [second.key, { route: elsewhere, isAdopted: false }],
  ])
  expect(linesOf({ operations: [put(first), put(second)], rivals })).toEqual([
    '~ route 10.244.1.0/24',
    '          protocol  boot → an overlay’s own',
    '~ route 10.244.2.0/24, refused: the one that is there is another program’s, and stays',
    '          gateway   192.168.77.254 → 192.168.77.1',
    '          protocol  boot → an overlay’s own',
    '0 to add, 2 to change (2 route), 0 to delete',
  ])
  expect(operationPage(put(second), rivals.get(second.key))).toMatchObject({
    adopted: false,
    actual: elsewhere,
  })
})

test('the record, the file and the condition are changes, too, of whatever a store holds', () => {
  const lines = linesOf({
    leaseChange: 'rewritten',
    recordChanges: [{ name: 'BackendData', before: 'x y '.repeat(400), after: 'z\u001b[31m' }],
    subnetFile: {
      before: 'FLANNEL_MTU=1400\nFLANNEL_IPMASQ=true\n',
      after: 'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
    },
    conditionChange: {
      name: 'NetworkUnavailable',
      before: 'True NoRouteCreated',
      after: 'False FlannelIsUp',
    },
  })
  expect(lines[0]).toBe('~ lease     10.244.9.0-24 in etcd')
  expect(lines).toContain('              FLANNEL_MTU  1400 → 1450')
  expect(lines).toContain('              NetworkUnavailable  True NoRouteCreated → False FlannelIsUp')
  expect(lines.join('')).not.toContain('\u001b')
  expect(lines.length).toBeLessThan(12)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(100)
  const moved = { before: 'A=1\nB=2\n', after: 'B=2\nA=1\n' }
  expect(linesOf({ subnetFile: moved })[1]).toMatch(/its lines in another order or form/)
})

const PEERS = 5000

test(`a plan of ${PEERS} peers is a page; --all has every line, at most 100 wide`, () => {
  const operations = Array.from({ length: PEERS }, (_, index) => {
    const base = `10.${(index >> 8) & 255}.${index & 255}.0`
    const macAddress = `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`
    const gateway = route({ destination: `${base}/24`, gateway: base, device: 'flannel.1', onLink: true })
    return [
      put(neighbour({ link: 'flannel.1', address: base, macAddress })),
      put(fdb({ link: 'flannel.1', macAddress, destination: `192.168.${index >> 8}.${index & 255}` })),
      index % 2 === 0 ? put(gateway) : put(gateway, { ...gateway, ...{ gateway: '10.9.9.9' } }),
    ]
  }).flat()
  const some = linesOf({ operations, leaseChange: 'new' })
  expect(some.length).toBeLessThan(45)
  expect(some).toContain('+ route     and 2494 more: --all shows them')
  expect(some).toContain('~ route     and 2494 more: --all shows them')
  expect(some.at(-2)).toBe(
    '12501 to add (1 lease, 5000 neighbour, 5000 fdb, 2500 route), 2500 to change (2500 route), 0 to',
  )
  const all = linesOf({ operations, leaseChange: 'new' }, true)
  expect(all.length).toBeGreaterThan(3 * PEERS)
  for (const line of [...some, ...all]) expect(line.length).toBeLessThanOrEqual(100)
})
