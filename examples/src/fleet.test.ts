import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vxlan } from '@selvedge/backend-vxlan'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FleetSubnetManager, followFleet, readFleet } from './fleet.js'

let folder: string
let file: string
const backend = vxlan()
/** Of what a watch of a folder brings: soon, unless the machine is busy. */
const PATIENCE = { timeout: 10_000, interval: 20 }
const config = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** As an editor or a configuration manager does: readers see the old text or the new one. */
async function write(text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}
const say = (hosts: object) => write(JSON.stringify({ config, hosts }))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-fleet-'))
  file = join(folder, 'fleet.json')
  await write(await readFile(new URL('../fleet.json', import.meta.url), 'utf8'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const request = (publicIp: string) => ({ attributes: { publicIp, backendType: 'vxlan' } })

describe('a fleet file', () => {
  it('leases each host its subnet, and nothing to a host that it does not name', async () => {
    const store = await readFleet(file, backend)
    await using subnets = new FleetSubnetManager(store)
    expect(await subnets.acquireLease(request('192.168.77.2'))).toMatchObject({ subnet: '10.244.2.0/24' })
    await expect(subnets.acquireLease(request('192.168.77.9'))).rejects.toMatchObject({
      code: 'SUBNETS_EXHAUSTED',
      message: expect.stringContaining('192.168.77.9'),
    })
    expect(store.leases).toHaveLength(2)
  })

  it('is followed: hosts come, go and change their subnets, and what stays is not written again', async () => {
    const store = await readFleet(file, backend)
    const [first] = store.leases
    const stop = new AbortController()
    const following = followFleet(store, file, backend, stop.signal).catch((error) => error.name)
    const leases = () => Object.fromEntries(store.leases.map((lease) => [lease.attributes.publicIp, lease]))
    // A watch takes a moment to begin: what is written before it is not seen, so it is written until it is.
    await vi.waitUntil(async () => {
      await say({ '192.168.77.1': '10.244.1.0/24', '192.168.77.3': '10.244.3.0/24' })
      return leases()['192.168.77.3'] !== undefined
    }, PATIENCE)
    expect(leases()['192.168.77.2']).toBeUndefined()
    expect(leases()['192.168.77.1']).toEqual(first)
    expect(leases()['192.168.77.3']?.attributes.backendData).toEqual({
      VNI: 1,
      VtepMAC: expect.stringMatching(/:c0:a8:4d:03$/),
    })
    await say({ '192.168.77.1': '10.244.1.0/24', '192.168.77.3': '10.244.5.0/24' })
    await vi.waitUntil(() => leases()['192.168.77.3']?.subnet === '10.244.5.0/24', PATIENCE)
    expect(store.leases).toHaveLength(2)
    stop.abort()
    expect(await following).toBe('AbortError')
  })

  it('that is broken, or gives two hosts one subnet, is logged and changes no host that is there', async () => {
    const store = await readFleet(file, backend)
    const before = store.leases
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const stop = new AbortController()
    const following = followFleet(store, file, backend, stop.signal).catch((error) => error.name)
    const wrong = async (text: string, message: RegExp) => {
      await vi.waitUntil(async () => {
        await write(text)
        return logged.mock.calls.some(([error]) => message.test(String(error)))
      }, PATIENCE)
      expect(store.leases).toEqual(before)
    }
    await wrong('{ "hosts": ', /JSON/)
    await wrong('{}', /TypeError/)
    const hosts = Object.fromEntries(before.map(({ attributes, subnet }) => [attributes.publicIp, subnet]))
    await wrong(
      JSON.stringify({ config, hosts: { ...hosts, '192.168.77.9': '10.244.1.0/24' } }),
      /192\.168\.77\.1 holds 10\.244\.1\.0-24/,
    )
    stop.abort()
    await following
  })
})
