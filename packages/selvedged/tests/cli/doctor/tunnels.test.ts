/**
 * `selvedge doctor` on hosts of a backend that needs more than every kernel has: nothing is found on those that are well, and its
 * faults are. Run on Debian's kernel, too; the names in the report say what was run.
 */
import { afterAll } from 'vitest'
import { report, type Score } from './examine.js'
import { HAS_ESP, IPSEC, IPSEC_CONFIG } from './faults/ipsec.js'
import { describeKind } from './kind.js'

const scores: Score[] = []
afterAll(() => console.log(report(scores)))

const how = HAS_ESP ? 'the kernel encrypts' : 'charon encrypts: the kernel has no ESP'
describeKind({ name: `ipsec (${how})`, config: IPSEC_CONFIG, faults: IPSEC }, scores)
