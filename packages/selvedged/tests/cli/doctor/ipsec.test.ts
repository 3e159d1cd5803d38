/** `selvedge doctor` on hosts whose packets IPsec encrypts: in the kernel, or in charon if this kernel has no ESP. */
import { kernelHasEsp } from '@selvedge/lab'
import { afterAll } from 'vitest'
import { report, type Score } from './examine.js'
import { IPSEC_BY_CHARON } from './faults/plain-text.js'
import { describeKind } from './kind.js'

const HAS_ESP = await kernelHasEsp()

const scores: Score[] = []
afterAll(() => console.log(report(scores)))

describeKind(
  {
    name: HAS_ESP ? 'ipsec, by the kernel' : 'ipsec, by charon: this kernel has no ESP',
    config: { Network: '10.244.0.0/16', Backend: { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) } },
    faults: HAS_ESP ? [] : IPSEC_BY_CHARON,
  },
  scores,
)
