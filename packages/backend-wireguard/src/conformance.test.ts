import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { keyPairOf, wireguardBackend } from './index.js'

/** A key for each node of a suite. */
const keysOf = (node: number) => keyPairOf(Buffer.alloc(32, node + 1).toString('base64'))

const setup = (node: number) => wireguardBackend(keysOf(node), { implementation: 'kernel' })

backendSuite({ describe, it }, { setup })

describe('with a PSK and one device for both families', () => {
  const PSK = Buffer.alloc(32, 255).toString('base64')
  backendSuite({ describe, it }, { setup, section: { Type: 'wireguard', Mode: 'auto', PSK } })
})
