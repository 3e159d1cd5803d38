import { extension } from '@selvedge/backend-extension'
import { ipip } from '@selvedge/backend-ipip'
import { ipsec, ipsecBackend } from '@selvedge/backend-ipsec'
import { tencentVpc } from '@selvedge/backend-tencentvpc'
import { udp } from '@selvedge/backend-udp'
import { vxlan } from '@selvedge/backend-vxlan'
import { wireguard } from '@selvedge/backend-wireguard'
import { createOverlay } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { firewall, trafficRules } from '@selvedge/firewall'
import { CachedNodeAddresses, CachedSubnetManager, LeaseFile, SubnetEnvFile } from '@selvedge/node-state'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { KubeSubnetManager } from '@selvedge/store-kube'
import { LocalSubnetManager } from '@selvedge/store-local'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { NatsSubnetManager } from '@selvedge/store-nats'
import { describe, expect, it } from 'vitest'

/** As a program in JavaScript calls it, which no compiler has checked. */
type Call = (options?: never) => unknown

const made =
  (Type: new (options: never) => unknown): Call =>
  (options) =>
    new Type(options as never)

/** What is called with options, and whether it can do without. */
const CALLS: Readonly<Record<string, { readonly call: Call; readonly isOptional: boolean }>> = {
  'createOverlay()': { call: (options) => createOverlay(options as never), isOptional: false },
  'new EtcdSubnetManager()': { call: made(EtcdSubnetManager), isOptional: false },
  'new KubeSubnetManager()': { call: made(KubeSubnetManager), isOptional: false },
  'new LocalSubnetManager()': { call: made(LocalSubnetManager), isOptional: false },
  'new MemoryStore()': { call: made(MemoryStore), isOptional: true },
  'new NatsSubnetManager()': { call: made(NatsSubnetManager), isOptional: false },
  'new LeaseFile()': { call: made(LeaseFile), isOptional: false },
  'new CachedSubnetManager()': { call: made(CachedSubnetManager), isOptional: false },
  'new CachedNodeAddresses()': { call: made(CachedNodeAddresses), isOptional: false },
  'new SubnetEnvFile()': { call: made(SubnetEnvFile), isOptional: false },
  'extension()': { call: extension as Call, isOptional: true },
  'ipip()': { call: ipip as Call, isOptional: true },
  'ipsec()': { call: ipsec as Call, isOptional: true },
  'ipsecBackend()': { call: (options) => ipsecBackend(false, options), isOptional: true },
  'tencentVpc()': { call: tencentVpc as Call, isOptional: true },
  'udp()': { call: udp as Call, isOptional: true },
  'vxlan()': { call: vxlan as Call, isOptional: true },
  'wireguard()': { call: wireguard as Call, isOptional: true },
  'linux()': { call: linux as Call, isOptional: true },
  'firewall()': { call: firewall as Call, isOptional: true },
  'trafficRules()': { call: trafficRules as Call, isOptional: true },
}

describe.each(Object.entries(CALLS))('%s', (name, { call, isOptional }) => {
  it('says that its options are an object', () => {
    for (const given of [5, 'text', null, []]) {
      expect(() => call(given as never)).toThrow(TypeError)
      expect(() => call(given as never)).toThrow(`${name} is called with an object of options, but it got`)
    }
  })

  it('names an option that does not exist, and those that do', () => {
    expect(() => call({ clockwork: 5 } as never)).toThrow(TypeError)
    expect(() => call({ clockwork: 5 } as never)).toThrow(`${name} has no option clockwork`)
  })

  it(isOptional ? 'needs none' : 'says what is missing', () => {
    if (isOptional) expect(() => call()).not.toThrow()
    else expect(() => call()).toThrow(/endpoints|is called with an object of options/)
  })
})

it.each<[string, () => unknown, string]>([
  [
    'endpoints',
    () => made(EtcdSubnetManager)({ endpoints: 'http://a' } as never),
    'array of text, such as ["http://127.',
  ],
  [
    'servers',
    () => made(NatsSubnetManager)({ servers: 'nats://a' } as never),
    'array of text, such as ["nats://127.',
  ],
  ['path', () => made(LocalSubnetManager)({} as never), 'is missing: it must be the path of a file'],
  [
    'interface',
    () => linux({ interface: 5 } as never),
    'is the number 5: it must be the name or an address of an inter',
  ],
  ['namespace', () => wireguard({ namespace: 5 } as never), 'is the number 5: it must be text'],
  [
    'exceptions',
    () => trafficRules({ exceptions: '10.0.0.0/8' } as never),
    'is text: it must be an array of text',
  ],
  ['access', () => made(KubeSubnetManager)({ node: 'a' } as never), 'is missing: it must be an object'],
])('the wrong kind of %s', (name, call, message) => {
  expect(call).toThrow(TypeError)
  expect(call).toThrow(`the option ${name} of `)
  expect(call).toThrow(message)
})

it('suggests the option that was probably meant', () => {
  expect(() => linux({ iface: 'eth0' } as never)).toThrow(
    'linux() has no option iface: did you mean interface?',
  )
  expect(() => vxlan({ VNI: 5 } as never)).toThrow('vxlan() has no option VNI: did you mean vni?')
  expect(() => made(MemorySubnetManager)({ confg: {} } as never)).toThrow(
    'no option confg: did you mean config?',
  )
})

it.each<[string, Call]>([
  ['linux()', linux as Call],
  ['firewall()', firewall as Call],
  ['udp()', udp as Call],
])('%s wants the path of a network namespace, not its name', (name, call) => {
  expect(() => call({ namespace: 'blue' } as never)).toThrow(
    expect.objectContaining({
      code: 'INVALID_CONFIG',
      message: `the option namespace of ${name} is 'blue', but must be a path: give a path, such as /run/netns/blue`,
    }),
  )
})

it('what a start would refuse is refused at once: an MTU, the age of keys', () => {
  const invalid = expect.objectContaining({ code: 'INVALID_CONFIG' })
  expect(() => vxlan({ mtu: 10 })).toThrow(invalid)
  expect(() => ipsec({ rekeySeconds: 1 })).toThrow(invalid)
})

it('an event that does not exist is refused, with the one that was probably meant', () => {
  const overlay = createOverlay({ subnets: new MemorySubnetManager(), backend: vxlan(), drivers: [linux()] })
  for (const add of [
    () => overlay.on('errror' as never, () => undefined),
    () => overlay.once('errror' as never, () => undefined),
    () => overlay.watch('errror' as never),
  ]) {
    expect(add).toThrow(TypeError)
    expect(add).toThrow(/no event 'errror': did you mean error\?; the events are lease, peer,/)
  }
  expect(() => overlay.on('error', undefined as never)).toThrow(
    /a listener must be a function, but it is undefined/,
  )
})
