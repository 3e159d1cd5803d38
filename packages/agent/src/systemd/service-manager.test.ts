import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ServiceManager } from './service-manager.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function manager(variables: Record<string, string>, send?: (path: string, text: string) => void) {
  const sent: string[] = []
  const errors: unknown[] = []
  const service = new ServiceManager({
    variables,
    pid: 7,
    onError: (error) => errors.push(error),
    send: send ?? ((path, text) => void sent.push(`${path} ${text}`)),
  })
  return { service, sent, errors }
}

test('notifies in order, and of the same status once', () => {
  const { service, sent } = manager({ NOTIFY_SOCKET: '/run/notify' })
  service.status('waiting for\netcd')
  service.status('waiting for\netcd')
  service.ready()
  service.stopping()
  expect(sent).toEqual([
    '/run/notify STATUS=waiting for etcd',
    '/run/notify READY=1',
    '/run/notify STOPPING=1',
  ])
})

test('without a socket it notifies nothing', () => {
  const { service, sent, errors } = manager({ WATCHDOG_USEC: '1000000' })
  service.ready()
  service.startWatchdog()
  vi.advanceTimersByTime(2000)
  expect({ sent, errors }).toEqual({ sent: [], errors: [] })
})

describe('the watchdog is notified', () => {
  test.each([
    ['twice per interval', { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '7' }, 5],
    ['twice per interval if no process is named', { WATCHDOG_USEC: '1000000' }, 5],
    ['never if another process is named', { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '8' }, 0],
    ['never if it is off', {}, 0],
    ['never if the interval is nonsense', { WATCHDOG_USEC: 'soon' }, 0],
  ])('%s', (_, variables: Record<string, string>, times) => {
    const { service, sent } = manager({ NOTIFY_SOCKET: '@n', ...variables })
    service.startWatchdog()
    vi.advanceTimersByTime(2000)
    service.stopWatchdog()
    vi.advanceTimersByTime(2000)
    expect(sent).toEqual(Array(times).fill('@n WATCHDOG=1'))
  })
})

test('a socket that refuses is reported once, and retried', () => {
  let working = false
  const sent: string[] = []
  const { service, errors } = manager({ NOTIFY_SOCKET: '/run/notify' }, (_, text) => {
    if (!working) throw new Error('refused')
    sent.push(text)
  })
  service.status('a')
  service.status('b')
  working = true
  service.ready()
  expect(errors).toEqual([new Error('refused')])
  expect(sent).toEqual(['READY=1'])
})
