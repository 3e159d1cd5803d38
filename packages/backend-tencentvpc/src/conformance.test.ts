import { backendSuite, MemoryDriver } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { tencentVpcBackend } from './backend.js'

backendSuite(
  { describe, it },
  {
    setup: () =>
      tencentVpcBackend({ driver: () => new MemoryDriver({ name: 'tencent-vpc', kinds: ['vpc-route'] }) }),
    section: { Type: 'tencent-vpc' },
    supports: { ipv6: false, dualStack: false },
  },
)
