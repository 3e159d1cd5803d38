import { createHash } from 'node:crypto'
import { fuzz, fuzzSettings, hostileJson, hostileText, outcomeOf } from '@selvedge/conformance'
import { isOverlayError, type Random } from '@selvedge/core'
import { expect, it } from 'vitest'
import { decodeCachedNode, decodeLeaseCache, encodeLeaseCache } from './format.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

const header = {
  store: 'etcd http://127.0.0.1:2379/coreos.com/network',
  asOf: '2024-01-01T00:00:00.000Z',
  config: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan', VNI: 1 } },
  externalInterface: { name: 'eth0', macAddress: '02:00:00:00:00:01', ipv4: '192.0.2.9', reason: 'its name' },
  nodeAddresses: { publicIp: '192.0.2.9' },
  storeAddresses: ['192.0.2.254', 'fd30::1'],
  own: {
    key: '10.244.5.0-24',
    attributes: '{"PublicIP":"192.0.2.9","PublicIPv6":null}',
    expiresAt: '2024-01-02T00:00:00.000Z',
    created: 5,
    version: 7,
  },
}
const record = {
  PublicIP: '192.0.2.1',
  BackendType: 'vxlan',
  BackendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' },
}

const hostileHeader = hostileJson([header])
const hostileRecord = hostileJson([record])
const hostileKey = hostileText(['10.244.6.0-24', '10.244.6.0-24&fd00:0:0:6::-64'])
const hostileLine = hostileText(['10.244.6.0-24 {"PublicIP":"192.0.2.1"}'])

/** A cache whose checksum is right, so that what is in it counts; or now and then the whole of one, edited. */
function cache(random: Random): string {
  const at = random()
  const first = at < 0.4 ? hostileHeader(random) : JSON.stringify(header)
  const lines = [
    `10.244.7.0-24 ${JSON.stringify(record)}`,
    at < 0.6 ? `10.244.6.0-24 ${hostileRecord(random)}` : at < 0.7 ? hostileLine(random) : '',
    at < 0.8 ? `${hostileKey(random)} ${JSON.stringify(record)}` : '',
  ].filter((line) => line !== '')
  const body = `selvedge leases 1\n${first}\n${lines.map((line) => `${line}\n`).join('')}`
  const sha256 = createHash('sha256').update(body).digest('hex')
  const text = `${body}${JSON.stringify({ leases: body.split('\n').length - 3, sha256 })}\n`
  return at < 0.9 ? text : hostileText([text])(random)
}

it('the lease cache', { timeout }, async () => {
  let accepted = 0
  const report = await fuzz({
    ...settings,
    input: cache,
    check(text) {
      const isExpected = (error: unknown): boolean =>
        error instanceof SyntaxError ||
        isOverlayError(error, 'INVALID_CONFIG') ||
        isOverlayError(error, 'INVALID_LEASE')
      outcomeOf(() => decodeCachedNode(text), isExpected)
      const content = outcomeOf(() => decodeLeaseCache(text), isExpected)
      if (content === undefined) return
      accepted += 1
      const written = [...encodeLeaseCache(content)].join('')
      const again = [...encodeLeaseCache(decodeLeaseCache(written))].join('')
      if (again !== written) throw new Error('it changes when it is written and read again')
    },
  })
  expect(accepted, 'inputs that are caches').toBeGreaterThan(report.count / 20)
  console.log('lease cache', report)
})
