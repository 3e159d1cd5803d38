import { describe, it } from 'vitest'
import { FakeKernel } from '../fake-kernel/kernel.js'
import { driverSuite } from './suite.js'
import type { HostUnderTest } from './types.js'

function fakeHost(): HostUnderTest {
  const kernel = new FakeKernel({ interfaces: [{ addresses: ['192.168.0.1/24', 'fd00::1/64'] }] })
  return {
    driver: () => kernel.driver(),
    run: (command) => kernel.run(command),
    state: () => kernel.toText(),
  }
}

driverSuite({ describe, it }, { setup: fakeHost, quietMs: 5 })
