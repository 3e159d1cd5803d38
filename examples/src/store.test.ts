import { subnetManagerSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { type Contents, memoryDocument } from './document.js'
import { documentStore } from './store.js'

subnetManagerSuite(
  { describe, it },
  {
    setup(config) {
      const contents: Contents = { ...(config && { config: JSON.stringify(config) }), leases: new Map() }
      const observers = new Set<() => void>()
      const changed = () => observers.forEach((observe) => void observe())
      return {
        connect: () => documentStore(memoryDocument(contents, observers)),
        setNetworkConfig(next) {
          contents.config = JSON.stringify(next)
          changed()
        },
      }
    },
    supports: {
      expiry: false,
      reservations: false,
      administration: false,
      foreignRecords: false,
      versions: false,
      interruptions: false,
    },
  },
)
