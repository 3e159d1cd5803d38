import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Lab, until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wireguardDevice, wireguardPeer } from '../src/driver/index.js'
import { type ImplementationName, keyPairOf, wireguardDriver } from '../src/index.js'
import { addHost, DEVICE, IMPLEMENTATIONS, keyOf } from './rig.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
})

const { privateKey, publicKey } = keyPairOf(keyOf(0))
const SCOPE = { aliases: [], links: [DEVICE], networks: [] }
const PUT_DEVICE = {
  type: 'put',
  resource: wireguardDevice({ name: DEVICE, publicKey, listenPort: 51820, firewallMark: 0 }),
} as const
const putPeer = (number: number) =>
  ({
    type: 'put',
    resource: wireguardPeer({
      device: DEVICE,
      publicKey: keyOf(number),
      endpoint: `192.0.${number >> 8}.${number & 255}:51820`,
      allowedIps: [`10.${number >> 8}.${number & 255}.0/24`],
      persistentKeepalive: 0,
      presharedKey: false,
    }),
  }) as const

async function hostWithDriver(implementation: ImplementationName) {
  const made = await addHost(lab, implementation)
  const driver = wireguardDriver({ ...made.place, implementation, devices: [DEVICE], privateKey })
  return { ...made, driver }
}

describe.each(IMPLEMENTATIONS)('%s', (what, implementation) => {
  test('takes 5,000 peers at once, and says what it has', async () => {
    const { driver } = await hostWithDriver(implementation)
    await using _ = driver
    const peers = Array.from({ length: 5000 }, (_, i) => putPeer(i + 1))
    expect(await driver.apply([PUT_DEVICE])).toMatchObject([{ ok: true }])
    const start = performance.now()
    const results = await driver.apply(peers)
    const written = performance.now()
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    const found = await driver.snapshot(SCOPE)
    const read = performance.now()
    expect(new Map(found.map((one) => [one.key, one]))).toEqual(
      new Map([PUT_DEVICE, ...peers].map(({ resource }) => [resource.key, resource])),
    )
    const times = `${Math.round(written - start)} ms to write, ${Math.round(read - written)} ms to read`
    process.stdout.write(`    ${what}: 5,000 peers take ${times}\n`)
  })
})

test.each(IMPLEMENTATIONS)(
  '%s: a port that another process has is named, and its peers are put all the same',
  async (_, implementation) => {
    const { host, driver } = await hostWithDriver(implementation)
    await using _driver = driver
    const holder = host.spawn(process.execPath, ['-e', HOLDER])
    try {
      await once(holder.stdout, 'data')
      const [device, peer] = await driver.apply([PUT_DEVICE, putPeer(1)])
      expect(device).toMatchObject({
        ok: false,
        error: {
          code: 'DRIVER_REFUSED',
          errno: 'EADDRINUSE',
          message: expect.stringMatching(/set ListenPort/),
        },
      })
      expect(peer).toMatchObject({ ok: true })
    } finally {
      holder.kill('SIGKILL')
    }
  },
)

/** Says so once it has the port. */
const HOLDER = `
const socket = require('node:dgram').createSocket('udp4').bind(51820, () => process.stdout.write('bound'))
`

describe('a wireguard-go that hangs', () => {
  test('is named in every error, and does as it is told once it goes on', async () => {
    const { device, driver } = await hostWithDriver('userspace')
    await using _ = driver
    expect(await driver.apply([PUT_DEVICE, putPeer(1)])).toMatchObject([{ ok: true }, { ok: true }])
    const pid = await device.pid()
    if (pid === undefined) throw new Error('no wireguard-go runs')
    await stop(pid)
    try {
      const said = new RegExp(`${device.socket}: it did not answer within 5000 ms.* end it`)
      const expected = { code: 'DRIVER_REFUSED', errno: 'ETIMEDOUT', message: expect.stringMatching(said) }
      await expect(driver.snapshot(SCOPE)).rejects.toMatchObject(expected)
      const [first, second] = await driver.apply([putPeer(2), putPeer(3)])
      for (const result of [first, second]) expect(result).toMatchObject({ ok: false, error: expected })
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    expect(await driver.apply([putPeer(2), putPeer(3)])).toMatchObject([{ ok: true }, { ok: true }])
    expect(await driver.snapshot(SCOPE)).toHaveLength(4)
  })

  test('is replaced by another once it is ended', async () => {
    const { device, driver } = await hostWithDriver('userspace')
    await using _ = driver
    await driver.apply([PUT_DEVICE, putPeer(1)])
    const pid = await device.pid()
    if (pid === undefined) throw new Error('no wireguard-go runs')
    await stop(pid)
    process.kill(pid, 'SIGKILL')
    const isGone = async () => (await driver.snapshot(SCOPE).catch(() => undefined))?.length === 0
    await until('its socket to be closed', async () => (await isGone()) || undefined)
    expect(await driver.apply([PUT_DEVICE, putPeer(1)])).toMatchObject([{ ok: true }, { ok: true }])
    expect(await driver.snapshot(SCOPE)).toHaveLength(2)
  })
})

/** It goes on for a moment after it was told. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await until(
    'it to stop',
    () => /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')) || undefined,
  )
}

describe('preflight', () => {
  test('names what is missing', async () => {
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    try {
      await using driver = wireguardDriver({ implementation: 'userspace', devices: [DEVICE], privateKey })
      const missing = driver.preflight?.([])
      await expect(missing).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(/wireguard-go.*apt-get install wireguard-go/),
      })
    } finally {
      process.env.PATH = path
    }
  })

  const hasKernel = IMPLEMENTATIONS.some(([, name]) => name === 'kernel')
  test(hasKernel ? "finds the kernel's WireGuard" : 'says that the kernel has no WireGuard', async () => {
    await using driver = wireguardDriver({ implementation: 'kernel', devices: [DEVICE], privateKey })
    const checked = driver.preflight?.([])
    if (hasKernel) expect(await checked).toEqual([])
    else
      await expect(checked).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(/modprobe wireguard/),
      })
  })
})
