import { fuzz, fuzzSettings, hostileJson, hostileText, outcomeOf, seededRandom } from '@selvedge/conformance'
import { isOverlayError } from '@selvedge/core'
import { encodeLeaseAttributes, IPV4_PARTS, IPV6_PARTS } from '@selvedge/core/kit'
import { expect, it } from 'vitest'
import { annotationChanges, annotationsFor } from './desired-annotations.js'
import { leaseOfNode } from './node-lease.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

const families = [IPV4_PARTS, IPV6_PARTS]
const data = { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' }
const hostileData = hostileJson([data])
const hostileAddress = hostileText(['192.0.2.1', '2001:db8::1', '10.244.0.0/24'])

it('annotations of a Node', { timeout }, async () => {
  let accepted = 0
  const report = await fuzz({
    ...settings,
    input: (random) => (random() < 0.6 ? hostileData(random) : hostileAddress(random)),
    check(text) {
      const random = seededRandom(text.length)
      const draw = (usual: string) => (random() < 0.4 ? text : usual)
      const node = {
        name: 'n1',
        uid: '1',
        resourceVersion: '1',
        created: 0,
        podCidrs: [draw('10.244.0.0/24'), draw('fd00:0:0:1::/64')],
        annotations: {
          'kube-subnet-manager': 'true',
          'backend-type': draw('vxlan'),
          'backend-data': draw(JSON.stringify(data)),
          'backend-v6-data': draw('null'),
          'public-ip': draw('192.0.2.1'),
          'public-ipv6': draw('2001:db8::1'),
          'public-ip-overwrite': draw(''),
          'node-public-ipv6': draw(''),
        },
      }
      const lease = outcomeOf(
        () => leaseOfNode(node, families),
        (error) => isOverlayError(error, 'INVALID_LEASE'),
      )
      if (lease === undefined) return
      accepted += 1
      encodeLeaseAttributes(lease.attributes)
      annotationChanges(node, annotationsFor(lease.attributes, node, families))
    },
  })
  expect(accepted, 'inputs that are leases').toBeGreaterThan(report.count / 20)
  console.log('annotations', report)
})
