import { driverSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { linux } from '../src/index.js'
import { TestNamespace } from './namespace.js'

driverSuite(
  { describe, it },
  {
    setup() {
      const namespace = new TestNamespace()
      namespace.addExternalInterface('192.168.0.1/24', 'fd00::1/64')
      return {
        namespace,
        driver: () => linux({ namespace: namespace.path, interface: 'eth0' }),
        run: (command: string) => namespace.exec(...command.split(' ')),
        state: () => namespace.state(),
      }
    },
    teardown: ({ namespace }) => namespace[Symbol.dispose](),
  },
)
