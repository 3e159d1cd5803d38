import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { ipsecBackend } from './index.js'

const PSK = 'k'.repeat(96)

describe.each([
  ['by the kernel', false],
  ['by charon', true],
])('ESP %s', (_what, userspace) => {
  backendSuite({ describe, it }, { setup: () => ipsecBackend(userspace), section: { Type: 'ipsec', PSK } })
})
