import { describe, it } from 'vitest'
import { driverSuite, type HostUnderTest } from './driver-suite.js'
import { FakeKernel } from './fake-kernel.js'

function fakeHost(): HostUnderTest {
  const kernel = new FakeKernel({ interfaces: [{ addresses: ['192.168.0.1/24', 'fd00::1/64'] }] })
  return {
    driver: () => kernel.driver(),
    run: (command) => kernel.run(command),
    state: () => kernel.toText(),
  }
}

driverSuite({ describe, it }, { setup: fakeHost, quiet: 5 })
