/** `selvedge doctor` on hosts whose packets IPsec encrypts: in the kernel, or in charon if this kernel has no ESP. */
import { afterAll } from 'vitest'
import { report, type Score } from './examine.js'
import { HAS_ESP, IPSEC, IPSEC_CONFIG } from './faults/ipsec.js'
import { IPSEC_BY_CHARON } from './faults/plain-text.js'
import { describeKind } from './kind.js'

const scores: Score[] = []
afterAll(() => console.log(report(scores)))

describeKind(
  {
    name: HAS_ESP ? 'ipsec, by the kernel' : 'ipsec, by charon: this kernel has no ESP',
    config: IPSEC_CONFIG,
    faults: [...IPSEC, ...(HAS_ESP ? [] : IPSEC_BY_CHARON)],
  },
  scores,
)
