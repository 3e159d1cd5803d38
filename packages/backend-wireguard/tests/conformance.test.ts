import { rm } from 'node:fs/promises'
import { resourceSuite } from '@selvedge/conformance'
import { Lab, until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { wireguardDevice, wireguardPeer } from '../src/driver/index.js'
import { keyPairOf, type WireguardResource, wireguardDriver } from '../src/index.js'
import { addHost, DEVICE, IMPLEMENTATIONS, keyOf } from './rig.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
})

const { privateKey, publicKey } = keyPairOf(keyOf(0))
const PSK = keyOf(99)

const device = wireguardDevice({ name: DEVICE, publicKey, listenPort: 51820, firewallMark: 0 })
const peer = (number: number, fields: object = {}) =>
  wireguardPeer({
    device: DEVICE,
    publicKey: keyOf(number),
    endpoint: `192.0.2.${number}:51820`,
    allowedIps: [`10.244.${number}.0/24`, `fd44:0:0:${number}::/64`],
    persistentKeepalive: 0,
    presharedKey: true,
    ...fields,
  })

describe.each(IMPLEMENTATIONS)('%s', (_, implementation) => {
  resourceSuite<WireguardResource, Awaited<ReturnType<typeof setup>>>(
    { describe, it },
    { setup, sharedHolder: false },
  )

  async function setup() {
    const { device: made, place } = await addHost(lab, implementation)
    const isEnded = async () => (await made.pid()) === undefined || undefined
    return {
      driver: () =>
        wireguardDriver({
          ...place,
          implementation,
          devices: [DEVICE],
          privateKey,
          presharedKey: PSK,
          pollMs: 50,
        }),
      scope: { aliases: [], links: [DEVICE], networks: [] },
      samples: [device, peer(1), peer(2), peer(3)],
      changed: [
        wireguardDevice({ ...device, listenPort: 51899, firewallMark: 7 }),
        peer(1, { endpoint: '[2001:db8::1]:4500' }),
        peer(2, { allowedIps: ['10.244.9.0/24'], persistentKeepalive: 25 }),
      ],
      refused: peer(4, { device: 'slv-none' }),
      async remove(sample: WireguardResource) {
        if (sample.kind === 'wireguard-peer') return made.set('peer', sample.publicKey, 'remove')
        if (implementation === 'kernel') return made.set('private-key', '/dev/null')
        await rm(made.socket)
        await until('wireguard-go to end', isEnded)
      },
      async state() {
        // Without a key a device is a link and nothing more, whose port is any.
        const isThere = implementation === 'kernel' || (await made.pid()) !== undefined
        const text = isThere ? await made.show().catch(() => 'no device') : 'no device'
        return text.startsWith('(none)') ? 'no device' : text
      },
    }
  }
})
