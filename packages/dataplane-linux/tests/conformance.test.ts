import { driverSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { linux } from '../src/index.js'
import { TestNamespace } from './namespace.js'

/**
 * A link of another type that bears our name is somebody's: this driver refuses to delete it (links.test.ts). So of
 * this one test it must fail.
 */
const DECLINED = 'makes a link anew where one of its name is of another type'

driverSuite(
  { describe, it: (name, body) => (name === DECLINED ? it.fails(name, body) : it(name, body)) },
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
