import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { udp } from './index.js'

backendSuite({ describe, it }, { setup: () => udp() })

describe('with a port', () => {
  backendSuite({ describe, it }, { setup: () => udp(), section: { Type: 'udp', Port: 9000 } })
})
