import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { ipip } from './index.js'

backendSuite({ describe, it }, { setup: () => ipip() })

describe('with DirectRouting', () => {
  backendSuite({ describe, it }, { setup: () => ipip(), section: { Type: 'ipip', DirectRouting: true } })
})
