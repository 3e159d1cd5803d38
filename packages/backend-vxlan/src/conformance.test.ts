import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { vxlan } from './index.js'

backendSuite({ describe, it }, { setup: () => vxlan() })

describe('with DirectRouting', () => {
  const section = { Type: 'vxlan', VNI: 4096, DirectRouting: true }
  backendSuite({ describe, it }, { setup: () => vxlan(), section })
})
