import { backendSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { viaRouter } from './backend.js'

backendSuite(
  { describe, it },
  {
    setup: () => viaRouter(),
    section: { Type: 'via-router', Router: '192.0.2.254' },
    supports: { ipv6: false, dualStack: false },
  },
)
