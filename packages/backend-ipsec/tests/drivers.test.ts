import { Lab, until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ikeDriver } from '../src/charon/driver.js'
import { ikeConnection, ikeSecret, type XfrmPolicyResource, xfrmPolicy } from '../src/resource.js'
import { xfrmDriver } from '../src/xfrm/driver.js'
import { PRIORITY } from '../src/xfrm/policy.js'
import { kernelHasEsp } from '../src/xfrm/state.js'
import { Charon } from './charon.js'
import { FlannelHost } from './flannel-host.js'

/** The drivers on a real kernel and a real charon, beside what other programs have there. */

const scope = { aliases: [], links: [], networks: ['10.5.0.0/16'] }
const PSK = 'sEcReT'.repeat(16)

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create({ hosts: 2 })
})
afterAll(() => lab?.[Symbol.asyncDispose]())

const hostOf = (number: number) => {
  const host = lab.hosts[number - 1]
  if (host === undefined) throw new RangeError(`no host ${number}`)
  return host
}

describe('xfrm policies', () => {
  const tunnel = { source: '192.168.77.1', destination: '192.168.77.2' }
  const to = { source: '10.5.1.0/24', destination: '10.5.2.0/24' }
  const policy = xfrmPolicy({ direction: 'out', ...to, action: 'allow', priority: PRIORITY.tunnel, tunnel })
  const block = xfrmPolicy({
    direction: 'out',
    source: '10.5.1.0/24',
    destination: '10.5.0.0/16',
    action: 'block',
    priority: PRIORITY.block,
  })
  const open = () => xfrmDriver({ namespace: `/run/netns/${hostOf(1).namespace}` })
  const put = (resource: XfrmPolicyResource) => ({ type: 'put', resource }) as const
  const foreign = [
    ['src', '172.16.0.0/24', 'dst', '172.17.0.0/24', 'dir', 'out', 'action', 'block'],
    ['src', '10.5.1.0/24', 'dst', '10.5.9.0/24', 'dir', 'out', 'priority', '5'],
    ['src', '10.5.1.0/24', 'dst', '10.5.2.0/24', 'proto', 'tcp', 'dport', '80', 'dir', 'out'],
  ]
  const list = () => hostOf(1).ip('xfrm', 'policy')

  test('are made, changed and deleted, as ip shows them, and others are left alone', async () => {
    for (const words of foreign) await hostOf(1).ip('xfrm', 'policy', 'add', ...words)
    const before = await list()
    await using driver = open()
    expect(await driver.snapshot(scope)).toEqual([])
    expect(await driver.apply([put(policy), put(block), put(policy)])).toEqual([
      { ok: true },
      { ok: true },
      { ok: true },
    ])
    const shown = (await list()).replaceAll(/\s+/g, ' ')
    expect(shown).toContain(
      'src 10.5.1.0/24 dst 10.5.2.0/24 dir out priority 0 ptype main ' +
        'tmpl src 192.168.77.1 dst 192.168.77.2 proto esp reqid 11 mode tunnel',
    )
    expect(shown).toContain(`src 10.5.1.0/24 dst 10.5.0.0/16 dir out action block priority ${PRIORITY.block}`)
    expect(byKey(await driver.snapshot(scope))).toEqual(byKey([policy, block]))
    const moved = { ...policy, tunnel: { source: '192.168.77.1', destination: '192.168.77.3' } }
    expect(await driver.apply([put(moved)])).toEqual([{ ok: true }])
    await using other = open()
    expect(byKey(await other.snapshot(scope))).toEqual(byKey([moved, block]))
    const gone = [moved, block, moved].map((resource) => ({ type: 'delete', resource }) as const)
    expect(await other.apply(gone)).toEqual([{ ok: true }, { ok: true }, { ok: true }])
    expect(await list()).toBe(before)
  })

  test('of another program are no place for ours', async () => {
    await using driver = open()
    await driver.snapshot(scope)
    const words = ['src', '10.5.1.0/24', 'dst', '10.5.2.0/24', 'dir', 'out', 'priority', '7']
    await hostOf(1).ip('xfrm', 'policy', 'add', ...words)
    const [result] = await driver.apply([put(policy)])
    expect(result).toMatchObject({ ok: false, error: { code: 'RESOURCE_CONFLICT', errno: 'EEXIST' } })
    await hostOf(1).ip('xfrm', 'policy', 'delete', ...words.slice(0, 6))
    expect(await driver.apply([put(policy)])).toEqual([{ ok: true }])
  })

  test('are watched: changes of others to ours are reported, and nothing else', async () => {
    await using driver = open()
    await driver.snapshot(scope)
    await driver.apply([put(policy), put(block)])
    const ending = new AbortController()
    let events = 0
    const watching = (async () => {
      for await (const { type } of driver.watch?.({ signal: ending.signal }) ?? []) {
        expect(type).toBe('changed')
        events += 1
      }
    })()
    await driver.apply([put(policy)])
    const acts = [
      ['delete', 'src', '10.5.1.0/24', 'dst', '10.5.2.0/24', 'dir', 'out'],
      ['update', 'src', '10.5.1.0/24', 'dst', '10.5.0.0/16', 'dir', 'out', 'priority', '1'],
      ['flush'],
    ]
    for (const [index, words] of acts.entries()) {
      // Of no concern.
      await hostOf(1).ip('xfrm', 'policy', 'update', 'src', '1.0.0.0/8', 'dst', '2.0.0.0/8', 'dir', 'out')
      expect(events).toBe(index)
      await hostOf(1).ip('xfrm', 'policy', ...words)
      await until('the event', () => events === index + 1 || undefined)
      await driver.snapshot(scope)
      await driver.apply([put(policy), put(block)])
    }
    ending.abort()
    await watching
    expect(byKey(await driver.snapshot(scope))).toEqual(byKey([policy, block]))
  })
})

describe('an existing charon', () => {
  const network = '10.5.0.0/16'
  const secret = ikeSecret({ network, owner: '192.168.77.1' })
  const connection = ikeConnection({
    localAddress: '192.168.77.1',
    remoteAddress: '192.168.77.2',
    localId: '192.168.77.1',
    localSubnet: '10.5.1.0/24',
    remoteSubnet: '10.5.2.0/24',
  })

  test('gets connections and secrets, keeps its own, and goes on', async () => {
    const host = await FlannelHost.start(lab, hostOf(1), !(await kernelHasEsp()))
    const charon = new Charon(host.folder)
    const local = { auth: 'psk', id: 'gateway' }
    const children = { net: { local_ts: ['10.5.1.0/24'], remote_ts: ['10.5.3.0/24'], policies: 'no' } }
    await charon.command('load-conn', {
      vpn: { version: '2', remote_addrs: ['203.0.113.1'], local, remote: local, children },
    })
    await charon.command('load-shared', { id: 'vpn', type: 'IKE', data: 'another', owners: ['gateway'] })
    const settings = { psk: PSK, udpEncap: false, espProposal: 'aes128gcm16-sha256-prfsha256-ecp256' }
    const open = () => ikeDriver({ viciUri: host.uri, folder: '/nowhere', userspace: true, settings })
    await using driver = open()
    expect(await driver.snapshot(scope)).toEqual([])
    const puts = [connection, secret].map((resource) => ({ type: 'put', resource }) as const)
    expect(await driver.apply(puts)).toEqual([{ ok: true }, { ok: true }])
    expect(await driver.snapshot(scope)).toEqual([secret, connection])
    expect([...(await charon.connections())].sort()).toEqual([connection.name, 'vpn'])
    // Another run finds the connection, and cannot tell whether the secret is the PSK of now.
    await using other = open()
    expect(await other.snapshot(scope)).toEqual([{ ...secret, current: false }, connection])
    expect(await other.snapshot({ ...scope, networks: ['10.6.0.0/16'] })).toEqual([])
    const deletes = [secret, connection, secret].map((resource) => ({ type: 'delete', resource }) as const)
    expect(await other.apply(deletes)).toEqual([{ ok: true }, { ok: true }, { ok: true }])
    expect(await charon.connections()).toEqual(['vpn'])
    expect((await charon.command('get-shared', {})).keys).toEqual(['vpn'])
  })

  test('that has ended is an error that says where it was looked for', async () => {
    const settings = { psk: PSK, udpEncap: false, espProposal: 'aes128gcm16-sha256-prfsha256-ecp256' }
    const viciUri = `unix://${lab.directory}/none.vici`
    await using driver = ikeDriver({ viciUri, folder: '/nowhere', userspace: true, settings })
    expect(await driver.snapshot(scope)).toEqual([])
    const [result] = await driver.apply([{ type: 'put', resource: secret }])
    expect(result).toMatchObject({ ok: false, error: { code: 'DRIVER_REFUSED' } })
    expect(JSON.stringify(result)).not.toContain('sEcReT')
  })
})

const byKey = (resources: readonly XfrmPolicyResource[]) =>
  [...resources].sort((a, b) => (a.key < b.key ? -1 : 1))
